// Domains of mappings that nothing attributes: iommu events alone, without any device.
//
// An address can be live only once in a domain. A mapping goes to the first domain in which its range
// is free; where there is none, another domain is inferred. So there are as many as mappings overlap,
// which is a lower bound. What was live before a loss may be gone by now: it makes room instead.

import { DomainClass, type EventBatch } from '../batch.ts';
import { closeUnseen } from './closing.ts';
import { NONE, State } from './live-set.ts';
import type { Pairing } from './state.ts';

/** How far before a range mappings are looked for that reach into it, in pages. */
const REACH = 256;

/** Finds a domain for the mapping of event `i`: that in which the thread had its page, `previous` if free, else the first. */
export function placeVirtually(
  p: Pairing,
  b: EventBatch,
  i: number,
  entry: number,
  previous: number,
): void {
  const { live } = p;
  if (live.pages[entry]! > p.longestGuessed) p.longestGuessed = live.pages[entry]!;
  live.state[entry] = live.state[entry]! | State.guessed;
  const others = overlapping(p, entry);
  const likely = ownerOf(p, b.tid[i]!, entry);
  if (likely !== 0 && isFree(p, others, likely)) {
    live.domain[entry] = likely;
    live.domainClass[entry] = DomainClass.E;
  } else if (previous !== 0 && isFree(p, others, previous)) live.domain[entry] = previous;
  else live.domain[entry] = firstFree(p, others) || afterLoss(p, b, i, others) || addDomain(p);
}

function ownerOf(p: Pairing, tid: number, entry: number): number {
  const { live, pageOwners } = p;
  const known = pageOwners.find(tid, live.physLow[entry]!, live.physHigh[entry]!);
  return known === NONE ? 0 : pageOwners.domain[known]!;
}

/** One pass over what is in the way, not one for each domain: where unmaps are missing there are thousands of both. */
function firstFree(p: Pairing, others: readonly number[]): number {
  const taken = new Set(others.map((other) => p.live.domain[other]!));
  return firstDomain(p, (domain) => !taken.has(domain));
}

/** The first domain in which all that is in the way was mapped before the last loss: that is closed. */
function afterLoss(p: Pairing, b: EventBatch, i: number, others: readonly number[]): number {
  if (p.losses === 0) return 0;
  const { live } = p;
  const since = others.filter((other) => live.epoch[other] === p.losses);
  const taken = new Set(since.map((other) => live.domain[other]!));
  const domain = firstDomain(p, (one) => !taken.has(one));
  for (const other of others) {
    if (domain === 0 || live.domain[other] !== domain) continue;
    p.oddities.count('LOSS_WINDOW');
    closeUnseen(p, other, b, i);
  }
  return domain;
}

/** The first domain that was not destroyed and that `accepts`, or 0. */
function firstDomain({ attribution }: Pairing, accepts: (domain: number) => boolean): number {
  const { domains } = attribution;
  for (let domain = 1; domain < domains.length; domain++) {
    if (domains[domain]!.destroyedAt === null && accepts(domain)) return domain;
  }
  return 0;
}

function addDomain(p: Pairing): number {
  if (p.attribution.domains.length > 1) p.oddities.count('OVERLAP_UNKNOWN_DOMAIN');
  return p.attribution.addVirtual();
}

function isFree(p: Pairing, others: readonly number[], domain: number): boolean {
  const { destroyedAt } = p.attribution.domains[domain]!;
  return destroyedAt === null && !others.some((other) => p.live.domain[other] === domain);
}

/** What is live and overlaps the range of `entry`, in any domain. */
function overlapping(p: Pairing, entry: number): number[] {
  const { live } = p;
  const start = live.page[entry]!;
  const end = start + Math.min(live.pages[entry]!, REACH);
  const found: number[] = [];
  for (let at = start - Math.min(p.longestGuessed, REACH) + 1; at < end; at++) {
    for (let other = live.first(at); other !== NONE; other = live.next(other)) {
      if (other !== entry && at + live.pages[other]! > start) found.push(other);
    }
  }
  return found;
}
