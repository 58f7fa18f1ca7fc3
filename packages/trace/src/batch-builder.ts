// Allocates the columns of an event batch, and clears and grows them.
//
// Sparse columns are zero in every row that does not set them, so decoders write only what they read.

import { BATCH_ROWS, Direction, type EventBatch, type SegmentColumns } from './batch.ts';

/** An empty batch with room for `rows` rows and 4,096 segments. */
export function eventBatch(rows: number = BATCH_ROWS): EventBatch {
  return {
    length: 0,
    time: new Float64Array(rows),
    cpu: new Uint16Array(rows),
    tid: new Int32Array(rows),
    task: new Uint32Array(rows),
    context: new Uint8Array(rows),
    kind: new Uint8Array(rows),
    name: new Uint16Array(rows),
    device: new Uint16Array(rows),
    token: new Uint32Array(rows),
    addressLow: new Uint32Array(rows),
    addressHigh: new Uint32Array(rows),
    physLow: new Uint32Array(rows),
    physHigh: new Uint32Array(rows),
    size: new Float64Array(rows),
    aux: new Float64Array(rows),
    aux2: new Float64Array(rows),
    direction: new Uint8Array(rows).fill(Direction.unknown),
    flags: new Uint32Array(rows),
    listStart: new Uint32Array(rows),
    listLength: new Uint32Array(rows),
    line: new Uint32Array(rows),
    segments: segmentColumns(4096),
  };
}

function segmentColumns(rows: number): SegmentColumns {
  return {
    length: 0,
    addressLow: new Uint32Array(rows),
    addressHigh: new Uint32Array(rows),
    physLow: new Uint32Array(rows),
    physHigh: new Uint32Array(rows),
    size: new Float64Array(rows),
  };
}

/** Empties a batch; rows `from` on are as if never written. */
export function clearRows(batch: EventBatch, from: number): void {
  const to = Math.min(batch.time.length, Math.max(batch.length, from) + 1);
  batch.context.fill(0, from, to);
  batch.kind.fill(0, from, to);
  batch.name.fill(0, from, to);
  batch.device.fill(0, from, to);
  batch.token.fill(0, from, to);
  batch.addressLow.fill(0, from, to);
  batch.addressHigh.fill(0, from, to);
  batch.physLow.fill(0, from, to);
  batch.physHigh.fill(0, from, to);
  batch.size.fill(0, from, to);
  batch.aux.fill(0, from, to);
  batch.aux2.fill(0, from, to);
  batch.direction.fill(Direction.unknown, from, to);
  batch.flags.fill(0, from, to);
  batch.listStart.fill(0, from, to);
  batch.listLength.fill(0, from, to);
  batch.length = from;
}

/** Doubles the room for segments. */
export function growSegments(segments: SegmentColumns): void {
  const grown = segmentColumns(2 * segments.size.length);
  grown.addressLow.set(segments.addressLow);
  grown.addressHigh.set(segments.addressHigh);
  grown.physLow.set(segments.physLow);
  grown.physHigh.set(segments.physHigh);
  grown.size.set(segments.size);
  segments.addressLow = grown.addressLow;
  segments.addressHigh = grown.addressHigh;
  segments.physLow = grown.physLow;
  segments.physHigh = grown.physHigh;
  segments.size = grown.size;
}
