// Domains of mappings that nothing attributes: iommu events alone, without any device.
//
// An address can be live only once in a domain. A mapping goes to the first domain in which its range
// is free; where there is none, another domain is inferred. So there are as many as mappings overlap,
// which is a lower bound. What was live before a loss may be gone by now: it makes room instead. So does the oldest
// mapping where there would be more domains than any machine has: then unmaps were not recorded.

import { DomainClass, type EventBatch } from '../batch.ts';
import { closeUnseen } from './closing.ts';
import { NONE, State } from './live-set.ts';
import type { Pairing } from './state.ts';

/** How far before a range mappings are looked for that reach into it, in pages. */
const REACH = 256;
/** Most domains that are inferred, each of which may be in the way of a map; and before any unmap, as overlaps tell less then. */
const MOST_DOMAINS = 1024;
const MOST_BEFORE_UNMAPS = 64;

/** What was found to be in the way of one mapping, and the domains that it takes; used again for the next one. */
export class InTheWay {
  /** Entries that overlap, `count` of them; of those with one first page the newest comes first. */
  entries: Int32Array = new Int32Array(64);
  count = 0;
  /** By domain: the number of the search that found it taken. */
  #takenIn = new Uint32Array(64);
  #search = 0;

  add(entry: number): void {
    if (this.count === this.entries.length) {
      const longer = new Int32Array(2 * this.count);
      longer.set(this.entries);
      this.entries = longer;
    }
    this.entries[this.count++] = entry;
  }

  /** Forgets which domains were taken; there are `domains` of them. */
  clearTaken(domains: number): void {
    if (domains > this.#takenIn.length) this.#takenIn = new Uint32Array(2 * domains);
    this.#search++;
  }

  take(domain: number): void {
    this.#takenIn[domain] = this.#search;
  }

  isTaken(domain: number): boolean {
    return this.#takenIn[domain] === this.#search;
  }
}

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
  findOverlapping(p, entry);
  takeDomains(p, 0);
  const likely = ownerOf(p, b.tid[i]!, entry);
  if (likely !== 0 && isFree(p, likely)) {
    live.domain[entry] = likely;
    live.domainClass[entry] = DomainClass.E;
  } else if (previous !== 0 && isFree(p, previous)) live.domain[entry] = previous;
  else live.domain[entry] = firstFree(p) || afterLoss(p, b, i) || anotherDomain(p, b, i);
}

function ownerOf(p: Pairing, tid: number, entry: number): number {
  const { live, pageOwners } = p;
  const known = pageOwners.find(tid, live.physLow[entry]!, live.physHigh[entry]!);
  return known === NONE ? 0 : pageOwners.domain[known]!;
}

/** Notes the domains of what is in the way and was mapped after loss number `epoch`, or at any time for 0. */
function takeDomains({ live, inTheWay, attribution }: Pairing, epoch: number): void {
  inTheWay.clearTaken(attribution.domains.length);
  for (let at = 0; at < inTheWay.count; at++) {
    const entry = inTheWay.entries[at]!;
    if (live.epoch[entry]! >= epoch) inTheWay.take(live.domain[entry]!);
  }
}

/** The first domain in which all that is in the way was mapped before the last loss: that is closed. */
function afterLoss(p: Pairing, b: EventBatch, i: number): number {
  if (p.losses === 0) return 0;
  takeDomains(p, p.losses);
  const domain = firstFree(p);
  if (domain !== 0) closeIn(p, b, i, domain, 'LOSS_WINDOW');
  return domain;
}

/** The first domain that was not destroyed and that nothing takes, or 0. */
function firstFree(p: Pairing): number {
  const { length } = p.attribution.domains;
  for (let domain = 1; domain < length; domain++) if (isFree(p, domain)) return domain;
  return 0;
}

/** One more domain, or that of the oldest mapping in the way, whose unmap was not recorded. */
function anotherDomain(p: Pairing, b: EventBatch, i: number): number {
  const { attribution, inTheWay, live, oddities } = p;
  const most = p.unmapped ? MOST_DOMAINS : MOST_BEFORE_UNMAPS;
  if (attribution.virtuals >= most && inTheWay.count > 0) {
    const domain = live.domain[inTheWay.entries[inTheWay.count - 1]!]!;
    closeIn(p, b, i, domain, 'DOUBLE_MAP');
    return domain;
  }
  if (attribution.domains.length > 1) oddities.count('OVERLAP_UNKNOWN_DOMAIN');
  return attribution.addVirtual();
}

/** Ends what is in the way in a domain. */
function closeIn(
  p: Pairing,
  b: EventBatch,
  i: number,
  domain: number,
  why: 'LOSS_WINDOW' | 'DOUBLE_MAP',
): void {
  const { inTheWay, live } = p;
  for (let at = 0; at < inTheWay.count; at++) {
    const entry = inTheWay.entries[at]!;
    if (live.domain[entry] !== domain) continue;
    p.oddities.count(why);
    closeUnseen(p, entry, b, i);
  }
}

function isFree({ attribution, inTheWay }: Pairing, domain: number): boolean {
  return attribution.domains[domain]!.destroyedAt === null && !inTheWay.isTaken(domain);
}

/** What is live and overlaps the range of `entry`, in any domain. */
function findOverlapping({ live, inTheWay, longestGuessed }: Pairing, entry: number): void {
  const start = live.page[entry]!;
  const end = start + Math.min(live.pages[entry]!, REACH);
  inTheWay.count = 0;
  for (let at = start - Math.min(longestGuessed, REACH) + 1; at < end; at++) {
    for (let other = live.first(at); other !== NONE; other = live.next(other)) {
      if (other !== entry && at + live.pages[other]! > start) inTheWay.add(other);
    }
  }
}
