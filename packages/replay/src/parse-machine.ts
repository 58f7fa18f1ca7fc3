// Checks a machine file, already decoded from YAML or JSON, key by key.
//
// A file states what differs from the capture; a whole machine written as JSON is a file too. An error
// names the path of the key: `devices[0].maskBits: got "48", expected a whole number from 12 to 64`.

import { KERNEL_PRESETS } from './kernel-preset.ts';
import type { Load } from './load/load.ts';
import type {
  CostModel,
  DeviceOverride,
  FailedRequests,
  MachineDomain,
  MachineOverrides,
  PolicyChoice,
  TypeSwitch,
} from './machine.ts';
import { BUILT_IN, completeChoice, type PolicyRegistry } from './policies.ts';
import type { Parameters, PolicyKind } from './policy.ts';

type Check<T> = (path: string, value: unknown) => T;
type Shape<T> = { readonly [Key in keyof T]-?: Check<Exclude<T[Key], undefined>> };

const bool: Check<boolean> = (path, value) =>
  typeof value === 'boolean' ? value : fail(path, value, 'true or false');
const text: Check<string> = (path, value) =>
  typeof value === 'string' ? value : fail(path, value, 'a string');
const pfn = whole(0, 2 ** 52 - 1);
const address = whole(0, 2 ** 64);
const nanoseconds: Check<number> = (path, value) =>
  typeof value === 'number' && value >= 0 && value <= 1e12
    ? value
    : fail(path, value, 'nanoseconds from 0 to 1e12');

const deviceShape: Shape<DeviceOverride> = {
  name: text,
  maskBits: whole(12, 64),
  busDmaLimit: address,
  pci: bool,
  translated: bool,
  minAlignMask: mask(2 ** 31 - 1),
  segBoundary: mask(2 ** 64),
  untrusted: bool,
  forceBounce: bool,
  kmallocAlign: (path, value) =>
    value === 0
      ? 0
      : powerOfTwo(4, 4096, 'a power of two from 4 to 4096 in bytes, or 0')(path, value),
};

const failedShape: Shape<Partial<FailedRequests>> = {
  mode: oneOf(['drop', 'retry']),
  delayMs: (path, value) =>
    typeof value === 'number' && value >= 0 && value <= 1e6
      ? value
      : fail(path, value, 'milliseconds from 0 to 1e6'),
  tries: whole(1, 1_000_000),
};

const domainShape: Shape<Partial<MachineDomain>> = {
  granule: powerOfTwo(1, 2 ** 31, 'a power of two in bytes'),
  startPfn: pfn,
  reserved: list(pfnRange),
  apertureEnd: address,
  type: oneOf(['DMA', 'DMA-FQ', 'identity']),
  deferredFlush: bool,
  groupDevices: whole(1, 65_535),
};

const costShape: Shape<Partial<CostModel>> = {
  rcache: nanoseconds,
  depotExchange: nanoseconds,
  cacheFlush: nanoseconds,
  treeSearch: nanoseconds,
  treeStep: nanoseconds,
  treeUpdate: nanoseconds,
  invalidateRange: nanoseconds,
  invalidateAll: nanoseconds,
  pageTableEntry: nanoseconds,
  bounceSearch: nanoseconds,
  bounceProbe: nanoseconds,
  bounceArea: nanoseconds,
  transientPool: nanoseconds,
  copyByte: nanoseconds,
  convertCall: nanoseconds,
  convertPage: nanoseconds,
  hostRange: nanoseconds,
  hostGlobal: nanoseconds,
  hostEntry: nanoseconds,
};

const loadShape: Shape<Partial<Load>> = {
  rate: (path, value) =>
    typeof value === 'number' && value >= 1e-3 && value <= 1e6
      ? value
      : fail(path, value, 'a number from 0.001 to 1e6'),
  copies: whole(1, 1024),
  seed: whole(0, 2 ** 32 - 1),
  shift: (path, value) =>
    typeof value === 'number' && value >= 0 && value <= 1e9
      ? value
      : fail(path, value, 'nanoseconds from 0 to 1e9'),
};

type Choices = 'allocator' | 'flush' | 'bounce' | 'host';

/** ns of a number, or of a text such as "2 s" or "10 ms". */
const time: Check<number> = (path, value) => {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?(ns|us|ms|s)$/.exec(String(value)) ?? [];
  const ns = unit === undefined ? value : Math.round(Number(number) * (UNITS[unit] ?? 0));
  return typeof ns === 'number' && ns >= 0 && ns <= 1e15
    ? ns
    : fail(path, value, 'ns from 0 on, or a text such as "2 s" or "10 ms"');
};
const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

const TYPE_WORDS = ['DMA', 'DMA-FQ', 'DMA-SQ', 'identity', 'auto'] as const;

const typeSwitchShape: Shape<TypeSwitch> = {
  at: time,
  domain: whole(0, 65_535),
  to: oneOf(TYPE_WORDS),
  bound: bool,
};

const typeSwitch: Check<TypeSwitch> = (path, value) => {
  const { at, to, domain = 0, bound = true } = record(typeSwitchShape)(path, value);
  if (at === undefined) return fail(`${path}.at`, undefined, 'the time of the switch');
  if (to === undefined) return fail(`${path}.to`, undefined, `one of: ${TYPE_WORDS.join(', ')}`);
  return { at, domain, to, bound };
};

const machineShape: Shape<Omit<MachineOverrides, Choices> & { unverified?: boolean }> = {
  // YAML reads 6.1 without quotes as a number.
  kernel: (path, value) =>
    oneOf(KERNEL_PRESETS)(path, typeof value === 'number' ? `${value}` : value),
  unverified: bool,
  cpus: whole(1, 65_535),
  hz: whole(1, 10_000),
  timerMode: oneOf(['ideal', 'exact', 'wheel']),
  tickPhase: nanoseconds,
  sac: oneOf(['always', 'sticky', 'off']),
  devices: list((path, value) => {
    const device = record(deviceShape)(path, value);
    return device.name === undefined ? fail(`${path}.name`, undefined, 'a string') : device;
  }) as Check<DeviceOverride[]>,
  domain: record(domainShape),
  domains: list(record(domainShape)),
  typeSwitches: list(typeSwitch),
  fqInitReads: oneOf(['options', 'requestedType', 'domainType']),
  recordedFailures: oneOf(['hold', 'drop']),
  load: (path, value) => (value === null ? null : record(loadShape)(path, value)),
  loop: oneOf(['open', 'closed']),
  failedRequests: record(failedShape),
  swiotlb: oneOf(['auto', 'force', 'noforce']),
  encrypted: bool,
  memory: whole(0, 2 ** 52),
  tlbRefresh: bool,
  cost: record(costShape),
};

function choiceShape(registry: PolicyRegistry): Shape<Pick<MachineOverrides, Choices>> {
  const policy = (kind: PolicyKind): Check<PolicyChoice> => policyOf(kind, registry);
  return {
    allocator: policy('iova'),
    flush: (path, value) => (value === null ? null : policy('flush')(path, value)),
    bounce: policy('bounce'),
    host: policy('host'),
  };
}

/** The overrides that a decoded machine file asks for; a RangeError names the key that is wrong. */
export function parseMachine(
  value: unknown,
  registry: PolicyRegistry = BUILT_IN,
): MachineOverrides {
  const shape = { ...machineShape, ...choiceShape(registry) };
  const { unverified: _, ...overrides } = record(shape)('', value ?? {});
  return overrides;
}

function policyOf(kind: PolicyKind, registry: PolicyRegistry): Check<PolicyChoice> {
  return (path, value) => {
    const choice = typeof value === 'string' ? { name: value } : value;
    const { name, parameters } = record({ name: text, parameters: parametersOf })(path, choice);
    if (name === undefined) return fail(`${path}.name`, undefined, 'the name of a policy');
    const given = { name, parameters: parameters ?? {} };
    // Checked here for the path in the message; defaults are filled in when the machine is made.
    try {
      completeChoice(kind, given, registry);
    } catch (error) {
      if (error instanceof RangeError) throw new RangeError(`${path}: ${error.message}`);
      throw error;
    }
    return given;
  };
}

function parametersOf(path: string, value: unknown): Parameters {
  for (const [key, parameter] of Object.entries(objectOf(path, value))) {
    if (['number', 'boolean', 'string'].includes(typeof parameter)) continue;
    fail(`${path}.${key}`, parameter, 'a number, true or false, or a word');
  }
  return value as Parameters;
}

function pfnRange(path: string, value: unknown): readonly [number, number] {
  const [lo, hi, more] = Array.isArray(value) ? (value as unknown[]) : [];
  if (lo === undefined || hi === undefined || more !== undefined) {
    return fail(path, value, 'a pair [first pfn, last pfn]');
  }
  const first = pfn(`${path}[0]`, lo);
  return [first, whole(first, 2 ** 52 - 1)(`${path}[1]`, hi)];
}

function record<T>(shape: Shape<T>): Check<Partial<T>> {
  return (path, value) => {
    const checked: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(objectOf(path, value))) {
      const check = (shape as Record<string, Check<unknown> | undefined>)[key];
      const at = path === '' ? key : `${path}.${key}`;
      if (!check || !Object.hasOwn(shape, key)) {
        throw new RangeError(
          `Unknown key "${at}", expected one of: ${Object.keys(shape).join(', ')}`,
        );
      }
      if (inner !== undefined) checked[key] = check(at, inner);
    }
    return checked as Partial<T>;
  };
}

function list<T>(item: Check<T>): Check<T[]> {
  return (path, value) =>
    Array.isArray(value)
      ? value.map((inner, i) => item(`${path}[${i}]`, inner))
      : fail(path, value, 'a list');
}

function oneOf<T extends string>(words: readonly T[]): Check<T> {
  return (path, value) =>
    words.find((word) => word === value) ?? fail(path, value, `one of: ${words.join(', ')}`);
}

function whole(low: number, high: number): Check<number> {
  return (path, value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high
      ? value
      : fail(path, value, `a whole number from ${low} to ${high}`);
}

function powerOfTwo(low: number, high: number, expected: string): Check<number> {
  return (path, value) =>
    typeof value === 'number' && value >= low && value <= high && Number.isInteger(Math.log2(value))
      ? value
      : fail(path, value, expected);
}

/** All ones below some bit; beyond 2^53 a double reads as the power of two above. */
function mask(high: number): Check<number> {
  return (path, value) =>
    typeof value === 'number' &&
    value >= 0 &&
    value <= high &&
    Number.isInteger(Math.log2(value + 1))
      ? value
      : fail(path, value, 'a mask of low bits, as in 4095 or 0xffffffff');
}

function objectOf(path: string, value: unknown): object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? value
    : fail(path || 'machine', value, 'keys with values');
}

function fail(path: string, value: unknown, expected: string): never {
  const got = JSON.stringify(value) ?? 'nothing';
  const short = got.length > 60 ? `${got.slice(0, 60)}...` : got;
  throw new RangeError(`${path}: got ${short}, expected ${expected}`);
}
