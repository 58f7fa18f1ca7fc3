// Machines with one thing changed: what a replay tries against a failure, and what it shows to be in vain.

import { completeChoice, type Machine, type PolicyRegistry } from '@dmalab/replay';
import { formatCount } from '../quantity.ts';
import type { Cause } from './causes.ts';
import { swiotlbParameter } from './remedies.ts';

/** A machine and what is different about it. */
export interface Change {
  readonly change: string;
  readonly parameter: string | null;
  readonly machine: Machine;
}

const DEFAULT_SLOTS = 32_768;
const DEFAULT_ENTRIES = 65_535;
/** How often a size is doubled at most. */
const DOUBLINGS = [2, 4, 8, 16];

/** What to try against `cause`, least first; trying ends with the first that leaves no failure of it. */
export function changesFor(cause: Cause, machine: Machine, registry: PolicyRegistry): Change[] {
  switch (cause) {
    case 'leak':
      return [slotsTimes(machine, 4)];
    case 'too-large':
      return [slotsTimes(machine, 8)];
    case 'pool-full':
      return [moreAreas(machine), ...DOUBLINGS.map((factor) => slotsTimes(machine, factor))].flat();
    case 'fragmented':
    case 'coherent-memory':
    case 'coherent-pool':
      return largerPools(machine);
    case 'area-full':
      return [oneArea(machine), ...DOUBLINGS.map((factor) => slotsTimes(machine, factor))];
    case 'alignment':
      return [
        ...DOUBLINGS.map((factor) => slotsTimes(machine, factor)),
        withDevices(machine, 'no min_align_mask', { minAlignMask: 0 }),
      ];
    case 'pool-missing':
    case 'mask-overflow':
      return [withPool(machine, registry), wide(machine)];
    case 'pool-unreachable':
      return [slotsTimes(machine, 2), wide(machine)];
    case 'iova-32bit':
      return [strict(machine, registry), wide(machine)];
    case 'iova-space':
      return [strict(machine, registry)];
    case 'host-entries':
      return [
        ...DOUBLINGS.map((factor) => hostTimes(machine, 'entries', factor)),
        strict(machine, registry),
      ];
    case 'host-pinned':
      return [
        ...DOUBLINGS.map((factor) => hostTimes(machine, 'pages', factor)),
        strict(machine, registry),
      ];
    default:
      return [];
  }
}

/** The pool doubled again and again. */
export function largerPools(machine: Machine): Change[] {
  return DOUBLINGS.map((factor) => slotsTimes(machine, factor));
}

/** A dynamic pool that stays as it was at boot. */
export function withoutGrowth(machine: Machine): Change {
  const parameters = { ...machine.bounce.parameters, canGrow: false };
  return {
    change: 'a pool that does not grow',
    parameter: null,
    machine: { ...machine, bounce: { ...machine.bounce, parameters } },
  };
}

/** Slots and areas of the pool as they are chosen; 0 areas: as many as CPUs. */
export function poolOf({ bounce }: Machine): { slots: number; areas: number } {
  const slots = Number(bounce.parameters.slots ?? 0);
  return { slots: slots || DEFAULT_SLOTS, areas: Number(bounce.parameters.areas ?? 0) };
}

function withBounce(machine: Machine, slots: number, areas: number, change: string): Change {
  const parameters = {
    ...machine.bounce.parameters,
    slots,
    ...('areas' in machine.bounce.parameters ? { areas } : {}),
  };
  return {
    change,
    parameter: swiotlbParameter(slots, areas === 0 ? null : areas),
    machine: { ...machine, bounce: { ...machine.bounce, parameters } },
  };
}

function slotsTimes(machine: Machine, factor: number): Change {
  const { slots, areas } = poolOf(machine);
  return withBounce(
    machine,
    slots * factor,
    areas,
    `a pool of ${formatCount(slots * factor)} slots`,
  );
}

function oneArea(machine: Machine): Change {
  return withBounce(machine, poolOf(machine).slots, 1, 'one area');
}

function moreAreas(machine: Machine): Change[] {
  const { slots, areas } = poolOf(machine);
  const more = 2 * (areas || machine.cpus);
  return slots < 128 * more ? [] : [withBounce(machine, slots, more, `${more} areas`)];
}

function withPool(machine: Machine, registry: PolicyRegistry): Change {
  const choice = { name: 'static', parameters: { slots: DEFAULT_SLOTS } };
  return {
    change: `a bounce pool of ${formatCount(DEFAULT_SLOTS)} slots`,
    parameter: swiotlbParameter(DEFAULT_SLOTS),
    machine: {
      ...machine,
      swiotlb: machine.swiotlb === 'noforce' ? 'auto' : machine.swiotlb,
      bounce: completeChoice('bounce', choice, registry),
    },
  };
}

function withDevices(
  machine: Machine,
  change: string,
  override: Partial<Machine['devices'][number]>,
): Change {
  const devices = machine.devices.map((device) => ({ ...device, ...override }));
  return { change, parameter: null, machine: { ...machine, devices } };
}

function wide(machine: Machine): Change {
  return withDevices(machine, 'DMA masks of 64 bits', { maskBits: 64, busDmaLimit: 0 });
}

function strict(machine: Machine, registry: PolicyRegistry): Change {
  const flush = completeChoice('flush', { name: 'strict', parameters: {} }, registry);
  return {
    change: 'strict invalidation',
    parameter: 'iommu.strict=1',
    machine: { ...machine, flush },
  };
}

function hostTimes(machine: Machine, name: 'entries' | 'pages', factor: number): Change {
  const { parameters } = machine.host;
  const value = (Number(parameters[name] ?? 0) || DEFAULT_ENTRIES) * factor;
  const entries = name === 'entries';
  return {
    change: `${formatCount(value)} ${entries ? 'mapping entries' : 'pinned pages'} on the host`,
    parameter: entries ? `vfio_iommu_type1.dma_entry_limit=${value}` : null,
    machine: {
      ...machine,
      host: { ...machine.host, parameters: { ...parameters, [name]: value } },
    },
  };
}
