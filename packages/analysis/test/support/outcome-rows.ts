// Builds outcome batches row by row, for tests that state their rows literally.

import type { OutcomeBatch } from '@dmalab/replay';

type Column = Exclude<keyof OutcomeBatch, 'length' | 'samples'>;

/** One row: the columns that are not 0. */
export type OutcomeRow = Readonly<Partial<Record<Column, number>>>;

/** Batches of at most `rowsPerBatch` rows that hold `rows`. */
export function outcomeBatches(rows: readonly OutcomeRow[], rowsPerBatch = 1000): OutcomeBatch[] {
  const batches: OutcomeBatch[] = [];
  for (let i = 0; i < rows.length; i += rowsPerBatch) {
    batches.push(outcomeBatch(rows.slice(i, i + rowsPerBatch)));
  }
  return batches;
}

function outcomeBatch(rows: readonly OutcomeRow[]): OutcomeBatch {
  const doubles = (column: Column): Float64Array =>
    Float64Array.from(rows, (row) => row[column] ?? 0);
  const words = (column: Column): Uint32Array => Uint32Array.from(doubles(column));
  const shorts = (column: Column): Uint16Array => Uint16Array.from(doubles(column));
  const bytes = (column: Column): Uint8Array => Uint8Array.from(doubles(column));
  return {
    length: rows.length,
    time: doubles('time'),
    kind: bytes('kind'),
    cpu: shorts('cpu'),
    device: shorts('device'),
    domain: shorts('domain'),
    tid: Int32Array.from(doubles('tid')),
    id: words('id'),
    pfn: doubles('pfn'),
    pages: doubles('pages'),
    bytes: doubles('bytes'),
    path: bytes('path'),
    reach: bytes('reach'),
    stage: bytes('stage'),
    cause: bytes('cause'),
    steps: words('steps'),
    value: doubles('value'),
    costNs: doubles('costNs'),
    waitNs: doubles('waitNs'),
    latencyNs: doubles('latencyNs'),
    searches: bytes('searches'),
    updates: words('updates'),
    exchanges: words('exchanges'),
    flags: words('flags'),
    line: words('line'),
    liveMappings: words('liveMappings'),
    livePages: doubles('livePages'),
    queuedEntries: words('queuedEntries'),
    queuedPages: doubles('queuedPages'),
    cachedPages: doubles('cachedPages'),
    low32Pages: doubles('low32Pages'),
    bounceUsed: words('bounceUsed'),
    bounceTotal: words('bounceTotal'),
    hostEntries: doubles('hostEntries'),
    hostStale: doubles('hostStale'),
    hostPinned: doubles('hostPinned'),
    samples: [],
  };
}
