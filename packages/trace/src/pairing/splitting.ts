// Unmaps of a part of a mapping: its front, its end, or what lies in between (VFIO and iommufd may do that;
// the DMA API never does).
//
// The request ends, and what is left of the mapping begins anew at the same moment as requests of its own,
// flagged synthetic: what is mapped is right at any time, and the first request keeps its extent.

import { Flag, Op } from '../batch.ts';
import { BLOCK_MASK } from '../request-store.ts';
import { highOf, lowOf, PAGE, pagesFor } from './address.ts';
import type { OpenCall } from './call-table.ts';
import { finishUnmap } from './closing.ts';
import { draftCall } from './draft.ts';
import { keyOf } from './finding.ts';
import { NONE, State } from './live-set.ts';
import { addFlags, writeTableMap } from './rows.ts';
import type { Pairing } from './state.ts';

/** Ends a call that unmapped a part of a mapping which only iommu events told of; false where there is none. */
export function splitMapping(p: Pairing, call: OpenCall): boolean {
  const { live } = p;
  const page = keyOf(p, call.addressLow, call.addressHigh);
  const entry = findAround(p, page, call.domain);
  if (entry === NONE) return false;
  p.oddities.count('PARTIAL_UNMAP');
  const end = page + pagesFor(call.bytes);
  const first = live.page[entry]!;
  const last = first + live.pages[entry]!;
  const rests = [
    [first, page],
    [end, last],
  ].filter(([from, to]) => from! < to!);
  const entries = rests.map(([from, to]) => addRest(p, entry, call, from!, to! - from!));
  const d = draftCall(p, call, Op.unmap);
  if ((live.state[entry]! & State.filled) === 0) writeTableMap(p, entry);
  d.size = live.size[entry]!;
  d.addressLow = live.addressLow[entry]!;
  d.addressHigh = live.addressHigh[entry]!;
  d.flags = Flag.synthetic | Flag.sizeDerived;
  finishUnmap(p, entry, d);
  for (const rest of entries) {
    writeTableMap(p, rest);
    addFlags(p, live.row[rest]!, Flag.synthetic);
  }
  return true;
}

function findAround(p: Pairing, page: number, domain: number): number {
  const { live } = p;
  const isWanted = (entry: number): boolean =>
    (live.state[entry]! & (State.claimed | State.translated)) === State.translated &&
    (domain === 0 || live.domain[entry] === 0 || live.domain[entry] === domain);
  let entry = live.first(page);
  while (entry !== NONE && !isWanted(entry)) entry = live.next(entry);
  return entry === NONE ? live.around(page, isWanted) : entry;
}

/** A mapping that is a part of another one, from the time of the call on. */
function addRest(p: Pairing, whole: number, call: OpenCall, page: number, pages: number): number {
  const { live, store } = p;
  const from = call.row;
  const { time, cpu, tid, task, context, line } = store.block(from);
  const f = from & BLOCK_MASK;
  const values = [time[f]!, cpu[f]!, tid[f]!, task[f]!, context[f]!, line[f]!] as const;
  const row = store.reserve();
  const c = store.block(row);
  const r = row & BLOCK_MASK;
  [c.time[r], c.cpu[r], c.tid[r], c.task[r], c.context[r], c.line[r]] = values;
  const rest = live.add(page, pages, row);
  const moved = (page - live.page[whole]!) * PAGE;
  const phys = live.physHigh[whole]! * 2 ** 32 + live.physLow[whole]! + moved;
  live.time[rest] = call.time;
  if (live.physLow[whole] !== 0 || live.physHigh[whole] !== 0) {
    live.physLow[rest] = phys % 2 ** 32;
    live.physHigh[rest] = Math.floor(phys / 2 ** 32);
  }
  live.cpu[rest] = live.cpu[whole]!;
  live.epoch[rest] = p.losses;
  live.device[rest] = live.device[whole]!;
  live.domain[rest] = live.domain[whole]!;
  live.domainClass[rest] = live.domainClass[whole]!;
  live.ranges[rest] = 1;
  live.state[rest] = live.state[whole]! & (State.translated | State.guessed);
  return rest;
}

/** Leaves of a mapping what lies from `page` on. */
export function cutFront(p: Pairing, entry: number, page: number, pages: number): void {
  const { live } = p;
  live.unindex(entry);
  live.page[entry] = page;
  live.resize(entry, pages);
  live.index(entry);
  if ((live.state[entry]! & State.filled) === 0) return;
  const row = live.row[entry]!;
  const c = p.store.block(row);
  const r = row & BLOCK_MASK;
  live.size[entry] = pages * PAGE;
  live.addressLow[entry] = lowOf(page);
  live.addressHigh[entry] = highOf(page);
  c.size[r] = live.size[entry]!;
  c.addressLow[r] = live.addressLow[entry]!;
  c.addressHigh[r] = live.addressHigh[entry]!;
}
