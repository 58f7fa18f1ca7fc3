// What meta.json tells about swiotlb: the command line, the kernel log, debugfs.
//
//   swiotlb=2048,force   swiotlb=4096,2,force   swiotlb=force
//   software IO TLB: area num 4.
//   software IO TLB: mapped [mem 0x0000000074550000-0x0000000078550000] (64MB)
//
// Format: Documentation/admin-guide/kernel-parameters.txt and kernel/dma/swiotlb.c of 6.1 and 6.12.

import type { BounceUsage } from './capture.ts';

/** swiotlb as meta.json describes it; null where it does not. */
export interface MetaBounce {
  /** The command line: slots and areas as asked for, and how. `force` is null without a command line. */
  readonly asked: number | null;
  readonly askedAreas: number | null;
  readonly force: boolean | null;
  /** The kernel log or a summary: areas, first byte and end (exclusive) of the default pool. */
  readonly areas: number | null;
  readonly start: number | null;
  readonly end: number | null;
  /** A summary of dynamic pools is there. */
  readonly dynamic: boolean | null;
  readonly before: BounceUsage | null;
  readonly after: BounceUsage | null;
}

type Json = Record<string, unknown>;

/** The part of a parsed meta.json that is about swiotlb; `words` are those of the command line. */
export function metaBounce(json: Json, words: readonly string[]): MetaBounce {
  const option = words.findLast((word) => word.startsWith('swiotlb='))?.slice('swiotlb='.length);
  const parts = (option ?? '').split(',');
  const numbers = parts.filter((part) => /^\d{1,9}$/.test(part)).map(Number);
  const log = Array.isArray(json.dmesg) ? json.dmesg.map(String) : [];
  const dynamic = object(json.swiotlb_dynamic_summary);
  const pool = object(dynamic.default_pool);
  const mapped = found(log, /software IO TLB: mapped \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]/);
  return {
    asked: numbers[0] ?? null,
    askedAreas: numbers[1] ?? null,
    force: words.length > 1 ? parts.includes('force') : null,
    areas: whole(Number(found(log, /software IO TLB: area num (\d+)/)?.[1])),
    start: whole(Number(pool.start ?? mapped?.[1])),
    end: whole(Number(pool.end ?? mapped?.[2])),
    dynamic: json.swiotlb_dynamic_summary === undefined ? null : true,
    before: usage(object(object(json.before).swiotlb_debugfs)),
    after: usage(object(object(json.after).swiotlb_debugfs)),
  };
}

function found(log: readonly string[], pattern: RegExp): RegExpExecArray | null {
  for (const line of log) {
    const match = pattern.exec(line);
    if (match !== null) return match;
  }
  return null;
}

function usage(files: Json): BounceUsage | null {
  const slots = whole(files.io_tlb_nslabs);
  const used = whole(files.io_tlb_used);
  if (slots === null || used === null) return null;
  const hiwater = whole(files.io_tlb_used_hiwater);
  return { slots, used, hiwater, transient: whole(files.io_tlb_transient_nslabs) };
}

function whole(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : {};
}
