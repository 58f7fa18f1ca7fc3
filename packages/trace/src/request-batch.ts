// The columns of a request batch in one block of memory, so that a block can be written to disk as it is.
//
// Columns are laid out widest first: every one is aligned to its element.

import type { RequestBatch } from './batch.ts';

/** Bytes of one row over all columns. */
export const REQUEST_ROW_BYTES = 86;

/** A request batch and the bytes under it. */
export interface RequestBlock {
  readonly bytes: Uint8Array;
  readonly columns: RequestBatch;
}

/** A zeroed block of `rows` rows (a multiple of 8). */
export function createRequestBlock(rows: number): RequestBlock {
  const buffer = new ArrayBuffer(rows * REQUEST_ROW_BYTES);
  let offset = 0;
  const at = (width: number): number => {
    const start = offset;
    offset += rows * width;
    return start;
  };
  const columns: RequestBatch = {
    length: rows,
    time: new Float64Array(buffer, at(8), rows),
    size: new Float64Array(buffer, at(8), rows),
    dmaLimit: new Float64Array(buffer, at(8), rows),
    hold: new Float64Array(buffer, at(8), rows),
    tid: new Int32Array(buffer, at(4), rows),
    task: new Uint32Array(buffer, at(4), rows),
    id: new Uint32Array(buffer, at(4), rows),
    addressLow: new Uint32Array(buffer, at(4), rows),
    addressHigh: new Uint32Array(buffer, at(4), rows),
    physLow: new Uint32Array(buffer, at(4), rows),
    physHigh: new Uint32Array(buffer, at(4), rows),
    flags: new Uint32Array(buffer, at(4), rows),
    segments: new Uint32Array(buffer, at(4), rows),
    list: new Uint32Array(buffer, at(4), rows),
    line: new Uint32Array(buffer, at(4), rows),
    cpu: new Uint16Array(buffer, at(2), rows),
    device: new Uint16Array(buffer, at(2), rows),
    domain: new Uint16Array(buffer, at(2), rows),
    op: new Uint8Array(buffer, at(1), rows),
    context: new Uint8Array(buffer, at(1), rows),
    direction: new Uint8Array(buffer, at(1), rows),
    domainClass: new Uint8Array(buffer, at(1), rows),
  };
  return { bytes: new Uint8Array(buffer), columns };
}

/** A request batch of its own memory. */
export function createRequestBatch(rows: number): RequestBatch {
  return createRequestBlock(rows).columns;
}

/** Copies `count` rows of `from`, starting at its first, to `to` at row `at`. */
export function copyRequests(
  from: RequestBatch,
  count: number,
  to: RequestBatch,
  at: number,
): void {
  to.time.set(from.time.subarray(0, count), at);
  to.size.set(from.size.subarray(0, count), at);
  to.dmaLimit.set(from.dmaLimit.subarray(0, count), at);
  to.hold.set(from.hold.subarray(0, count), at);
  to.tid.set(from.tid.subarray(0, count), at);
  to.task.set(from.task.subarray(0, count), at);
  to.id.set(from.id.subarray(0, count), at);
  to.addressLow.set(from.addressLow.subarray(0, count), at);
  to.addressHigh.set(from.addressHigh.subarray(0, count), at);
  to.physLow.set(from.physLow.subarray(0, count), at);
  to.physHigh.set(from.physHigh.subarray(0, count), at);
  to.flags.set(from.flags.subarray(0, count), at);
  to.segments.set(from.segments.subarray(0, count), at);
  to.list.set(from.list.subarray(0, count), at);
  to.line.set(from.line.subarray(0, count), at);
  to.cpu.set(from.cpu.subarray(0, count), at);
  to.device.set(from.device.subarray(0, count), at);
  to.domain.set(from.domain.subarray(0, count), at);
  to.op.set(from.op.subarray(0, count), at);
  to.context.set(from.context.subarray(0, count), at);
  to.direction.set(from.direction.subarray(0, count), at);
  to.domainClass.set(from.domainClass.subarray(0, count), at);
}

/** Copies row `i` of `from` to row `j` of `to`. */
export function copyRequest(from: RequestBatch, i: number, to: RequestBatch, j: number): void {
  to.time[j] = from.time[i]!;
  to.size[j] = from.size[i]!;
  to.dmaLimit[j] = from.dmaLimit[i]!;
  to.hold[j] = from.hold[i]!;
  to.tid[j] = from.tid[i]!;
  to.task[j] = from.task[i]!;
  to.id[j] = from.id[i]!;
  to.addressLow[j] = from.addressLow[i]!;
  to.addressHigh[j] = from.addressHigh[i]!;
  to.physLow[j] = from.physLow[i]!;
  to.physHigh[j] = from.physHigh[i]!;
  to.flags[j] = from.flags[i]!;
  to.segments[j] = from.segments[i]!;
  to.list[j] = from.list[i]!;
  to.line[j] = from.line[i]!;
  to.cpu[j] = from.cpu[i]!;
  to.device[j] = from.device[i]!;
  to.domain[j] = from.domain[i]!;
  to.domainClass[j] = from.domainClass[i]!;
  to.op[j] = from.op[i]!;
  to.context[j] = from.context[i]!;
  to.direction[j] = from.direction[i]!;
}
