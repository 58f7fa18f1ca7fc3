// The columns of a table of events (docs/convert.md), named as the reader of any table expects them.
//
// Names are text here, not indices, so that a table of events needs no side tables. Segments are one text,
// "address/phys/size;...".

import { type EventBatch, EventKind } from '../batch.ts';
import type { EventReader } from '../event-reader.ts';
import { interleave } from './request-table.ts';
import type { ColumnValues, TableChunk, TableColumn } from './table.ts';

/** The columns of a table of events. */
export const EVENT_COLUMNS: readonly TableColumn[] = [
  { name: 'op', type: 'text' },
  { name: 'event_name', type: 'text' },
  { name: 'time_ns', type: 'float64' },
  { name: 'cpu', type: 'uint16' },
  { name: 'tid', type: 'int32' },
  { name: 'comm', type: 'text' },
  { name: 'ctx', type: 'text' },
  { name: 'dev', type: 'text' },
  { name: 'token', type: 'text' },
  { name: 'iova', type: 'uint64' },
  { name: 'phys', type: 'uint64' },
  { name: 'size', type: 'float64' },
  { name: 'aux', type: 'float64' },
  { name: 'aux2', type: 'float64' },
  { name: 'dir', type: 'uint8' },
  { name: 'flags', type: 'uint32' },
  { name: 'segments', type: 'text' },
  { name: 'line', type: 'uint32' },
];

const KINDS: readonly string[] = kindNames();

/** Turns the batches of a reader into rows. */
export function eventChunks(reader: EventReader): (batch: EventBatch) => TableChunk {
  const { names, tasks, devices, tokens } = reader;
  const iova = new BigUint64Array(65_536);
  const phys = new BigUint64Array(65_536);
  return (b) => {
    const { length } = b;
    const text = (of: (i: number) => string): string[] => Array.from({ length }, (_, i) => of(i));
    interleave(b.addressLow, b.addressHigh, length, iova);
    interleave(b.physLow, b.physHigh, length, phys);
    const columns: ColumnValues[] = [
      text((i) => KINDS[b.kind[i]!] ?? 'other'),
      text((i) => names[b.name[i]!] ?? ''),
      b.time.subarray(0, length),
      b.cpu.subarray(0, length),
      b.tid.subarray(0, length),
      text((i) => tasks[b.task[i]!] ?? ''),
      text((i) => (b.context[i] === 0 ? '' : String.fromCharCode(b.context[i]!))),
      text((i) => devices[b.device[i]!] ?? ''),
      text((i) => tokens[b.token[i]!] ?? ''),
      iova.subarray(0, length),
      phys.subarray(0, length),
      b.size.subarray(0, length),
      b.aux.subarray(0, length),
      b.aux2.subarray(0, length),
      b.direction.subarray(0, length),
      b.flags.subarray(0, length),
      text((i) => segmentsText(b, i)),
      b.line.subarray(0, length),
    ];
    return { length, columns };
  };
}

function segmentsText(b: EventBatch, i: number): string {
  const { addressLow, addressHigh, physLow, physHigh, size } = b.segments;
  const start = b.listStart[i]!;
  const entries: string[] = [];
  for (let s = start; s < start + b.listLength[i]!; s++) {
    entries.push(
      `${hexText(addressHigh[s]!, addressLow[s]!)}/${hexText(physHigh[s]!, physLow[s]!)}/${size[s]}`,
    );
  }
  return entries.join(';');
}

/** 64 bits as 0x and hexadecimal digits. */
export function hexText(high: number, low: number): string {
  if (high === 0) return `0x${low.toString(16)}`;
  return `0x${high.toString(16)}${low.toString(16).padStart(8, '0')}`;
}

function kindNames(): string[] {
  const names: string[] = [];
  for (const [name, value] of Object.entries(EventKind)) names[value] = name;
  return names;
}
