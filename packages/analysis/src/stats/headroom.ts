// How far the peaks stay below the limits that apply: the address space of each domain, and the
// number of mapping entries that a host accepts by default.

import type { Headroom, HostFigures } from '../figures/limits.ts';
import { Level } from './gauges.ts';
import type { OccupancyStats } from './occupancy.ts';
import type { DomainSpace } from './space.ts';

/** Default of vfio_iommu_type1's dma_entry_limit. */
const VFIO_ENTRY_LIMIT = 65_535;

/** One entry per limit; `token` names a domain. */
export function findHeadroom(
  occupancy: OccupancyStats,
  spaces: readonly DomainSpace[],
  token: (domain: number) => string,
  reachablePages: number,
  host: HostFigures | null,
): Headroom[] {
  const entries: Headroom[] = [];
  spaces.forEach(({ limitPages, limitLow32Pages, basis }, domain) => {
    if (!occupancy.used(domain)) return;
    const add = (what: string, why: string, limit: number, peak: number, enforced: boolean): void =>
      void entries.push(headroom(`${what} of domain ${token(domain)}`, why, limit, peak, enforced));
    add('address space', basis, limitPages, occupancy.peak(domain, Level.taken), true);
    if (limitLow32Pages < limitPages) {
      const low32 = occupancy.peak(domain, Level.low32);
      add('addresses below 4 GiB', 'tried first by PCI devices', limitLow32Pages, low32, false);
    }
  });
  if (host?.entryLimit) {
    const { entryLimit, peakEntries } = host;
    entries.push(
      headroom('host mapping entries', 'limit of the host', entryLimit, peakEntries, true),
    );
    return entries;
  }
  const vfio = 'default of vfio (dma_entry_limit), for a guest whose maps the host shadows';
  entries.push(headroom('host mapping entries', vfio, VFIO_ENTRY_LIMIT, reachablePages, false));
  return entries;
}

function headroom(
  what: string,
  basis: string,
  limit: number,
  peak: number,
  enforced: boolean,
): Headroom {
  return {
    what,
    basis,
    unit: 'pages',
    limit,
    peak,
    headroom: limit > 0 ? 1 - peak / limit : 0,
    enforced,
  };
}
