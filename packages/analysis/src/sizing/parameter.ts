// The parameters that can be sized: what they change on a machine, their legal values, and how they are set.
//
// Slots of bounce memory are powers of two, as the kernel rounds them up (kernel/dma/swiotlb.c, 6.1 and later);
// a pool of less than 128 slots for each area has fewer areas.

import {
  bootPoolSize,
  coCoSlots,
  DEFAULT_SLOTS,
  type Machine,
  type MachineOverrides,
  type PolicyChoice,
  SLOT_BYTES,
} from '@dmalab/replay';
import type { Summary } from '../summary.ts';
import type { GoalFigure } from './goal.ts';
import { type Grid, powersOfTwo, steps } from './grid.ts';

const GIB = 2 ** 30;
const DMA_IOMMU = 'drivers/iommu/dma-iommu.c';
const SET_SLOTS = 128;
const PAGE = 4096;
/** Most slots of a pool that is tried: 2 GiB. */
const MOST_SLOTS = 2 ** 20;
/** Figures that get better as a queue grows; a queue is made as large as the others allow. */
const BETTER_WITH_QUEUE: readonly GoalFigure[] = ['p99', 'invalidations'];
/** The kernels whose bounce memory has areas: 6.0 and later. */
const WITHOUT_AREAS: readonly Machine['kernel'][] = ['4.9', '4.15'];

/** A value that is taken where nobody states one. */
export interface DefaultValue {
  readonly value: number;
  readonly rule: string;
}

/** A parameter that can be sized. */
export interface SizedParameter {
  /** Dotted path, as in machine files and `sweep`. */
  readonly name: string;
  readonly unit: string;
  readonly summary: string;
  /** Bytes of one unit, 0 = not memory. */
  readonly unitBytes: number;
  /** True: more of the parameter makes the figure better, or leaves it alone; else less does. */
  wantsMore(figure: GoalFigure): boolean;
  /** Legal values on machines like these. */
  grid(machines: readonly Machine[]): Grid;
  /** The value that is tried first. */
  start(machines: readonly Machine[]): number;
  /** What changes on `machine` for this value. */
  overrides(machine: Machine, value: number, machines: readonly Machine[]): MachineOverrides;
  /** Most in use at once, in the unit; null where that says nothing. */
  peak(summary: Summary): number | null;
  /** Most in use / size, of what `hiwater` is about; null where nothing has a size. */
  usedShare(summary: Summary, value: number): number | null;
  /** What requests need at least, in the unit, by a replay in which nothing was short; null without an idea. */
  needed(summary: Summary): number | null;
  /** The values that are taken where nobody states one, each with its rule. */
  defaults(machines: readonly Machine[], memoryBytes: number): DefaultValue[];
  /** Parameter for the kernel command line; null where there is none. */
  kernelParameter(value: number, machines: readonly Machine[]): string | null;
  /** How it is set, in words. */
  setting(value: number, machines: readonly Machine[]): string;
}

const slots: SizedParameter = {
  name: 'bounce.slots',
  unit: 'slots',
  summary: 'slots of 2 KiB in the pool of bounce memory that is made at boot (swiotlb=)',
  unitBytes: SLOT_BYTES,
  wantsMore: () => true,
  grid: () => powersOfTwo(SET_SLOTS, MOST_SLOTS),
  start: () => DEFAULT_SLOTS,
  overrides: (machine, value, machines) => ({
    bounce: changed(machine.bounce, { slots: value, ...areasOf(machines, value) }),
  }),
  peak: ({ bounce, machine }) =>
    machine.bounce.name === 'dynamic' ? null : (bounce?.hiwaterSlots ?? null),
  needed: ({ bounce, machine }) =>
    machine.bounce.name === 'dynamic' ? null : (bounce?.hiwaterSlots ?? null),
  usedShare: hiwaterShare,
  defaults: (machines, memory) => (isRestricted(machines) ? [] : bootDefaults(memory)),
  kernelParameter: (value, machines) =>
    swiotlbParameter(machines, value, areasOf(machines, value).areas),
  setting(value, machines) {
    if (isRestricted(machines)) {
      return `a restricted-dma-pool of ${value * SLOT_BYTES} bytes in the device tree`;
    }
    const isTakenForNone = value === DEFAULT_SLOTS && machines.some(({ encrypted }) => encrypted);
    const note = ', which SEV and TDX take for none stated: they make it 6 % of memory';
    return `on the kernel command line${isTakenForNone ? note : ''}`;
  },
};

const areas: SizedParameter = {
  name: 'bounce.areas',
  unit: 'areas',
  summary: 'areas of the pool of bounce memory, with a lock each (swiotlb=slots,areas)',
  unitBytes: 0,
  wantsMore: (figure) => figure === 'p99',
  grid: (machines) => powersOfTwo(1, Math.min(65_536, slotsOf(machines) / SET_SLOTS)),
  start: (machines) => Math.min(wantedAreas(machines), slotsOf(machines) / SET_SLOTS),
  overrides: (machine, value, machines) => ({
    bounce: changed(machine.bounce, { slots: slotsOf(machines), areas: value }),
  }),
  peak: () => null,
  needed: () => null,
  usedShare: hiwaterShare,
  defaults: (machines) => [{ rule: 'the CPUs, as a power of two', value: areas.start(machines) }],
  kernelParameter: (value, machines) => swiotlbParameter(machines, slotsOf(machines), value),
  setting: () => 'on the kernel command line',
};

const queueSize: SizedParameter = {
  name: 'flush.size',
  unit: 'entries',
  summary: 'entries of a flush queue',
  unitBytes: 0,
  wantsMore: wantsLongerQueue,
  grid: () => powersOfTwo(2, 4_194_304),
  start: (machines) => numberOf(machines[0]?.flush ?? PERCPU, 'size', 256),
  overrides: ({ flush }, value) => ({ flush: changed(flush ?? PERCPU, { size: value }) }),
  peak: () => null,
  needed: () => null,
  usedShare: hostShare,
  defaults: (machines) => queueDefaults(machines, 256, 32_768),
  kernelParameter: () => null,
  setting: (_, machines) => `in ${DMA_IOMMU}: ${queueConstant(machines, 'SIZE')}`,
};

const queueTimeout: SizedParameter = {
  name: 'flush.timeoutMs',
  unit: 'ms',
  summary: 'longest time that an unmapped range waits in a flush queue',
  unitBytes: 0,
  wantsMore: wantsLongerQueue,
  grid: () => steps(1, 3_600_000, 1),
  start: (machines) => numberOf(machines[0]?.flush ?? PERCPU, 'timeoutMs', 10),
  overrides: ({ flush }, value) => ({ flush: changed(flush ?? PERCPU, { timeoutMs: value }) }),
  peak: () => null,
  needed: () => null,
  usedShare: hostShare,
  defaults: (machines) => queueDefaults(machines, 10, 1000),
  kernelParameter: () => null,
  setting: (_, machines) => `in ${DMA_IOMMU}: ${queueConstant(machines, 'TIMEOUT')}`,
};

const hostEntries: SizedParameter = {
  name: 'host.entries',
  unit: 'entries',
  summary: 'mapping entries that the host takes (dma_entry_limit of vfio)',
  unitBytes: 0,
  wantsMore: () => true,
  grid: () => steps(1, 2 ** 30, 1),
  start: () => 65_535,
  overrides: ({ host }, value) => ({ host: changed(limited(host, 'vfio'), { entries: value }) }),
  peak: ({ host }) => host?.peakEntries ?? null,
  needed: livePages,
  usedShare: ({ host }, value) => (host?.peakEntries ?? 0) / value,
  defaults: () => [{ rule: 'dma_entry_limit of vfio', value: 65_535 }],
  kernelParameter: (value) => `vfio_iommu_type1.dma_entry_limit=${value}`,
  setting: () => 'on the kernel command line of the host',
};

const hostPages: SizedParameter = {
  name: 'host.pages',
  unit: 'pages',
  summary: 'pages of 4 KiB that the host lets the guest pin (RLIMIT_MEMLOCK)',
  unitBytes: PAGE,
  wantsMore: () => true,
  grid: () => steps(1, 2 ** 32, 1),
  start: () => 65_536,
  overrides: ({ host }, value) => ({ host: changed(limited(host, 'pinned'), { pages: value }) }),
  peak: ({ host }) => host?.peakPinnedPages ?? null,
  needed: livePages,
  usedShare: ({ host }, value) => (host?.peakPinnedPages ?? 0) / value,
  defaults: () => [],
  kernelParameter: () => null,
  setting: () => 'by the host (RLIMIT_MEMLOCK of the hypervisor)',
};

const aperture: SizedParameter = {
  name: 'domain.aperture',
  unit: 'pages',
  summary: 'pages of 4 KiB of I/O address space in each domain, from its first address on',
  unitBytes: PAGE,
  wantsMore: () => true,
  grid: () => steps(1, 2 ** 40, 1),
  start: () => 2 ** 20,
  overrides: ({ domains }, value) => ({
    domains: domains.map((domain) => ({
      ...domain,
      apertureEnd: domain.startPfn * domain.granule + value * PAGE - 1,
    })),
  }),
  peak: pagesTaken,
  needed: livePages,
  usedShare: (summary, value) => pagesTaken(summary) / value,
  defaults: () => [],
  kernelParameter: () => null,
  setting: () => 'by the IOMMU, or by the hypervisor that advertises it',
};

/** All of them, in the order of the help. */
export const sizedParameters: readonly SizedParameter[] = [
  slots,
  areas,
  queueSize,
  queueTimeout,
  hostEntries,
  hostPages,
  aperture,
];

/** The parameter of this name, with or without its first word; a RangeError lists the known ones. */
export function sizedParameter(name: string): SizedParameter {
  const found = sizedParameters.find(
    (parameter) => parameter.name === name || parameter.name.split('.')[1] === name,
  );
  if (found) return found;
  const names = sizedParameters.map((parameter) => parameter.name).join(', ');
  throw new RangeError(`got "${name}", expected one of: ${names}`);
}

/** A queue that the domain type chose, where none is stated. */
const PERCPU: PolicyChoice = { name: 'percpu', parameters: {} };

/** Live pages at their peak, and one more: the last entry of a host is refused. */
function livePages({ occupancy }: Summary): number {
  return Math.ceil(occupancy.peakLiveBytes / PAGE) + 1;
}

/** Most pages of a domain that are live, queued or cached. */
function pagesTaken({ domains }: Summary): number {
  return domains.reduce((most, { peak, granule }) => {
    const bytes = peak.live + peak.queued + peak.cached;
    return Math.max(most, (Math.ceil(bytes / granule) * granule) / PAGE);
  }, 0);
}

function hiwaterShare({ bounce }: Summary): number | null {
  return bounce?.hiwaterShare ?? null;
}

/** What a queue fills is the host. */
function hostShare({ host }: Summary): number | null {
  if (host === null) return null;
  const { entryLimit, pageLimit, peakEntries, peakPinnedPages } = host;
  const shares = [
    ...(entryLimit === null ? [] : [peakEntries / entryLimit]),
    ...(pageLimit === null ? [] : [peakPinnedPages / pageLimit]),
  ];
  return shares.length === 0 ? null : Math.max(...shares);
}

function wantsLongerQueue(figure: GoalFigure): boolean {
  return BETTER_WITH_QUEUE.includes(figure);
}

/** 64 MiB; of a confidential guest the share of its memory, where that is known (0: not). */
function bootDefaults(memory: number): DefaultValue[] {
  const plain = { rule: '64 MiB', value: DEFAULT_SLOTS };
  if (memory === 0) return [plain];
  const { slots } = bootPoolSize(coCoSlots(memory), 1, 1);
  const rule = `6 % of ${Number((memory / GIB).toPrecision(6))} GiB, from 64 MiB to 1 GiB (SEV, TDX)`;
  return slots === DEFAULT_SLOTS
    ? [{ ...plain, rule: `64 MiB; ${rule}` }]
    : [plain, { rule, value: slots }];
}

function queueDefaults(
  machines: readonly Machine[],
  percpu: number,
  single: number,
): DefaultValue[] {
  const { name } = machines[0]?.flush ?? PERCPU;
  if (name === 'percpu') return [{ rule: 'a queue for each CPU', value: percpu }];
  return name === 'single' ? [{ rule: 'one queue for all CPUs', value: single }] : [];
}

/** The constant that has to be changed; until 6.6 there was one kind of queue. */
function queueConstant(machines: readonly Machine[], what: 'SIZE' | 'TIMEOUT'): string {
  if (machines.some(({ kernel }) => kernel !== '6.12')) return `IOVA_FQ_${what}`;
  const kind = machines[0]?.flush?.name === 'single' ? 'SINGLE' : 'DEFAULT';
  return `IOVA_${kind}_FQ_${what}`;
}

/**
 * swiotlb=slots[,areas][,force]: an older kernel would not see `force` behind areas. Null for a restricted pool, which
 * the device tree makes.
 */
export function swiotlbParameter(
  machines: readonly Machine[],
  slots: number,
  areas: number | undefined,
): string | null {
  if (isRestricted(machines)) return null;
  const words = [slots, ...(areas === undefined || !hasAreas(machines) ? [] : [areas])];
  return `swiotlb=${[...words, ...(isForced(machines) ? ['force'] : [])].join(',')}`;
}

function hasAreas(machines: readonly Machine[]): boolean {
  return machines.every(({ kernel }) => !WITHOUT_AREAS.includes(kernel));
}

function changed(choice: PolicyChoice, parameters: PolicyChoice['parameters']): PolicyChoice {
  return { name: choice.name, parameters: { ...choice.parameters, ...parameters } };
}

function limited(host: PolicyChoice, byDefault: string): PolicyChoice {
  return host.name === 'unlimited' ? { name: byDefault, parameters: {} } : host;
}

function numberOf({ parameters }: PolicyChoice, name: string, byDefault: number): number {
  const value = parameters[name];
  return typeof value === 'number' && value > 0 ? value : byDefault;
}

/** Areas that the machines would have with enough slots: all traces are sized for one command line. */
function wantedAreas(machines: readonly Machine[]): number {
  if (!hasAreas(machines)) return 1;
  return Math.max(
    1,
    ...machines.map(({ bounce, cpus }) => {
      const { areas } = bootPoolSize(DEFAULT_SLOTS, Number(bounce.parameters.areas ?? 0), cpus);
      return areas;
    }),
  );
}

/** Nothing for a restricted pool, which has one area. */
function areasOf(machines: readonly Machine[], slots: number): { areas?: number } {
  if (isRestricted(machines)) return {};
  return { areas: Math.min(wantedAreas(machines), slots / SET_SLOTS) };
}

function slotsOf(machines: readonly Machine[]): number {
  return Math.max(
    SET_SLOTS,
    ...machines.map(({ bounce, cpus }) => {
      const wanted = Number(bounce.parameters.slots ?? 0);
      return bootPoolSize(wanted, 1, cpus).slots;
    }),
  );
}

function isRestricted(machines: readonly Machine[]): boolean {
  return machines.some(({ bounce }) => bounce.name === 'restricted');
}

function isForced(machines: readonly Machine[]): boolean {
  return machines.some(({ swiotlb, encrypted }) => swiotlb === 'force' && !encrypted);
}
