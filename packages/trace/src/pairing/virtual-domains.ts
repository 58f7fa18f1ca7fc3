// Domains of mappings that nothing attributes: iommu events alone, without any device.
//
// An address can be live only once in a domain. A mapping goes to the first domain in which its range
// is free; where there is none, another domain is inferred. So there are as many as mappings overlap,
// which is a lower bound.

import { DomainClass } from '../batch.ts';
import { NONE, State } from './live-set.ts';
import type { Pairing } from './state.ts';

/** How far before a range mappings are looked for that reach into it, in pages. */
const REACH = 256;

/** Finds a domain for an entry: that in which the task had its physical page, `previous` if the range is free in it, else the first that is free. */
export function placeVirtually(p: Pairing, entry: number, tid: number, previous: number): void {
  const { live, attribution, pageOwners } = p;
  const { domains } = attribution;
  if (live.pages[entry]! > p.longestGuessed) p.longestGuessed = live.pages[entry]!;
  const known = pageOwners.find(tid, live.physLow[entry]!, live.physHigh[entry]!);
  const likely = known === NONE ? 0 : pageOwners.domain[known]!;
  if (likely !== 0 && isFree(p, entry, likely)) {
    live.domain[entry] = likely;
    live.domainClass[entry] = DomainClass.E;
    live.state[entry] = live.state[entry]! | State.guessed;
    return;
  }
  let domain = previous;
  if (domain === 0 || overlaps(p, entry, domain)) {
    domain = 1;
    while (domain < domains.length && !isFree(p, entry, domain)) domain++;
    if (domain === domains.length) {
      if (domain > 1) p.oddities.count('OVERLAP_UNKNOWN_DOMAIN');
      attribution.addVirtual();
    }
  }
  live.domain[entry] = domain;
  live.state[entry] = live.state[entry]! | State.guessed;
}

function isFree(p: Pairing, entry: number, domain: number): boolean {
  return p.attribution.domains[domain]!.destroyedAt === null && !overlaps(p, entry, domain);
}

function overlaps(p: Pairing, entry: number, domain: number): boolean {
  const { live } = p;
  const start = live.page[entry]!;
  const end = start + Math.min(live.pages[entry]!, REACH);
  for (let at = start - Math.min(p.longestGuessed, REACH) + 1; at < end; at++) {
    for (let other = live.first(at); other !== NONE; other = live.next(other)) {
      if (other === entry || live.domain[other] !== domain) continue;
      if (at + live.pages[other]! > start) return true;
    }
  }
  return false;
}
