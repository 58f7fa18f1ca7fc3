// How large the kernel makes its bounce memory at boot.
//
// From kernel/dma/swiotlb.c and arch/x86/mm/mem_encrypt.c (Linux 6.12); see docs/models/swiotlb.md.

import { powerOfTwoFrom } from '../pfn.ts';

const SET_SLOTS = 128;
const SLOT_BYTES = 2048;
const MIB = 2 ** 20;
/** Slots of the default pool: 64 MiB. */
export const DEFAULT_SLOTS = 32_768;
/** Fewer slots are not worth a pool: 1 MiB (`IO_TLB_MIN_SLABS`). */
export const MIN_SLOTS = 512;
/** Largest pool that comes out of the page allocator: 2^10 pages, 4 MiB. */
export const MAX_GROWN_SLOTS = 2048;

/** Slots and areas of a pool. */
export interface PoolSize {
  readonly slots: number;
  readonly areas: number;
}

/**
 * What the kernel makes of `swiotlb=slots,areas` with so many possible CPUs. 0 slots: not given, 64 MiB;
 * 0 areas: not given, as many as CPUs. Areas become a power of two with at least one slot set of 128
 * slots each, and slots a power of two: kernel 6.1 and later.
 */
export function bootPoolSize(slots: number, areas: number, cpus: number): PoolSize {
  const wanted = slots === 0 ? DEFAULT_SLOTS : wholeSets(slots);
  const parts = powerOfTwoFrom(areas === 0 ? cpus : areas);
  return { slots: powerOfTwoFrom(Math.max(wanted, SET_SLOTS * parts)), areas: parts };
}

/**
 * Slots of a confidential guest (SEV, TDX) with so many bytes of memory, where `swiotlb=` gives none: 6 %
 * of it, at least 64 MiB and at most 1 GiB, in whole slot sets. {@link bootPoolSize} rounds them up
 * to a power of two: 128 MiB of a guest with 2 GiB.
 */
export function coCoSlots(memoryBytes: number): number {
  const bytes = Math.min(Math.max(Math.floor((memoryBytes * 6) / 100), 64 * MIB), 1024 * MIB);
  return wholeSets(Math.ceil(bytes / SLOT_BYTES));
}

/**
 * Where memory below 4 GiB does not hold the pool, the kernel halves it while it has more than 512
 * slots: the next size, or null when it gives up and there is no swiotlb. (6.1 keeps the number of areas.)
 */
export function halvedPoolSize({ slots, areas }: PoolSize): PoolSize | null {
  if (slots <= MIN_SLOTS) return null;
  const fewer = wholeSets(Math.floor(slots / 2));
  return { slots: fewer, areas: limitedAreas(areas, fewer) };
}

/** Areas of a pool of `slots` where `areas` are wanted: at least a slot set each. */
export function limitedAreas(areas: number, slots: number): number {
  return Math.min(areas, Math.floor(slots / SET_SLOTS));
}

/**
 * Bytes of each of the three atomic pools of coherent memory at boot (`coherent_pool=` not given):
 * 128 KiB per GiB of memory, at least 128 KiB, at most 4 MiB.
 */
export function atomicPoolBytes(memoryBytes: number): number {
  const share = Math.floor(memoryBytes / 2 ** 30) * 128 * 1024;
  return Math.min(Math.max(share, 128 * 1024), 4 * MIB);
}

function wholeSets(slots: number): number {
  return Math.ceil(slots / SET_SLOTS) * SET_SLOTS;
}
