// swiotlb: slots taken and given back.
//
// With DMA API events the slots only annotate their requests. Without them (kernel 6.1) each slot is a
// request of its own: the stream that a bounce pool serves.

import { type EventBatch, Flag, Op } from '../batch.ts';
import { isMappingError, PAGE, pagesFor } from './address.ts';
import { Call, isNmi, Seen } from './call-table.ts';
import { finishOrphan, finishUnmap } from './closing.ts';
import { draftCall, draftEvent } from './draft.ts';
import { settleDemand, writeFailure } from './failures.ts';
import { findMapping, keyOf } from './finding.ts';
import { NONE, State } from './live-set.ts';
import { currentCall, hold, openCall, resolve } from './resolving.ts';
import { beginRow, writeMap } from './rows.ts';
import { evidence, type Pairing } from './state.ts';

const BOUNCED: number = Flag.bounced | Flag.direct;

/** swiotlb:swiotlb_bounced: the first sign of a map that bounces. */
export function onBounced(p: Pairing, b: EventBatch, i: number): void {
  p.bounce.bounced(b, i);
  const known = evidence(p, b.device[i]!);
  if (b.aux[i]! > known.mask) known.mask = b.aux[i]!;
  if (!p.dmaEvents) return;
  const call = mapCall(p, b, i);
  p.calls.seen[call] = p.calls.seen[call]! | Seen.bounce;
  p.calls.device[call] = b.device[i]!;
}

/** swiotlb_tbl_map_single. */
export function onBounceMap(p: Pairing, b: EventBatch, i: number): void {
  const { calls } = p;
  p.bounce.map(b, i);
  if (isNmi(b.context[i]!)) p.breakpoints = true;
  const call = p.dmaEvents ? mapCall(p, b, i) : openCall(p, b, i, Call.map);
  calls.seen[call] = calls.seen[call]! | Seen.bounce;
  calls.device[call] = b.device[i]!;
  if (p.dmaEvents) return;
  calls.bytes[call] = b.size[i]!;
  calls.physLow[call] = b.physLow[i]!;
  calls.physHigh[call] = b.physHigh[i]!;
  calls.direction[call] = b.direction[i]!;
}

/** swiotlb_tbl_map_single returned a slot, or all ones. */
export function onBounceMapReturn(p: Pairing, b: EventBatch, i: number): void {
  p.bounce.mapReturn(b, i);
  const { calls } = p;
  const context = b.context[i]!;
  const call = isNmi(context)
    ? calls.findNmi(b.cpu[i]!, b.tid[i]!, Call.map)
    : currentCall(p, b, i);
  if (call === NONE || (calls.seen[call]! & Seen.bounce) === 0) return;
  const isFailed = isMappingError(b.addressLow[i]!, b.addressHigh[i]!, calls.physLow[call]!);
  if (p.dmaEvents) {
    if (isFailed) calls.seen[call] = calls.seen[call]! | Seen.bounceFailed;
    else calls.pending[call] = calls.pending[call]! + 1;
    return;
  }
  if (isFailed) failSlot(p, call);
  else takeSlot(p, b, i, call);
  calls.close(call);
}

function failSlot(p: Pairing, call: number): void {
  const d = draftCall(p, call, Op.map);
  d.flags = BOUNCED;
  writeFailure(p, d);
}

function takeSlot(p: Pairing, b: EventBatch, i: number, call: number): void {
  const { calls, live } = p;
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  const size = calls.bytes[call]!;
  const entry = live.add(keyOf(p, low, high), pagesFor((low % PAGE) + size), calls.row[call]!);
  live.time[entry] = calls.time[call]!;
  live.device[entry] = calls.device[call]!;
  live.size[entry] = size;
  live.addressLow[entry] = low;
  live.addressHigh[entry] = high;
  live.physLow[entry] = calls.physLow[call]!;
  live.physHigh[entry] = calls.physHigh[call]!;
  live.direction[entry] = calls.direction[call]!;
  live.cpu[entry] = b.cpu[i]!;
  live.epoch[entry] = p.losses;
  live.state[entry] = State.claimed | State.bounced;
  writeMap(p, entry, Op.map, 1, BOUNCED, 0);
  evidence(p, calls.device[call]!).untranslated++;
  settleDemand(
    p,
    calls.device[call]!,
    calls.task[call]!,
    calls.physLow[call]!,
    calls.physHigh[call]!,
    size,
  );
}

/** swiotlb_tbl_unmap_single. */
export function onBounceUnmap(p: Pairing, b: EventBatch, i: number): void {
  p.bounceUnmaps = true;
  giveBack(p, b, i);
}

/** swiotlb_release_slots: the end of swiotlb_tbl_unmap_single; counts only where that was not recorded. */
export function onBounceRelease(p: Pairing, b: EventBatch, i: number): void {
  if (!p.bounceUnmaps) giveBack(p, b, i);
}

function giveBack(p: Pairing, b: EventBatch, i: number): void {
  if (p.dmaEvents) annotateUnmap(p, b, i);
  else freeSlot(p, b, i);
}

function freeSlot(p: Pairing, b: EventBatch, i: number): void {
  const d = draftEvent(p, b, i, beginRow(p, b, i), Op.unmap);
  const entry = findMapping(p, d.device, d.addressLow, d.addressHigh);
  d.flags |= BOUNCED;
  if (entry === NONE) {
    finishOrphan(p, d);
    return;
  }
  if (d.size === 0) d.size = p.live.size[entry]!;
  else if (d.size !== p.live.size[entry]) p.oddities.count('SIZE_MISMATCH');
  finishUnmap(p, entry, d);
}

// Part of the unmap that is open, or the first sign of a page unmap. A map that failed gives back
// what its list had taken.
function annotateUnmap(p: Pairing, b: EventBatch, i: number): void {
  const { calls } = p;
  let call = currentCall(p, b, i);
  if (call !== NONE) {
    const seen = calls.seen[call]!;
    if (calls.kind[call] === Call.map && (seen & Seen.bounceFailed) !== 0) return;
    const isListed = (seen & (Seen.list | Seen.free)) !== 0;
    if (calls.kind[call] === Call.unmap && isListed && calls.pending[call]! > 0) {
      closeSlot(p, b, i, call);
      return;
    }
    if (calls.kind[call] === Call.unmap && (seen & Seen.table) !== 0) {
      calls.seen[call] = seen | Seen.bounce;
      return;
    }
    resolve(p, call);
  }
  call = openCall(p, b, i, Call.unmap);
  calls.seen[call] = Seen.bounce;
  const entry = findMapping(p, b.device[i]!, b.addressLow[i]!, b.addressHigh[i]!);
  hold(p, call, entry);
  calls.device[call] = b.device[i]!;
  if (entry !== NONE) p.live.unindex(entry);
}

function closeSlot(p: Pairing, b: EventBatch, i: number, call: number): void {
  const { calls } = p;
  if (calls.record[call] === NONE) {
    // A list from before the trace: each slot that follows belongs to it.
    if (calls.addressLow[call] === 0 && calls.addressHigh[call] === 0) {
      calls.addressLow[call] = b.addressLow[i]!;
      calls.addressHigh[call] = b.addressHigh[i]!;
    }
    calls.bytes[call] = calls.bytes[call]! + b.size[i]!;
    return;
  }
  calls.pending[call] = calls.pending[call]! - 1;
  if (calls.pending[call] === 0) resolve(p, call);
}

/** The open map call of this context if it can take another slot, else a new one. */
function mapCall(p: Pairing, b: EventBatch, i: number): number {
  const { calls } = p;
  const call = currentCall(p, b, i);
  if (call === NONE) return openCall(p, b, i, Call.map);
  const isOver = (calls.seen[call]! & Seen.bounceFailed) !== 0 || calls.record[call] !== NONE;
  if (calls.kind[call] === Call.map && !isOver) return call;
  resolve(p, call);
  return openCall(p, b, i, Call.map);
}
