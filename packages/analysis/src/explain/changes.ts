// Machines with one thing changed: what a replay tries against a failure, and what it shows to be in vain.
//
// What is tried says which line of docs/explain.md it proves: one of what helps, or one of what does not.

import { bootPoolSize, completeChoice, type Machine, type PolicyRegistry } from '@dmalab/replay';
import { formatCount } from '../quantity.ts';
import { swiotlbParameter } from '../sizing/parameter.ts';
import type { Cause } from './causes.ts';

/** A machine and what is different about it. */
export interface Change {
  readonly change: string;
  readonly parameter: string | null;
  readonly machine: Machine;
  /** True: the limits that were recorded with single requests, from the masks of then, do not hold. */
  readonly unlimited?: boolean;
}

const DEFAULT_SLOTS = 32_768;
const DEFAULT_ENTRIES = 65_535;
/** How often a size is doubled at most. */
const DOUBLINGS = [2, 4, 8, 16];

/** Changes of one kind, least first; trying ends with the first that leaves no failure. */
export interface Attempt {
  readonly changes: readonly Change[];
  /** Index of what it proves among `helps` of the cause, or among `doesNotHelp`. */
  readonly of: 'helps' | 'doesNotHelp';
  readonly index: number;
}

function helps(index: number, ...changes: Change[]): Attempt {
  return { changes, of: 'helps', index };
}

function vain(index: number, ...changes: Change[]): Attempt {
  return { changes, of: 'doesNotHelp', index };
}

/** What to try against `cause`; those without changes do not fit the machine. */
export function attemptsFor(cause: Cause, machine: Machine, registry: PolicyRegistry): Attempt[] {
  const larger = largerPools(machine);
  switch (cause) {
    case 'too-large':
      return [vain(0, slotsTimes(machine, 8)), helps(1, ...wide(machine))];
    case 'pool-full':
      return [vain(0, ...moreAreas(machine)), helps(0, ...larger)];
    case 'fragmented':
      return [vain(0, ...moreAreas(machine)), helps(0, ...larger)];
    case 'coherent-memory':
    case 'coherent-pool':
      return [vain(0, ...larger)];
    case 'area-full':
      return [vain(0, ...moreAreas(machine)), helps(0, ...oneArea(machine)), helps(0, ...larger)];
    case 'alignment':
      return [vain(0, ...larger), helps(0, ...noAlignment(machine))];
    case 'pool-missing':
    case 'mask-overflow':
      return [helps(0, withPool(machine, registry)), helps(1, ...wide(machine))];
    case 'pool-unreachable':
      return [vain(0, slotsTimes(machine, 2)), helps(0, ...wide(machine))];
    case 'iova-32bit':
      return [helps(0, ...strict(machine, registry)), helps(1, ...wide(machine))];
    case 'iova-space':
      return [helps(0, ...largerSpaces(machine)), helps(1, ...strict(machine, registry))];
    case 'host-entries':
      return [
        helps(0, ...DOUBLINGS.map((factor) => hostTimes(machine, 'entries', factor))),
        helps(1, ...strict(machine, registry)),
      ];
    case 'host-pinned':
      return [
        helps(0, ...DOUBLINGS.map((factor) => hostTimes(machine, 'pages', factor))),
        helps(1, ...strict(machine, registry)),
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

/** Slots and areas of the pool as the kernel makes it. */
export function poolOf({ bounce, cpus }: Machine): { slots: number; areas: number } {
  const slots = Number(bounce.parameters.slots ?? 0);
  if (isRestricted(bounce)) return { slots, areas: 1 };
  return bootPoolSize(slots, Number(bounce.parameters.areas ?? 0), cpus);
}

function isRestricted({ name }: Machine['bounce']): boolean {
  return name === 'restricted';
}

/** `areas` null: as they are chosen now. */
function withBounce(machine: Machine, slots: number, areas: number | null, what: string): Change {
  const { bounce } = machine;
  const chosen = areas ?? Number(bounce.parameters.areas ?? 0);
  const parameters = {
    ...bounce.parameters,
    slots,
    ...(hasAreas(machine) ? { areas: chosen } : {}),
  };
  return {
    change: isRestricted(bounce) ? `${what} in the device tree` : what,
    parameter: swiotlbParameter([machine], slots, chosen === 0 ? undefined : chosen),
    machine: { ...machine, bounce: { ...bounce, parameters } },
  };
}

function slotsTimes(machine: Machine, factor: number): Change {
  const slots = poolOf(machine).slots * factor;
  const what = isRestricted(machine.bounce) ? 'a restricted pool' : 'a pool';
  return withBounce(machine, slots, null, `${what} of ${formatCount(slots)} slots`);
}

function hasAreas({ bounce }: Machine): boolean {
  return 'areas' in bounce.parameters;
}

function oneArea(machine: Machine): Change[] {
  if (!hasAreas(machine) || poolOf(machine).areas === 1) return [];
  return [withBounce(machine, poolOf(machine).slots, 1, 'one area')];
}

function moreAreas(machine: Machine): Change[] {
  if (!hasAreas(machine)) return [];
  const { slots, areas } = poolOf(machine);
  const more = 2 * areas;
  return slots < 128 * more ? [] : [withBounce(machine, slots, more, `${more} areas`)];
}

function withPool(machine: Machine, registry: PolicyRegistry): Change {
  const choice = { name: 'static', parameters: { slots: DEFAULT_SLOTS } };
  return {
    change: `a bounce pool of ${formatCount(DEFAULT_SLOTS)} slots`,
    parameter: swiotlbParameter([machine], DEFAULT_SLOTS, undefined),
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

function noAlignment(machine: Machine): Change[] {
  if (machine.devices.every(({ minAlignMask }) => minAlignMask === 0)) return [];
  return [withDevices(machine, 'devices that need no min_align_mask', { minAlignMask: 0 })];
}

function wide(machine: Machine): Change[] {
  const isWide = machine.devices.every(
    ({ maskBits, busDmaLimit }) => maskBits === 64 && busDmaLimit === 0,
  );
  if (isWide) return [];
  const made = withDevices(machine, 'DMA masks of 64 bits', { maskBits: 64, busDmaLimit: 0 });
  return [{ ...made, unlimited: true }];
}

function strict(machine: Machine, registry: PolicyRegistry): Change[] {
  if (machine.flush?.name === 'strict') return [];
  const flush = completeChoice('flush', { name: 'strict', parameters: {} }, registry);
  return [
    {
      change: 'strict invalidation',
      parameter: 'iommu.strict=1',
      machine: { ...machine, flush },
    },
  ];
}

/** Address spaces that end, doubled again and again; with the host that lets them end there. */
function largerSpaces(machine: Machine): Change[] {
  const { domains, host } = machine;
  if (domains.every(({ apertureEnd }) => apertureEnd === 0)) return [];
  return DOUBLINGS.map((factor) => {
    const limited = host.name === 'aperture' ? hostTimes(machine, 'entries', factor) : null;
    return {
      change: `address spaces ${factor} times as large`,
      parameter: limited?.parameter ?? null,
      machine: {
        ...(limited?.machine ?? machine),
        domains: domains.map((domain) => largerSpace(domain, factor)),
      },
    };
  });
}

function largerSpace(domain: Machine['domains'][number], factor: number): typeof domain {
  if (domain.apertureEnd === 0) return domain;
  const start = domain.startPfn * domain.granule;
  return { ...domain, apertureEnd: start + (domain.apertureEnd + 1 - start) * factor - 1 };
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
