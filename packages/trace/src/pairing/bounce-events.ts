// swiotlb: slots taken and given back.
//
// With DMA API events the slots only annotate their requests. Without them (kernel 6.1) each slot is a
// request of its own: the stream that a bounce pool serves.

import { type EventBatch, Flag, Op } from '../batch.ts';
import { isMappingError, PAGE, pagesFor } from './address.ts';
import { Call, isNmi, type OpenCall, Seen } from './call-table.ts';
import { finishOrphan, finishUnmap } from './closing.ts';
import { draftCall, draftEvent } from './draft.ts';
import { settleDemand, writeFailure } from './failures.ts';
import { findMapping, keyOf } from './finding.ts';
import { NONE, State } from './live-set.ts';
import { currentCall, hold, openCall, resolve } from './resolving.ts';
import { beginRow, writeMap } from './rows.ts';
import { evidence, type Pairing } from './state.ts';

const TWO_32 = 2 ** 32;
const BOUNCED: number = Flag.bounced | Flag.direct;

/** swiotlb:swiotlb_bounced: the first sign of a map that bounces. */
export function onBounced(p: Pairing, b: EventBatch, i: number): void {
  p.bounce.bounced(b, i);
  const known = evidence(p, b.device[i]!);
  if (b.aux[i]! > known.mask) known.mask = b.aux[i]!;
  if (!p.dmaEvents) return;
  const call = mapCall(p, b, i);
  call.seen |= Seen.bounce;
  call.device = b.device[i]!;
}

/** swiotlb_tbl_map_single. */
export function onBounceMap(p: Pairing, b: EventBatch, i: number): void {
  p.bounce.map(b, i);
  if (isNmi(b.context[i]!)) p.breakpoints = true;
  const call = p.dmaEvents ? mapCall(p, b, i) : openCall(p, b, i, Call.map);
  call.seen |= Seen.bounce;
  call.device = b.device[i]!;
  call.direction = b.direction[i]!;
  if (p.dmaEvents) {
    call.ask(b.physHigh[i]! * TWO_32 + b.physLow[i]!, b.size[i]!);
    return;
  }
  call.bytes = b.size[i]!;
  call.physLow = b.physLow[i]!;
  call.physHigh = b.physHigh[i]!;
}

/** swiotlb_tbl_map_single returned a slot, or all ones. */
export function onBounceMapReturn(p: Pairing, b: EventBatch, i: number): void {
  p.bounce.mapReturn(b, i);
  const { calls } = p;
  const context = b.context[i]!;
  const call = isNmi(context)
    ? calls.findNmi(b.cpu[i]!, b.tid[i]!, Call.map)
    : currentCall(p, b, i);
  if (call === null || (call.seen & Seen.bounce) === 0) return;
  const isFailed = isMappingError(b.addressLow[i]!, b.addressHigh[i]!, call.physLow);
  if (p.dmaEvents) {
    if (isFailed) call.seen |= Seen.bounceFailed;
    else call.pending++;
    return;
  }
  if (isFailed) failSlot(p, call);
  else takeSlot(p, b, i, call);
  calls.close(call);
}

function failSlot(p: Pairing, call: OpenCall): void {
  const d = draftCall(p, call, Op.map);
  d.flags = BOUNCED;
  writeFailure(p, d);
}

function takeSlot(p: Pairing, b: EventBatch, i: number, call: OpenCall): void {
  const { live } = p;
  const low = b.addressLow[i]!;
  const high = b.addressHigh[i]!;
  const size = call.bytes;
  const entry = live.add(keyOf(p, low, high), pagesFor((low % PAGE) + size), call.row);
  live.time[entry] = call.time;
  live.device[entry] = call.device;
  live.size[entry] = size;
  live.addressLow[entry] = low;
  live.addressHigh[entry] = high;
  live.physLow[entry] = call.physLow;
  live.physHigh[entry] = call.physHigh;
  live.direction[entry] = call.direction;
  live.cpu[entry] = b.cpu[i]!;
  live.epoch[entry] = p.losses;
  live.state[entry] = State.claimed | State.bounced;
  writeMap(p, entry, Op.map, 1, BOUNCED, 0);
  evidence(p, call.device).untranslated++;
  settleDemand(p, call.device, call.task, call.physLow, call.physHigh, size);
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
  let call = currentCall(p, b, i);
  if (call !== null) {
    const seen = call.seen;
    if (call.kind === Call.map && (seen & Seen.bounceFailed) !== 0) return;
    const isListed = (seen & (Seen.list | Seen.free)) !== 0;
    if (call.kind === Call.unmap && isListed && call.pending > 0) {
      closeSlot(p, b, i, call);
      return;
    }
    if (call.kind === Call.unmap && (seen & Seen.table) !== 0) {
      call.seen = seen | Seen.bounce;
      return;
    }
    resolve(p, call);
  }
  call = openCall(p, b, i, Call.unmap);
  call.seen = Seen.bounce;
  const entry = findMapping(p, b.device[i]!, b.addressLow[i]!, b.addressHigh[i]!);
  hold(p, call, entry);
  call.device = b.device[i]!;
  if (entry !== NONE) p.live.unindex(entry);
}

function closeSlot(p: Pairing, b: EventBatch, i: number, call: OpenCall): void {
  if (call.record === NONE) {
    // A list from before the trace: each slot that follows belongs to it.
    if (call.addressLow === 0 && call.addressHigh === 0) {
      call.addressLow = b.addressLow[i]!;
      call.addressHigh = b.addressHigh[i]!;
    }
    call.bytes = call.bytes + b.size[i]!;
    return;
  }
  call.pending--;
  if (call.pending === 0) resolve(p, call);
}

/** The open map call of this context if it can take another slot, else a new one. */
function mapCall(p: Pairing, b: EventBatch, i: number): OpenCall {
  const call = currentCall(p, b, i);
  if (call === null) return openCall(p, b, i, Call.map);
  const isOver = (call.seen & Seen.bounceFailed) !== 0 || call.record !== NONE;
  if (call.kind === Call.map && !isOver) return call;
  resolve(p, call);
  return openCall(p, b, i, Call.map);
}
