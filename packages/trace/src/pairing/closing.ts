// How mappings end: by an unmap that found them, by one that found nothing, or by one never seen.

import { DomainClass, type EventBatch, Flag, Op } from '../batch.ts';
import { BLOCK_MASK } from '../request-store.ts';
import { type Draft, draftEvent } from './draft.ts';
import { State } from './live-set.ts';
import { countRequest, moveRow, releaseEntry, writeDraft, writeTableMap } from './rows.ts';
import type { Pairing } from './state.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Classes = DomainClass;
const Flags = Flag;
const Ops = Op;
const ROW_MASK = BLOCK_MASK;
const States = State;

/** Flags of a map that its unmap carries too. */
const KEPT: number = Flags.deviceInferred | Flags.domainInferred | Flags.sizeDerived | Flags.direct;

/** Completes an unmap or free: writes its row, counts the lifetime, forgets the mapping. */
export function finishUnmap(p: Pairing, entry: number, d: Draft): void {
  const { live } = p;
  const state = live.state[entry]!;
  if ((state & States.filled) === 0) writeTableMap(p, entry);
  if (live.row[entry]! > d.row) d.row = moveRow(p, d.row);
  d.device = live.device[entry]!;
  d.domain = live.domain[entry]!;
  d.domainClass = closingClass(d.domainClass, live.domainClass[entry]! as DomainClass);
  d.physLow = live.physLow[entry]!;
  d.physHigh = live.physHigh[entry]!;
  d.limit = 0;
  d.flags |= live.flags[entry]! & KEPT;
  if ((state & States.bounced) !== 0) d.flags |= Flags.bounced;
  writeDraft(p.store, d, live.id[entry]!);
  p.lifetimes.add(d.device, live.size[entry]!, d.time - live.time[entry]!);
  countRequest(p, d.op);
  releaseEntry(p, entry);
}

// What the unmap itself tells, else what follows from the mapping.
function closingClass(own: DomainClass, ofMap: DomainClass): DomainClass {
  if (own >= Classes.B) return own;
  return ofMap >= Classes.B ? Classes.C : ofMap;
}

/**
 * Completes an unmap without a map: its mapping is from before the trace and goes to the preloaded
 * ones. Where the whole history of the domain was recorded that cannot be: then the row asks for nothing.
 */
export function finishOrphan(p: Pairing, d: Draft): void {
  if (d.domain !== 0 && p.attribution.domains[d.domain]!.created) {
    p.oddities.count(p.losses > 0 ? 'LOSS_WINDOW' : 'ORPHAN_UNMAP');
    noteUnmatched(p, d);
    return;
  }
  const id = ++p.nextId;
  const { flags } = d;
  d.flags |= Flags.openStart;
  writeDraft(p.store, d, id);
  countRequest(p, d.op);
  d.op = Ops.map;
  d.row = p.preloaded.reserve();
  d.flags = flags | Flags.openStart | Flags.synthetic;
  writeDraft(p.preloaded, d, id);
  p.preloaded.block(d.row).tid[d.row & ROW_MASK] = -1;
  p.counts.openStart++;
}

/** Leaves the row of a draft without op, but with what is known of it: a call that is not replayed. */
export function noteUnmatched(p: Pairing, d: Draft): void {
  d.op = Ops.none;
  d.flags |= Flags.unmatched;
  writeDraft(p.store, d, 0);
}

/** Closes a mapping whose unmap was never printed, by a row of its own at event `i`. */
export function closeUnseen(p: Pairing, entry: number, b: EventBatch, i: number): void {
  const { live } = p;
  if ((live.state[entry]! & States.filled) === 0) writeTableMap(p, entry);
  const row = p.store.reserve();
  const c = p.store.block(row);
  c.time[row & ROW_MASK] = b.time[i]!;
  c.cpu[row & ROW_MASK] = b.cpu[i]!;
  c.tid[row & ROW_MASK] = -1;
  const op = (live.state[entry]! & States.alloc) !== 0 ? Ops.free : Ops.unmap;
  const d = draftEvent(p, b, i, row, op);
  d.device = live.device[entry]!;
  d.domain = live.domain[entry]!;
  d.domainClass = live.domainClass[entry]! as DomainClass;
  d.size = live.size[entry]!;
  d.addressLow = live.addressLow[entry]!;
  d.addressHigh = live.addressHigh[entry]!;
  d.physLow = live.physLow[entry]!;
  d.physHigh = live.physHigh[entry]!;
  d.direction = live.direction[entry]!;
  d.flags = Flags.synthetic;
  writeDraft(p.store, d, live.id[entry]!);
  countRequest(p, op);
  releaseEntry(p, entry);
}
