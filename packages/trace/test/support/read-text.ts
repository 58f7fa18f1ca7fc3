// Traces made of a few lines: written to a temporary file, read back as rows.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EventBatch,
  type EventCounts,
  type EventReader,
  type OpenOptions,
  openTrace,
} from '@dmalab/trace';

/** One event with its indices resolved; addresses as hexadecimal text. */
export interface EventRow {
  readonly time: number;
  readonly cpu: number;
  readonly tid: number;
  readonly task: string;
  readonly context: string;
  readonly kind: number;
  readonly name: string;
  readonly device: string;
  readonly token: string;
  readonly address: string;
  readonly phys: string;
  readonly size: number;
  readonly aux: number;
  readonly aux2: number;
  readonly direction: number;
  readonly flags: number;
  readonly line: number;
  readonly segments: readonly (readonly [address: string, phys: string, size: number])[];
}

/** What one reading gave. */
export interface Reading {
  readonly rows: EventRow[];
  readonly counts: EventCounts;
  /** Events by name. */
  readonly events: Record<string, number>;
  /** Counts of diagnostics by code. */
  readonly codes: Record<string, number>;
  readonly reader: EventReader;
}

/** Reads text, or bytes, as a file with this content. */
export async function readText(
  content: string | Uint8Array,
  chunkSize?: number,
  options: OpenOptions = {},
): Promise<Reading> {
  const directory = mkdtempSync(join(tmpdir(), 'dmalab-read-'));
  try {
    const path = join(directory, 'trace.txt');
    writeFileSync(path, content);
    return await readFile(path, chunkSize, options);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Reads a file. */
export async function readFile(
  path: string,
  chunkSize?: number,
  options: OpenOptions = {},
): Promise<Reading> {
  const reader = await openTrace(
    path,
    chunkSize === undefined ? options : { ...options, chunkSize },
  );
  const rows: EventRow[] = [];
  for await (const batch of reader.batches()) {
    for (let row = 0; row < batch.length; row++) rows.push(rowOf(reader, batch, row));
  }
  const { counts, names } = reader;
  const events: Record<string, number> = {};
  counts.byName.forEach((count, index) => {
    if (count > 0) events[names[index]!] = count;
  });
  const codes = Object.fromEntries(counts.diagnostics.map(({ code, count }) => [code, count]));
  return { rows, counts, events, codes, reader };
}

function rowOf(reader: EventReader, batch: EventBatch, row: number): EventRow {
  const { segments } = batch;
  const first = batch.listStart[row]!;
  return {
    time: batch.time[row]!,
    cpu: batch.cpu[row]!,
    tid: batch.tid[row]!,
    task: reader.tasks[batch.task[row]!]!,
    context: batch.context[row] === 0 ? '' : String.fromCharCode(batch.context[row]!),
    kind: batch.kind[row]!,
    name: reader.names[batch.name[row]!]!,
    device: reader.devices[batch.device[row]!]!,
    token: reader.tokens[batch.token[row]!]!,
    address: hex(batch.addressHigh[row]!, batch.addressLow[row]!),
    phys: hex(batch.physHigh[row]!, batch.physLow[row]!),
    size: batch.size[row]!,
    aux: batch.aux[row]!,
    aux2: batch.aux2[row]!,
    direction: batch.direction[row]!,
    flags: batch.flags[row]!,
    line: batch.line[row]!,
    segments: Array.from({ length: batch.listLength[row]! }, (_, i) => [
      hex(segments.addressHigh[first + i]!, segments.addressLow[first + i]!),
      hex(segments.physHigh[first + i]!, segments.physLow[first + i]!),
      segments.size[first + i]!,
    ]),
  };
}

function hex(high: number, low: number): string {
  return ((BigInt(high) << 32n) | BigInt(low)).toString(16);
}

/** An event line of thread 417 on CPU 3, as the kernel aligns it. */
export function eventLine(body: string, time = '912.004381'): string {
  return `           nvme0-417     [003] d..1. ${time.padStart(12)}: ${body}\n`;
}
