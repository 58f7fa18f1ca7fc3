// dma_unmap_*, dma_unmap_sg and dma_free*.
//
// A page unmap is printed after the table unmap of the same call, which took the mapping out of the
// live set already: so a CPU that reuses the address before the line is printed does no harm. List
// unmaps and frees are printed before; the table unmap that follows closes them.

import { type EventBatch, Flag, Op } from '../batch.ts';
import { Call, Seen } from './call-table.ts';
import {
  adoptExact,
  closeUnseen,
  findMapping,
  finishOrphan,
  finishUnmap,
  resolve,
} from './closing.ts';
import { listHash } from './list-hash.ts';
import { NONE, State } from './live-set.ts';
import { beginRow } from './rows.ts';
import type { Pairing } from './state.ts';

/** dma_unmap_page, dma_unmap_phys, dma_unmap_resource. */
export function onUnmap(p: Pairing, b: EventBatch, i: number): void {
  const { calls, live } = p;
  const device = b.device[i]!;
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  const call = takeCall(p, b, i);
  let entry = call === NONE ? NONE : calls.record[call]!;
  if (entry !== NONE) entry = correct(p, entry, device, low, high, b.size[i]!);
  else if (call === NONE || (calls.seen[call]! & Seen.table) === 0) {
    entry = findMapping(p, device, low, high);
    if (entry !== NONE) entry = chooseSize(p, entry, b.size[i]!);
  }
  const row = call === NONE ? beginRow(p, b, i) : calls.row[call]!;
  let flags = b.flags[i]! & Flag.nonUtf8;
  if (call !== NONE && (calls.seen[call]! & Seen.bounce) !== 0) flags |= Flag.bounced;
  if (entry === NONE) {
    const isTable = call !== NONE && (calls.seen[call]! & Seen.table) !== 0;
    const domain = isTable ? p.attribution.ofTranslated(device) : p.attribution.ofDevice(device);
    if (domain === 0) flags |= Flag.direct;
    finishOrphan(
      p,
      row,
      Op.unmap,
      device,
      domain,
      b.size[i]!,
      low,
      high,
      b.direction[i]!,
      flags,
      b.line[i]!,
    );
  } else {
    if (live.size[entry] !== b.size[i]) p.oddities.count('SIZE_MISMATCH');
    if (live.direction[entry] !== b.direction[i]) p.oddities.count('DIR_MISMATCH');
    if ((live.state[entry]! & State.translated) !== 0) flags |= reuse(p, b, i, entry);
    const time = call === NONE ? b.time[i]! : calls.time[call]!;
    finishUnmap(
      p,
      row,
      entry,
      Op.unmap,
      b.size[i]!,
      low,
      high,
      b.direction[i]!,
      flags,
      time,
      b.line[i]!,
    );
  }
  if (call !== NONE) calls.close(call);
}

/** dma_unmap_sg: no DMA address; its table unmaps (or bounce unmaps) follow. */
export function onUnmapList(p: Pairing, b: EventBatch, i: number): void {
  const entry = p.live.findList(
    b.device[i]!,
    listHash(b, i),
    b.aux[i]!,
    b.physLow[i]!,
    b.physHigh[i]!,
  );
  openUnmap(p, b, i, entry, Seen.list);
}

/** dma_free*: its table unmap follows. Freeing a null pointer is ignored. */
export function onFree(p: Pairing, b: EventBatch, i: number): void {
  if (b.addressLow[i] === 0 && b.addressHigh[i] === 0 && b.size[i] === 0) {
    p.oddities.count('NULL_FREE');
    return;
  }
  const entry = findMapping(p, b.device[i]!, b.addressLow[i]!, b.addressHigh[i]!);
  openUnmap(p, b, i, entry, Seen.free);
}

function openUnmap(p: Pairing, b: EventBatch, i: number, entry: number, seen: number): void {
  const { calls, live } = p;
  const open = calls.find(b.cpu[i]!, b.tid[i]!, b.context[i]!);
  if (open !== NONE) resolve(p, open);
  const row = beginRow(p, b, i);
  const call = calls.open(Call.unmap, row, b.cpu[i]!, b.tid[i]!, b.context[i]!);
  calls.seen[call] = seen;
  calls.time[call] = b.time[i]!;
  calls.record[call] = entry;
  calls.device[call] = b.device[i]!;
  calls.direction[call] = b.direction[i]!;
  calls.addressLow[call] = b.addressLow[i]!;
  calls.addressHigh[call] = b.addressHigh[i]!;
  calls.bytes[call] = b.size[i]!;
  if (entry === NONE) {
    calls.pending[call] = 1;
    return;
  }
  calls.pending[call] = live.ranges[entry]! + live.bounces[entry]!;
  if (calls.pending[call] === 0) resolve(p, call);
}

/** The open unmap of this context that this page unmap completes; any other call is ended. */
function takeCall(p: Pairing, b: EventBatch, i: number): number {
  const { calls } = p;
  const call = calls.find(b.cpu[i]!, b.tid[i]!, b.context[i]!);
  if (call === NONE) return NONE;
  const isPage = (calls.seen[call]! & (Seen.list | Seen.free | Seen.filled)) === 0;
  if (calls.kind[call] === Call.unmap && isPage) return call;
  resolve(p, call);
  return NONE;
}

// The table unmap had to guess where several domains share an address. Now the device is known.
function correct(
  p: Pairing,
  entry: number,
  device: number,
  low: number,
  high: number,
  size: number,
): number {
  const { live } = p;
  if ((live.state[entry]! & State.claimed) === 0) {
    adoptExact(p, entry, device, size, low, high);
    if (live.domain[entry] === 0) live.domain[entry] = p.attribution.ofTranslated(device);
    return entry;
  }
  const isSame =
    live.device[entry] === device &&
    live.addressLow[entry] === low &&
    live.addressHigh[entry] === high;
  if (isSame) return entry;
  live.index(entry);
  const other = findMapping(p, device, low, high);
  if (other !== NONE) live.unindex(other);
  return other;
}

// The same page may be mapped directly several times: the newest of the same size is closed.
function chooseSize(p: Pairing, newest: number, size: number): number {
  const { live } = p;
  let other = live.next(newest);
  let found = live.size[newest] === size ? newest : NONE;
  let several = false;
  for (; other !== NONE; other = live.next(other)) {
    const isTwin =
      live.device[other] === live.device[newest] &&
      live.addressLow[other] === live.addressLow[newest] &&
      live.addressHigh[other] === live.addressHigh[newest] &&
      (live.state[other]! & State.claimed) !== 0;
    if (!isTwin) continue;
    several = true;
    if (found === NONE && live.size[other] === size) found = other;
  }
  if (several) p.oddities.count('AMBIGUOUS_PAIR');
  return found === NONE ? newest : found;
}

// Another mapping of the same address: made by another CPU just before this line was printed, or
// after an unmap that was never seen.
function reuse(p: Pairing, b: EventBatch, i: number, entry: number): number {
  const { live } = p;
  let flags = 0;
  for (let other = live.first(live.page[entry]!); other !== NONE; ) {
    const twin = other;
    other = live.next(other);
    if (twin === entry || live.device[twin] !== live.device[entry]) continue;
    if (live.domain[twin] !== live.domain[entry] || (live.state[twin]! & State.claimed) === 0)
      continue;
    const isNewer = live.time[twin]! >= live.time[entry]!;
    if (
      isNewer &&
      live.cpu[twin] !== b.cpu[i] &&
      b.time[i]! - live.time[twin]! <= p.reorderWindow
    ) {
      p.oddities.count('REORDERED');
      flags = Flag.reordered;
    } else if (!isNewer) {
      p.oddities.count('DOUBLE_MAP');
      closeUnseen(p, twin, b, i);
    }
  }
  return flags;
}
