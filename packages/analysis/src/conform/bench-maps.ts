// Benchmark streams of maps and unmaps: what the families `fq` and `swiotlb` have in common.
//
// Format: test/golden/bench/README.md.

import { CsvTable } from './csv-table.ts';
import type { Fields } from './scenario.ts';

/** Values of the column `op`. */
export const StreamOp = { nothing: 0, map: 1, unmap: 2 } as const;

/** The columns that every such stream has. */
export interface MapStream {
  readonly count: number;
  readonly cpus: number;
  /** {@link StreamOp}. */
  readonly op: Uint8Array;
  readonly cpu: Uint16Array;
  readonly id: Uint32Array;
  /** One more than the highest id. */
  readonly ids: number;
}

/** A decoded stream, and the columns of its family by name; an empty cell is 0. */
export interface DecodedMaps {
  readonly stream: MapStream;
  readonly domain: Fields;
  cells(name: string): Float64Array;
}

/** Decodes the CSV `bytes` of `file`; an Error where native.json has no domain for it. */
export function decodeMaps(file: string, bytes: Uint8Array, domain: Fields | null): DecodedMaps {
  if (domain === null) throw new Error(`${file}: expected its domain in native.json`);
  const table = new CsvTable(file, bytes);
  const cells = (name: string): Float64Array => {
    const column = table.column(name);
    return Float64Array.from({ length: table.rows }, (_, row) => table.number(row, column) || 0);
  };
  const opAt = table.column('op');
  const id = Uint32Array.from(cells('id'));
  const stream: MapStream = {
    count: table.rows,
    cpus: domain.whole('cpus', 1, 65_536),
    op: Uint8Array.from({ length: table.rows }, (_, row) => {
      if (table.is(row, opAt, 'map')) return StreamOp.map;
      return table.is(row, opAt, 'unmap') ? StreamOp.unmap : StreamOp.nothing;
    }),
    cpu: Uint16Array.from(cells('cpu')),
    id,
    ids: id.reduce((most, one) => Math.max(most, one), 0) + 1,
  };
  return { stream, domain, cells };
}
