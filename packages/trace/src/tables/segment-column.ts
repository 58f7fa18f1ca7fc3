// The column "list" of a table of requests: the segments of scatter lists that were mapped directly, as text
// "phys/size;phys/size" (addresses with 0x); empty for all other rows. Tables without any such list have no such column.

import type { RequestBatch, SegmentLists } from '../batch.ts';
import type { SegmentStore } from '../segment-store.ts';
import { TraceError } from '../trace-error.ts';
import type { ReadValues, TableColumn } from './table.ts';

/** The column as it is declared. */
export const SEGMENT_COLUMN: TableColumn = { name: 'list', type: 'text' };

/** The cells of a batch. */
export function segmentCells(batch: RequestBatch, lists: SegmentLists): string[] {
  const { list, segments, length } = batch;
  const cells = new Array<string>(length).fill('');
  for (let i = 0; i < length; i++) {
    if (list[i] === 0) continue;
    let text = '';
    for (let s = list[i]!; s < list[i]! + segments[i]!; s++) {
      text += `${text === '' ? '' : ';'}0x${lists.phys(s).toString(16)}/${lists.bytes(s)}`;
    }
    cells[i] = text;
  }
  return cells;
}

/** Keeps the segments of `rows` cells, from cell `from` on, and gives their numbers to the rows of `block` from `at` on. */
export function keepCells(
  cells: ReadValues,
  from: number,
  rows: number,
  block: RequestBatch,
  at: number,
  lists: SegmentStore,
  source: string,
): void {
  for (let i = 0; i < rows; i++) {
    const cell = cells[from + i]!;
    if (cell !== '')
      block.list[at + i] = keep(String(cell), block.segments[at + i]!, lists, source);
  }
}

/** The number of the first segment. */
function keep(cell: string, count: number, lists: SegmentStore, source: string): number {
  const entries = cell.split(';');
  let first = 0;
  for (const entry of entries) {
    const slash = entry.indexOf('/');
    const phys = entry.startsWith('0x') ? Number(entry.slice(0, slash)) : Number.NaN;
    const bytes = Number(entry.slice(slash + 1));
    if (!(phys >= 0 && phys < 2 ** 64 && bytes > 0) || entries.length !== count) {
      const expected = `expected ${count} segments "0x.../size" joined by ";"`;
      const found = JSON.stringify(cell.slice(0, 80));
      throw new TraceError(source, null, `MALFORMED_EVENT: ${expected}, found ${found}`);
    }
    const number = lists.append(phys, bytes);
    first ||= number;
  }
  return first;
}
