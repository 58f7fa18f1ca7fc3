// The row that is being completed: one record, filled anew for each request.
//
// It saves long argument lists without making an object for each event. A draft is valid until the next
// one is begun.

import { DomainClass, type EventBatch, EventKind, Flag, Op } from '../batch.ts';
import type { OpenCall } from './call-table.ts';
import type { Pairing } from './state.ts';

// Constants of this module are compiled in; what is imported is loaded at each use (docs/architecture.md).
const Classes = DomainClass;
const Kinds = EventKind;
const Flags = Flag;
const Ops = Op;

/** DMA_ATTR_SKIP_CPU_SYNC. */
const SKIP_CPU_SYNC = 0x20;

export interface Draft {
  row: number;
  op: Op;
  device: number;
  domain: number;
  /** Of what the unmap itself tells, the map's own counts beside it. */
  domainClass: DomainClass;
  task: number;
  /** ns at which the call began. */
  time: number;
  size: number;
  addressLow: number;
  addressHigh: number;
  physLow: number;
  physHigh: number;
  direction: number;
  limit: number;
  segments: number;
  flags: number;
  /** 0 keeps the line of the first sign. */
  line: number;
}

export function createDraft(): Draft {
  return {
    row: 0,
    op: Ops.none,
    device: 0,
    domain: 0,
    domainClass: Classes.none,
    task: 0,
    time: 0,
    size: 0,
    addressLow: 0,
    addressHigh: 0,
    physLow: 0,
    physHigh: 0,
    direction: 255,
    limit: 0,
    segments: 1,
    flags: 0,
    line: 0,
  };
}

/** Begins a draft for `row` with what event `i` says. */
export function draftEvent(p: Pairing, b: EventBatch, i: number, row: number, op: Op): Draft {
  const d = p.draft;
  d.row = row;
  d.op = op;
  d.device = b.device[i]!;
  d.domain = 0;
  d.domainClass = d.device === 0 ? Classes.none : Classes.B;
  d.task = b.task[i]!;
  d.time = b.time[i]!;
  d.size = b.size[i]!;
  d.addressLow = b.addressLow[i]!;
  d.addressHigh = b.addressHigh[i]!;
  d.physLow = b.physLow[i]!;
  d.physHigh = b.physHigh[i]!;
  d.direction = b.direction[i]!;
  d.limit = 0;
  d.segments = 1;
  d.flags = (b.flags[i]! & (Flags.nonUtf8 | Flags.listCapped)) | skipFlag(b, i);
  d.line = b.line[i]!;
  return d;
}

/** Flag.skipCpuSync where a single map or unmap had that attribute. */
export function skipFlag(b: EventBatch, i: number): number {
  const kind = b.kind[i];
  if (kind !== Kinds.dmaMap && kind !== Kinds.dmaUnmap) return 0;
  return (b.aux[i]! & SKIP_CPU_SYNC) === 0 ? 0 : Flags.skipCpuSync;
}

/** Begins a draft for the row of an open call with what is known of it. */
export function draftCall(p: Pairing, call: OpenCall, op: Op): Draft {
  const { draft: d } = p;
  d.row = call.row;
  d.op = op;
  d.device = call.device;
  d.domain = call.domain;
  d.domainClass = call.domainClass as DomainClass;
  d.task = call.task;
  d.time = call.time;
  d.size = call.bytes;
  d.addressLow = call.addressLow;
  d.addressHigh = call.addressHigh;
  d.physLow = call.physLow;
  d.physHigh = call.physHigh;
  d.direction = call.direction;
  d.limit = call.limit;
  d.segments = 1;
  d.flags = 0;
  d.line = 0;
  return d;
}
