// What the numbers of "swiotlb buffer is full" prove about the pool.
//
// From kernel/dma/swiotlb.c (5.1 to 6.18); see docs/explain.md. A buffer lies in one set of 128 slots; from 4 KiB on
// it begins at a page, that is at an even slot.

import { SLOT_BYTES } from '@dmalab/replay';

const SET = 128;
const PAGE = 4096;
/** Bytes of a set of slots: no bounce buffer is longer. */
const LARGEST = SET * SLOT_BYTES;
/** A size above this is what a negative number becomes. */
const WRAPPED = 2 ** 31;
/** With a smaller share of slots free, what is left are crumbs. */
const CRUMBS = 0.01;

/** What {@link poolState} can tell. */
export type PoolCause = 'too-large' | 'pool-full' | 'area-full' | 'alignment' | 'fragmented';

/** A cause, and whether the numbers leave no other. */
export interface PoolState {
  readonly cause: PoolCause;
  readonly certain: boolean;
  readonly why: string;
}

/** True: `bytes` are no more than a set of slots holds. */
export function fits(bytes: number): boolean {
  return bytes >= 0 && bytes <= LARGEST;
}

/** Slots that `bytes` need. */
export function slotsFor(bytes: number): number {
  return Math.ceil(bytes / SLOT_BYTES);
}

/**
 * Why no slots were found for `size` bytes with `used` of `total` slots taken; `areas` null: not known. Every area is
 * searched before the message is printed.
 */
export function poolState(
  size: number,
  total: number,
  used: number,
  areas: number | null,
): PoolState {
  if (!fits(size)) return { cause: 'too-large', certain: true, why: tooLarge(size) };
  const n = slotsFor(size);
  const free = total - used;
  const asked = n === 1 ? '1 slot was' : `${n} slots beside each other were`;
  const numbers =
    free >= 0
      ? `${asked} asked for, ${free} of ${total} were free`
      : `${asked} asked for, ${used} were in use and the pool has ${total} (transient ones of a dynamic pool are counted besides)`;
  if (free < n) return { cause: 'pool-full', certain: true, why: numbers };
  if (areas !== null && Math.floor(total / areas) < n) {
    return {
      cause: 'area-full',
      certain: true,
      why: `${numbers}, and each of the ${areas} areas has ${Math.floor(total / areas)} slots`,
    };
  }
  if (free < CRUMBS * total) {
    return { cause: 'pool-full', certain: false, why: `${numbers}: less than 1 %` };
  }
  const blockers = leastBlockers(n, size, total);
  if (used < blockers) {
    return {
      cause: 'alignment',
      certain: false,
      why: `${numbers}; ${used} used slots cannot break up all runs of ${n}, that takes ${blockers}`,
    };
  }
  if (areas !== null && free < areas * n) {
    return {
      cause: 'area-full',
      certain: false,
      why: `${numbers}, in ${areas} areas: fewer than ${n} in the mean one`,
    };
  }
  return { cause: 'fragmented', certain: false, why: `${numbers}, but not beside each other` };
}

function tooLarge(size: number): string {
  const why = `${size} bytes are more than the ${LARGEST} of a set of slots`;
  if (size < 0) return `${size} is no size: the driver computed it wrongly`;
  if (size < WRAPPED) return why;
  return `${why}; a size of that kind is a negative number (${size - 2 ** 32} in 32 bits) that the driver computed wrongly`;
}

/** Fewest used slots that leave no room for `n` slots anywhere: one in each place of every set. */
function leastBlockers(n: number, size: number, total: number): number {
  const step = size >= PAGE ? n + (n % 2) : n;
  return (total / SET) * (Math.floor((SET - n) / step) + 1);
}
