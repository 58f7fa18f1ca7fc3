// What a capture tells about the swiotlb of its machine.
//
// Sizes follow swiotlb_init() and swiotlb_adjust_nareas() of kernel/dma/swiotlb.c (6.1, 6.12): the number of slots on the
// command line is rounded up to slot sets of 128, each area has one at least, and the total becomes a power of two.
// Left out: the 6 % of memory of an encrypted guest, unless the capture has its debugfs.
//
// Where neither log nor probe names the start of the default pool, it follows from the first slot that was
// handed out: an untouched pool gives the first slots of the area of that CPU.

import type { BounceFacts, Fact } from './capture.ts';
import type { Meta } from './meta.ts';
import type { MetaBounce } from './meta-bounce.ts';
import type { BounceEvidence } from './pairing/bounce-evidence.ts';

const SLOT = 2048;
const SLOT_SET = 128;
const PAGE = 4096;
const DEFAULT_SLOTS = 32_768;
/** Of a hundred odd offsets so many must be kept for a mask to be inferred. */
const SURE = 0.9;

/** The pool of a capture whose events have all been paired; null where nothing shows one. */
export function bounceFacts(
  known: BounceEvidence,
  meta: Meta | null,
  cpus: number,
): BounceFacts | null {
  const told = meta?.bounce ?? null;
  if (known.attempts === 0 && known.firstAddress < 0 && known.poolStart < 0) {
    // A machine with an IOMMU has the default pool too; nothing of it matters then.
    return null;
  }
  const areas = areasOf(told, cpus);
  const slots = slotsOf(known, told, areas.value);
  return {
    slots,
    areas: {
      value: Math.max(1, Math.min(areas.value, slots.value / SLOT_SET)),
      source: areas.source,
    },
    start: startOf(known, told, slots.value, areas.value),
    force: forceOf(known, told),
    dynamic: dynamicOf(known, told),
    before: told?.before ?? null,
    after: told?.after ?? null,
  };
}

/** The mask of address bits that a slot keeps, for device number `device`. */
export function minAlignMask(
  known: BounceEvidence,
  device: number,
  pciClass: string | null,
): Fact<number> {
  if (pciClass?.startsWith('0x0108')) return { value: PAGE - 1, source: 'meta.json' };
  const kept = known.kept[device] ?? 0;
  const moved = known.moved[device] ?? 0;
  if (kept + moved === 0) return { value: 0, source: 'default' };
  return { value: kept >= SURE * (kept + moved) ? PAGE - 1 : 0, source: 'inferred' };
}

function areasOf(told: MetaBounce | null, cpus: number): Fact<number> {
  if (told !== null && told.areas !== null && told.areas > 0) {
    return { value: powerOfTwo(told.areas), source: 'meta.json' };
  }
  const asked = told?.askedAreas ?? null;
  if (asked !== null) return { value: powerOfTwo(asked), source: 'meta.json' };
  return { value: powerOfTwo(cpus), source: 'inferred' };
}

function slotsOf(known: BounceEvidence, told: MetaBounce | null, areas: number): Fact<number> {
  if (told !== null && told.start !== null && told.end !== null && told.end > told.start) {
    return { value: Math.floor((told.end - told.start) / SLOT), source: 'meta.json' };
  }
  if (told !== null && told.before !== null && told.before.slots > 0) {
    return { value: told.before.slots, source: 'meta.json' };
  }
  if (known.sampledSlots > 0) return { value: known.sampledSlots, source: 'trace' };
  const asked = told?.asked ?? null;
  if (asked !== null) return { value: roundedSlots(asked, areas), source: 'meta.json' };
  return { value: roundedSlots(DEFAULT_SLOTS, areas), source: 'default' };
}

function roundedSlots(asked: number, areas: number): number {
  const sets = Math.ceil(asked / SLOT_SET) * SLOT_SET;
  return powerOfTwo(Math.max(sets, SLOT_SET * areas));
}

function startOf(
  known: BounceEvidence,
  told: MetaBounce | null,
  slots: number,
  areas: number,
): Fact<number> | null {
  if (told !== null && told.start !== null) return { value: told.start, source: 'meta.json' };
  if (known.poolStart >= 0) return { value: known.poolStart, source: 'probe' };
  if (known.firstAddress < 0) return null;
  const area = (known.firstCpu % areas) * (slots / areas) * SLOT;
  const start = known.firstAddress - (known.firstAddress % PAGE) - area;
  const isWhole = start >= 0 && start <= known.lowest && known.highest < start + slots * SLOT;
  return isWhole ? { value: start, source: 'inferred' } : null;
}

function forceOf(known: BounceEvidence, told: MetaBounce | null): Fact<boolean> {
  if (told !== null && told.force !== null) return { value: told.force, source: 'meta.json' };
  if (known.attempts === 0) return { value: false, source: 'default' };
  return { value: known.forced > 0, source: 'trace' };
}

function dynamicOf(known: BounceEvidence, told: MetaBounce | null): Fact<boolean> {
  if (known.dynamic) return { value: true, source: 'probe' };
  if (told?.dynamic === true || (told?.before?.transient ?? null) !== null) {
    return { value: true, source: 'meta.json' };
  }
  return { value: false, source: 'default' };
}

function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)));
}
