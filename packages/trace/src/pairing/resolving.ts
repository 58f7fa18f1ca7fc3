// Calls of which nothing more will come.
//
// A map call that only iommu events showed leaves its mapping as it is: the row is completed by the
// unmap, or at the end. An unmap call completes its row with what was seen of it.

import { DomainClass, type EventBatch, Flag, Op } from '../batch.ts';
import { BLOCK_MASK } from '../request-store.ts';
import { highOf, lowOf, PAGE } from './address.ts';
import { Call, type OpenCall, Seen } from './call-table.ts';
import { finishOrphan, finishUnmap, noteUnmatched } from './closing.ts';
import { draftCall } from './draft.ts';
import { ANY_LIST, writeFailure } from './failures.ts';
import { adoptExact, findMapping } from './finding.ts';
import { NONE, State } from './live-set.ts';
import { beginRow } from './rows.ts';
import { splitMapping } from './splitting.ts';
import type { Pairing } from './state.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Classes = DomainClass;
const Flags = Flag;
const Ops = Op;
const ROW_MASK = BLOCK_MASK;
const PAGE_BYTES = PAGE;
const Calls = Call;
const Signs = Seen;
const NO_ENTRY = NONE;
const States = State;

const TWO_32 = 2 ** 32;

/** Opens a call at event `i`, with a row of its own. */
export function openCall(p: Pairing, b: EventBatch, i: number, kind: Call): OpenCall {
  const row = beginRow(p, b, i);
  const call = p.calls.open(kind, row, b.cpu[i]!, b.tid[i]!, b.context[i]!);
  call.time = b.time[i]!;
  call.task = b.task[i]!;
  return call;
}

/** Lets a call hold a mapping, or NONE. Another call may still take the mapping away. */
export function hold(p: Pairing, call: OpenCall, entry: number): void {
  call.record = entry;
  if (entry !== NO_ENTRY) call.serial = p.live.serial[entry]!;
}

/** The open call of the context of event `i`. A map call whose mapping was taken away is over. */
export function currentCall(p: Pairing, b: EventBatch, i: number): OpenCall | null {
  const { calls } = p;
  const call = calls.find(b.cpu[i]!, b.tid[i]!, b.context[i]!);
  if (call === null || !dropStale(p, call) || call.kind !== Calls.map) return call;
  calls.close(call);
  return null;
}

// The mapping is another one by now, or another call's: the call holds nothing any more.
function dropStale(p: Pairing, call: OpenCall): boolean {
  const { live } = p;
  const entry = call.record;
  if (entry === NO_ENTRY) return false;
  const isAnother = live.serial[entry] !== call.serial;
  const isClaimed = (live.state[entry]! & States.claimed) !== 0;
  if (!isAnother && !(isClaimed && call.kind === Calls.map)) return false;
  call.record = NO_ENTRY;
  return true;
}

/** Ends a call. */
export function resolve(p: Pairing, call: OpenCall): void {
  dropStale(p, call);
  if (call.kind === Calls.map) resolveMap(p, call);
  else resolveUnmap(p, call);
  p.calls.close(call);
}

/** Ends the open calls of one CPU, or of all (-1). */
export function resolveCalls(p: Pairing, cpu: number): void {
  const { calls } = p;
  for (const call of calls.all) {
    if (call.kind !== 0 && (cpu < 0 || call.cpu === cpu)) resolve(p, call);
  }
}

function resolveMap(p: Pairing, call: OpenCall): void {
  const seen = call.seen;
  if (call.record !== NO_ENTRY || (seen & Signs.table) !== 0) return;
  if ((seen & Signs.allocFailed) !== 0) {
    const d = draftCall(p, call, Ops.map);
    if (d.domain === 0) {
      d.domain = p.attribution.ofDevice(d.device);
      d.domainClass = Classes.A;
    }
    d.flags = Flags.sizeDerived;
    writeFailure(p, d);
  } else if ((seen & Signs.bounceFailed) !== 0) failList(p, call);
}

// A list without an event of its own: bounce memory had no room for one of its segments, and those behind
// it were not tried. What is known of it is the request.
function failList(p: Pairing, call: OpenCall): void {
  p.oddities.count('FAILED_LIST');
  const { asked, askedPhys, askedBytes } = call;
  if (asked === 0) return;
  const d = draftCall(p, call, Ops.map);
  d.physLow = askedPhys[0]! % TWO_32;
  d.physHigh = Math.floor(askedPhys[0]! / TWO_32);
  d.domain = p.attribution.ofDevice(d.device);
  d.flags = Flags.bounced | Flags.listCapped | (d.domain === 0 ? Flags.direct : 0);
  d.segments = asked;
  let list = 0;
  for (let s = 0; s < asked; s++) {
    const number = p.lists.append(askedPhys[s]!, askedBytes[s]!);
    list ||= number;
    d.size += askedBytes[s]!;
  }
  writeFailure(p, d, ANY_LIST);
  if (asked > 1) p.store.block(d.row).list[d.row & ROW_MASK] = list;
}

function resolveUnmap(p: Pairing, call: OpenCall): void {
  const seen = call.seen;
  let entry = call.record;
  if (entry === NO_ENTRY && (seen & Signs.unmapProbe) !== 0) {
    entry = findMapping(p, call.device, call.addressLow, call.addressHigh);
    // A mapping that was made since then is another one.
    if (entry !== NO_ENTRY && p.live.row[entry]! > call.row) entry = NO_ENTRY;
  }
  if (entry !== NO_ENTRY) finishFound(p, call, entry);
  else if (isTableAlone(seen) && splitMapping(p, call)) return;
  else if (call.bytes > 0) finishNotFound(p, call);
  else if ((seen & Signs.list) !== 0) noteUnmatched(p, draftCall(p, call, Ops.unmap));
}

function isTableAlone(seen: number): boolean {
  return (seen & Signs.table) !== 0 && (seen & (Signs.list | Signs.free | Signs.unmapProbe)) === 0;
}

function finishFound(p: Pairing, call: OpenCall, entry: number): void {
  const { live } = p;
  const isProbed = (call.seen & Signs.unmapProbe) !== 0;
  const d = draftCall(p, call, opOf(call));
  if ((live.state[entry]! & States.claimed) === 0 && isProbed) {
    adoptExact(p, entry, d.device, d.size, d.addressLow, d.addressHigh);
  }
  if ((live.state[entry]! & (States.claimed | States.exact)) !== 0) {
    d.size = live.size[entry]!;
    d.addressLow = live.addressLow[entry]!;
    d.addressHigh = live.addressHigh[entry]!;
    if ((call.seen & Signs.free) !== 0) takeFreed(p, call);
  } else {
    d.size = live.pages[entry]! * PAGE_BYTES;
    d.addressLow = lowOf(live.page[entry]!);
    d.addressHigh = highOf(live.page[entry]!);
  }
  finishUnmap(p, entry, d);
}

// A free tells its own size and address, which should be those of the allocation.
function takeFreed(p: Pairing, call: OpenCall): void {
  const { draft: d } = p;
  if (call.bytes === d.size) return;
  p.oddities.count('SIZE_MISMATCH');
  d.size = call.bytes;
}

function finishNotFound(p: Pairing, call: OpenCall): void {
  const d = draftCall(p, call, opOf(call));
  const isExact = (call.seen & (Signs.unmapProbe | Signs.free)) !== 0;
  if (!isExact) d.flags = Flags.sizeDerived;
  if (d.domain === 0) {
    d.domain = p.attribution.ofDevice(d.device);
    d.domainClass = Classes.A;
  }
  if (d.domain === 0 && d.device === 0) {
    d.domain = p.attribution.guess();
    d.domainClass = Classes.none;
    d.flags |= Flags.domainInferred;
  }
  finishOrphan(p, d);
}

function opOf(call: OpenCall): Op {
  return (call.seen & Signs.free) !== 0 ? Ops.free : Ops.unmap;
}
