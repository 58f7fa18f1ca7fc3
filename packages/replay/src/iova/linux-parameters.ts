// What differs between kernels in the IOVA allocator, as parameters, and the presets that set them.
//
// Versions: docs/models/iova-linux.md. Each preset is checked against the code of its kernel.

import type { KernelPreset } from '../machine.ts';
import type { Parameter, ParameterList, Parameters } from '../policy.ts';

/** What differs in the tree. */
export interface LinuxTreeParameters {
  /** Lowest pfn of the domain. */
  readonly startPfn: number;
  /** Which frees below 4 GiB forget the smallest size known not to fit. none: it is not kept at all. */
  readonly max32Reset: 'anyFree' | 'hintMoved' | 'none';
  /** A failed search looks above its hint as well. */
  readonly retryAboveHint: boolean;
  /** Searches beyond 32 bits start at a hint, not at the top. */
  readonly hint64: boolean;
  /**
   * below: searches with a limit below 4 GiB start at a hint. exact: only those with the highest such limit; and
   * every free at or above the hint moves it, a free above 4 GiB back to the top.
   */
  readonly hint32: 'below' | 'exact';
  /** start: ranges may begin at the lowest pfn of the domain. above: at the next one. */
  readonly lowestPlace: 'start' | 'above';
  /** Largest alignment in pages, a power of two; larger requests are aligned to it. */
  readonly alignCapPages: number;
}

export interface LinuxIovaParameters extends LinuxTreeParameters {
  /** Pfns of a magazine. */
  readonly magazineSize: number;
  /** list: unbounded, trimmed in the background. array32: at most 32 magazines, the rest goes to the tree. */
  readonly depot: 'list' | 'array32';
  readonly trimDelayMs: number;
  /** When a failed search empties the caches and searches again. */
  readonly rcacheFlush: 'always' | 'lastChance' | 'never';
  /** Such a flush empties the depot too. */
  readonly flushDepot: boolean;
  /** all: any pfn of the magazine that is low enough. top: only the last one. */
  readonly magazineScan: 'all' | 'top';
  /** last: a cached range ends at or below the limit. first: it begins below the limit, and may end beyond. */
  readonly cacheLimit: 'last' | 'first';
  /** Which requests are rounded up to a power of two: those that caches hold, or all (VT-d before it used dma-iommu). */
  readonly roundSizes: 'cached' | 'all';
}

const NO_CAP = 2 ** 52;

const latest: LinuxIovaParameters = {
  startPfn: 1,
  alignCapPages: NO_CAP,
  magazineSize: 127,
  depot: 'list',
  trimDelayMs: 100,
  max32Reset: 'anyFree',
  rcacheFlush: 'lastChance',
  flushDepot: true,
  retryAboveHint: true,
  hint64: true,
  hint32: 'below',
  lowestPlace: 'start',
  magazineScan: 'all',
  cacheLimit: 'last',
  roundSizes: 'cached',
};
const beforeList: LinuxIovaParameters = { ...latest, depot: 'array32' };
const before511: LinuxIovaParameters = {
  ...beforeList,
  magazineSize: 128,
  flushDepot: false,
  retryAboveHint: false,
  max32Reset: 'none',
};

const presets: Readonly<Record<KernelPreset, LinuxIovaParameters>> = {
  '6.12': latest,
  '6.6': beforeList,
  '6.1': beforeList,
  '4.15': before511,
  '4.9': {
    ...before511,
    rcacheFlush: 'always',
    hint64: false,
    hint32: 'exact',
    lowestPlace: 'above',
    magazineScan: 'top',
    cacheLimit: 'first',
    roundSizes: 'all',
  },
};

const kernelParameter: Parameter = {
  name: 'kernel',
  type: 'choice',
  default: '6.12',
  choices: Object.keys(presets),
  summary: 'kernel whose allocator is modelled',
};
/** Lowest page frame: every allocator has it, and the domain of the machine sets it. */
export const startPfnParameter: Parameter = {
  name: 'startPfn',
  type: 'integer',
  default: latest.startPfn,
  range: [0, 2 ** 52],
  unit: 'pages',
  summary: 'lowest page frame of the domain',
};
/** The largest alignment (Android kernels; the Linux kernel has no limit). */
export const alignCapParameter: Parameter = {
  name: 'alignCapPages',
  type: 'integer',
  default: NO_CAP,
  range: [1, NO_CAP],
  powerOfTwo: true,
  unit: 'pages',
  summary: 'largest alignment; the default is no limit, as in the kernel',
};
const treeChoices: ParameterList = [
  choice('max32Reset', ['anyFree', 'hintMoved', 'none'], 'frees that reset max32_alloc_size'),
  choice('retryAboveHint', ['yes', 'no'], 'a failed search looks above its hint as well'),
  choice('hint64', ['yes', 'no'], 'searches beyond 32 bits start where the last one ended'),
  choice('hint32', ['below', 'exact'], 'limits below 4 GiB whose searches start at a hint'),
  choice('lowestPlace', ['start', 'above'], 'where the lowest range may begin'),
];

/** Parameters of the tree without caches. */
export const linuxTreeParameterList: ParameterList = [
  kernelParameter,
  startPfnParameter,
  alignCapParameter,
  ...treeChoices,
];

/** Parameters as typed by a user. `kernel` sets those that are left at "preset" or 0. */
export const linuxIovaParameterList: ParameterList = [
  kernelParameter,
  startPfnParameter,
  alignCapParameter,
  {
    name: 'magazineSize',
    type: 'integer',
    default: 0,
    range: [0, 65_536],
    unit: 'ranges',
    summary: 'ranges of a magazine; 0: by the kernel',
  },
  choice('depot', ['list', 'array32'], 'full magazines that CPUs share'),
  {
    name: 'trimDelayMs',
    type: 'number',
    default: latest.trimDelayMs,
    range: [0, 1e9],
    unit: 'ms',
    summary: 'delay of the background trim of a depot list',
  },
  choice('rcacheFlush', ['always', 'lastChance', 'never'], 'failed searches that empty the caches'),
  choice('flushDepot', ['yes', 'no'], 'a flush of the caches empties the depot too'),
  choice('magazineScan', ['all', 'top'], 'pfns of a magazine that are tried'),
  choice('cacheLimit', ['last', 'first'], 'pfn of a cached range that is held against the limit'),
  choice('roundSizes', ['cached', 'all'], 'requests that are rounded up to a power of two'),
  ...treeChoices,
];

/** As {@link linuxIovaParameters}; without caches pfn 0 is never given out. */
export function linuxTreeParameters(typed: Parameters): LinuxTreeParameters {
  const settled = linuxIovaParameters(typed);
  return { ...settled, startPfn: Math.max(1, settled.startPfn) };
}

/** Settles parameters as typed: those left to the preset get its value. */
export function linuxIovaParameters(typed: Parameters): LinuxIovaParameters {
  const kernel = String(typed.kernel ?? '6.12');
  const preset = (presets as Readonly<Record<string, LinuxIovaParameters>>)[kernel];
  if (preset === undefined) {
    const names = Object.keys(presets).join(', ');
    throw new RangeError(
      `Unknown kernel "${kernel}" for an IOVA policy, expected one of: ${names}`,
    );
  }
  const settled: Record<string, number | boolean | string> = { ...preset };
  for (const name of Object.keys(preset)) {
    const value = typed[name];
    if (value === undefined || value === 'preset') continue;
    if (name === 'magazineSize' && value === 0) continue;
    settled[name] = value === 'yes' ? true : value === 'no' ? false : value;
  }
  return settled as unknown as LinuxIovaParameters;
}

function choice(name: string, choices: readonly string[], summary: string): Parameter {
  return {
    name,
    type: 'choice',
    default: 'preset',
    choices: ['preset', ...choices],
    summary: `${summary}; preset: by the kernel`,
  };
}
