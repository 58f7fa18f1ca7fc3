// How many pages each domain can hand out: up to the least of masks, bus limits and aperture.

import type { Machine, MachineDevice, MachineDomain } from '@dmalab/replay';
import type { CaptureFacts } from '@dmalab/trace';

const FOUR_GIB = 2 ** 32;
const PLAIN = { granule: 4096, startPfn: 1, reserved: [], apertureEnd: 0 } as const;

/** The address space of one domain, in pages of its granule. */
export interface DomainSpace {
  readonly granule: number;
  readonly limitPages: number;
  readonly limitLow32Pages: number;
  /** Which of the limits counts. */
  readonly basis: string;
}

/**
 * The address space of every domain that a replay may have, by index: those of `machine`, then one
 * for each device that has no recorded domain, after the pattern of domain 0.
 */
export function domainSpaces(machine: Machine, facts: CaptureFacts): DomainSpace[] {
  const named = machine.domains.map((domain, index) => {
    const members = facts.domains[index]?.devices ?? [];
    return domainSpace(
      domain,
      members.flatMap((device) => machine.devices[device] ?? []),
    );
  });
  const own = machine.devices.map((device) =>
    domainSpace(machine.domains[0] ?? { ...PLAIN, type: 'DMA-FQ' }, [device]),
  );
  return [...named, ...own];
}

function domainSpace(domain: MachineDomain, devices: readonly MachineDevice[]): DomainSpace {
  const { granule, startPfn, reserved, apertureEnd } = domain;
  const reach = widestReach(devices);
  const aperture = apertureEnd > 0 ? apertureEnd + 1 : Number.POSITIVE_INFINITY;
  const end = Math.min(reach.end, aperture);
  const pagesUpTo = (limit: number): number => {
    const endPfn = Math.floor(limit / granule);
    return Math.max(0, endPfn - startPfn - reservedPages(reserved, startPfn, endPfn - 1));
  };
  return {
    granule,
    limitPages: pagesUpTo(end),
    limitLow32Pages: pagesUpTo(Math.min(end, FOUR_GIB)),
    basis: aperture < reach.end ? 'aperture of the domain' : reach.basis,
  };
}

/** A domain is as large as its farthest-reaching device allows. */
function widestReach(devices: readonly MachineDevice[]): { end: number; basis: string } {
  let end = 0;
  let basis = 'no device known: 64 bits';
  for (const { maskBits, busDmaLimit } of devices) {
    const mask = 2 ** maskBits;
    const bus = busDmaLimit > 0 ? busDmaLimit + 1 : Number.POSITIVE_INFINITY;
    if (Math.min(mask, bus) <= end) continue;
    end = Math.min(mask, bus);
    basis = bus < mask ? 'bus limit of the device' : `${maskBits}-bit DMA mask`;
  }
  return end > 0 ? { end, basis } : { end: 2 ** 64, basis };
}

/** Pages of [startPfn, lastPfn] that reservations take; they may overlap each other. */
function reservedPages(
  reserved: readonly (readonly [number, number])[],
  startPfn: number,
  lastPfn: number,
): number {
  let pages = 0;
  let next = startPfn;
  for (const [lo, hi] of reserved.toSorted((a, b) => a[0] - b[0])) {
    const from = Math.max(lo, next);
    const to = Math.min(hi, lastPfn);
    if (to < from) continue;
    pages += to - from + 1;
    next = to + 1;
  }
  return pages;
}
