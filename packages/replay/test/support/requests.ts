// Hand-made request batches: rows as objects, with zero for every column that a test does not name.

import type { RequestSource } from '@dmalab/replay';
import { Op, type RequestBatch } from '@dmalab/trace';

/** Columns of one row; `address` and `phys` are whole numbers up to 2^53. */
export interface Row {
  readonly time?: number;
  readonly cpu?: number;
  readonly op: Op;
  readonly device?: number;
  readonly domain?: number;
  readonly id?: number;
  readonly size?: number;
  readonly address?: number;
  readonly phys?: number;
  readonly dmaLimit?: number;
  readonly hold?: number;
  readonly flags?: number;
  readonly line?: number;
  readonly direction?: number;
  readonly segments?: number;
  readonly list?: number;
  /** Context character of the trace: 0x2e may sleep. */
  readonly context?: number;
}

/** A map of `size` bytes. */
export function map(id: number, time: number, more: Omit<Row, 'op'> = {}): Row {
  return { op: Op.map, id, time, size: 4096, device: 1, domain: 1, ...more };
}

/** An unmap of the mapping `id`. */
export function unmap(id: number, time: number, more: Omit<Row, 'op'> = {}): Row {
  return { op: Op.unmap, id, time, size: 4096, device: 1, domain: 1, ...more };
}

/** A source of these rows. */
export function source(rows: readonly Row[], openStart: readonly Row[] = []): RequestSource {
  return {
    openStart: () => (openStart.length > 0 ? [requestBatch(openStart)] : []),
    requests: () => [requestBatch(rows)],
  };
}

/** One batch of these rows. */
export function requestBatch(rows: readonly Row[]): RequestBatch {
  const column = (of: (row: Row) => number | undefined): number[] =>
    rows.map((row) => of(row) ?? 0);
  return {
    length: rows.length,
    time: Float64Array.from(column((row) => row.time)),
    cpu: Uint16Array.from(column((row) => row.cpu)),
    op: Uint8Array.from(column((row) => row.op)),
    device: Uint16Array.from(column((row) => row.device)),
    domain: Uint16Array.from(column((row) => row.domain)),
    domainClass: new Uint8Array(rows.length),
    tid: new Int32Array(rows.length).fill(-1),
    task: new Uint32Array(rows.length),
    context: Uint8Array.from(column((row) => row.context)),
    id: Uint32Array.from(column((row) => row.id)),
    size: Float64Array.from(column((row) => row.size)),
    addressLow: Uint32Array.from(column((row) => low(row.address))),
    addressHigh: Uint32Array.from(column((row) => high(row.address))),
    physLow: Uint32Array.from(column((row) => low(row.phys))),
    physHigh: Uint32Array.from(column((row) => high(row.phys))),
    dmaLimit: Float64Array.from(column((row) => row.dmaLimit)),
    hold: Float64Array.from(column((row) => row.hold)),
    direction: Uint8Array.from(column((row) => row.direction)),
    flags: Uint32Array.from(column((row) => row.flags)),
    segments: Uint32Array.from(rows, (row) => row.segments ?? 1),
    list: Uint32Array.from(column((row) => row.list)),
    line: Uint32Array.from(column((row) => row.line)),
  };
}

function low(value = 0): number {
  return value % 2 ** 32;
}

function high(value = 0): number {
  return Math.floor(value / 2 ** 32);
}
