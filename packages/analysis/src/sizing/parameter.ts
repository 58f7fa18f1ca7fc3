// The parameters that can be sized: what they change on a machine, their legal values, and how they are set.
//
// Slots of bounce memory are powers of two, as the kernel rounds them up (kernel/dma/swiotlb.c, 6.1 and later);
// a pool of less than 128 slots for each area has fewer areas.

import {
  bootPoolSize,
  DEFAULT_SLOTS,
  type Machine,
  type MachineOverrides,
  type PolicyChoice,
} from '@dmalab/replay';
import type { Summary } from '../summary.ts';
import type { GoalFigure } from './goal.ts';
import { type Grid, powersOfTwo, steps } from './grid.ts';

const SLOT_BYTES = 2048;
const SET_SLOTS = 128;
const PAGE = 4096;
/** Most slots of a pool that is tried: 2 GiB. */
const MOST_SLOTS = 2 ** 20;
/** Figures that get better as a queue grows; a queue is made as large as the others allow. */
const BETTER_WITH_QUEUE: readonly GoalFigure[] = ['p99', 'invalidations'];

/** A parameter that can be sized. */
export interface SizedParameter {
  /** Dotted path, as in machine files and `sweep`. */
  readonly name: string;
  readonly unit: string;
  readonly summary: string;
  /** Bytes of one unit, 0 = not memory. */
  readonly unitBytes: number;
  /** True: the largest value that meets the goals is the answer; else the smallest. */
  wantsLargest(figures: readonly GoalFigure[]): boolean;
  /** Legal values on machines like these. */
  grid(machines: readonly Machine[]): Grid;
  /** The value that is tried first. */
  start(machines: readonly Machine[]): number;
  /** What changes on `machine` for this value. */
  overrides(machine: Machine, value: number, machines: readonly Machine[]): MachineOverrides;
  /** Most in use at once, in the unit; null where that says nothing. */
  peak(summary: Summary): number | null;
  /** What requests need at least, in the unit, by a replay in which nothing was short; null without an idea. */
  needed(summary: Summary): number | null;
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
  wantsLargest: () => false,
  grid: () => powersOfTwo(SET_SLOTS, MOST_SLOTS),
  start: () => DEFAULT_SLOTS,
  overrides: (machine, value, machines) => ({
    bounce: changed(machine.bounce, { slots: value, ...areasOf(machines, value) }),
  }),
  peak: ({ bounce, machine }) =>
    machine.bounce.name === 'dynamic' ? null : (bounce?.hiwaterSlots ?? null),
  needed: ({ bounce, machine }) =>
    machine.bounce.name === 'dynamic' ? null : (bounce?.hiwaterSlots ?? null),
  kernelParameter(value, machines) {
    if (isRestricted(machines)) return null;
    const { areas } = areasOf(machines, value);
    return `swiotlb=${value},${areas}${isForced(machines) ? ',force' : ''}`;
  },
  setting: (value, machines) =>
    isRestricted(machines)
      ? `a restricted-dma-pool of ${value * SLOT_BYTES} bytes in the device tree`
      : 'on the kernel command line',
};

const areas: SizedParameter = {
  name: 'bounce.areas',
  unit: 'areas',
  summary: 'areas of the pool of bounce memory, with a lock each (swiotlb=slots,areas)',
  unitBytes: 0,
  wantsLargest: (figures) => !figures.includes('p99'),
  grid: (machines) => powersOfTwo(1, Math.min(65_536, slotsOf(machines) / SET_SLOTS)),
  start: (machines) => Math.min(wantedAreas(machines), slotsOf(machines) / SET_SLOTS),
  overrides: (machine, value, machines) => ({
    bounce: changed(machine.bounce, { slots: slotsOf(machines), areas: value }),
  }),
  peak: () => null,
  needed: () => null,
  kernelParameter: (value, machines) =>
    isRestricted(machines)
      ? null
      : `swiotlb=${slotsOf(machines)},${value}${isForced(machines) ? ',force' : ''}`,
  setting: () => 'on the kernel command line',
};

const queueSize: SizedParameter = {
  name: 'flush.size',
  unit: 'entries',
  summary: 'entries of a flush queue',
  unitBytes: 0,
  wantsLargest,
  grid: () => powersOfTwo(2, 4_194_304),
  start: (machines) => numberOf(machines[0]?.flush ?? PERCPU, 'size', 256),
  overrides: ({ flush }, value) => ({ flush: changed(flush ?? PERCPU, { size: value }) }),
  peak: ({ occupancy }) => occupancy.peakQueuedEntries,
  needed: () => null,
  kernelParameter: () => null,
  setting: () => 'by the IOMMU driver (fq_size in drivers/iommu/dma-iommu.c)',
};

const queueTimeout: SizedParameter = {
  name: 'flush.timeoutMs',
  unit: 'ms',
  summary: 'longest time that an unmapped range waits in a flush queue',
  unitBytes: 0,
  wantsLargest,
  grid: () => steps(1, 3_600_000, 1),
  start: (machines) => numberOf(machines[0]?.flush ?? PERCPU, 'timeoutMs', 10),
  overrides: ({ flush }, value) => ({ flush: changed(flush ?? PERCPU, { timeoutMs: value }) }),
  peak: () => null,
  needed: () => null,
  kernelParameter: () => null,
  setting: () => 'by the IOMMU driver (fq_timeout in drivers/iommu/dma-iommu.c)',
};

const hostEntries: SizedParameter = {
  name: 'host.entries',
  unit: 'entries',
  summary: 'mapping entries that the host takes (dma_entry_limit of vfio)',
  unitBytes: 0,
  wantsLargest: () => false,
  grid: () => steps(1, 2 ** 30, 1),
  start: () => 65_535,
  overrides: ({ host }, value) => ({ host: changed(limited(host, 'vfio'), { entries: value }) }),
  peak: ({ host }) => host?.peakEntries ?? null,
  needed: livePages,
  kernelParameter: (value) => `vfio_iommu_type1.dma_entry_limit=${value}`,
  setting: () => 'on the kernel command line of the host',
};

const hostPages: SizedParameter = {
  name: 'host.pages',
  unit: 'pages',
  summary: 'pages of 4 KiB that the host lets the guest pin (RLIMIT_MEMLOCK)',
  unitBytes: PAGE,
  wantsLargest: () => false,
  grid: () => steps(1, 2 ** 32, 1),
  start: () => 65_536,
  overrides: ({ host }, value) => ({ host: changed(limited(host, 'pinned'), { pages: value }) }),
  peak: ({ host }) => host?.peakPinnedPages ?? null,
  needed: livePages,
  kernelParameter: () => null,
  setting: () => 'by the host (RLIMIT_MEMLOCK of the hypervisor)',
};

const aperture: SizedParameter = {
  name: 'domain.aperture',
  unit: 'pages',
  summary: 'pages of 4 KiB of I/O address space in each domain, from its first address on',
  unitBytes: PAGE,
  wantsLargest: () => false,
  grid: () => steps(1, 2 ** 40, 1),
  start: () => 2 ** 20,
  overrides: ({ domains }, value) => ({
    domains: domains.map((domain) => ({
      ...domain,
      apertureEnd: domain.startPfn * domain.granule + value * PAGE - 1,
    })),
  }),
  peak: ({ domains }) =>
    domains.reduce((most, { peak, granule }) => {
      const bytes = peak.live + peak.queued + peak.cached;
      return Math.max(most, (Math.ceil(bytes / granule) * granule) / PAGE);
    }, 0),
  needed: livePages,
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

function wantsLargest(figures: readonly GoalFigure[]): boolean {
  return !figures.some((figure) => BETTER_WITH_QUEUE.includes(figure));
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
