// Which domain a flush belongs to.
//
// A flush names the cookie of its domain. The iova_domain lies inside of the cookie, near its start, so
// its pointer is the next at or above the cookie's. Pointers are used again: time decides.

import type { DomainFacts } from '@dmalab/trace';
import type { Flush } from './recorded-flushes.ts';

/** An iova_domain lies at most so many bytes above the start of its cookie. */
const COOKIE_BYTES = 64n;

/** Flushes by the index of their domain. `byCookie`: by the cookie pointer as printed. */
export function flushesByDomain(
  byCookie: ReadonlyMap<string, readonly Flush[]>,
  domains: readonly DomainFacts[],
): Map<number, Flush[]> {
  const found = new Map<number, Flush[]>();
  for (const [cookie, flushes] of byCookie) {
    const near = domains.flatMap((domain, index) => (isNear(cookie, domain.token) ? [index] : []));
    for (const flush of flushes) {
      const index = near.findLast((candidate) => isAlive(domains[candidate]!, flush.time));
      if (index === undefined) continue;
      const list = found.get(index);
      if (list === undefined) found.set(index, [flush]);
      else list.push(flush);
    }
  }
  return found;
}

function isAlive({ createdAt, destroyedAt }: DomainFacts, time: number): boolean {
  return (createdAt === null || createdAt <= time) && (destroyedAt === null || time <= destroyedAt);
}

function isNear(cookie: string, iovad: string): boolean {
  const from = pointer(cookie);
  const to = pointer(iovad);
  return from !== null && to !== null && to >= from && to - from < COOKIE_BYTES;
}

function pointer(text: string): bigint | null {
  const digits = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(text);
  return digits === null ? null : BigInt(`0x${digits[1]}`);
}
