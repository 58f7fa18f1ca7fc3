// One input through the reader of traces: its events, at times its requests, at times in other pieces.

import { equal } from 'node:assert/strict';
import { type EventReader, openTraceBytes, pairCapture, readingRoom } from '@dmalab/trace';
import type { Random } from '../random.ts';

const room = readingRoom();
const NAME = 'input';
/** Pairing makes larger tables than a small input takes to read, and pieces are many: a share of each is enough. */
const PAIRED = 0.005;
const PIECES = 0.005;
const MOST_PIECES = 300;
const CHUNK = 1 << 18;

/** How an input was taken: read, read with findings about it, or refused. */
export type Taken = 'read' | 'warned' | 'refused';

/** Reads all there is. Throws a TraceError for what is refused, anything else is a fault. */
export async function readTrace(bytes: Buffer, random: Random): Promise<Taken> {
  const way = random.real();
  if (way < PAIRED) return paired(bytes);
  const { sum, taken } = await allRows(bytes, CHUNK);
  if (way < PAIRED + PIECES) {
    const size = random.pick([1, 2, 3, 7, 64, 1000]);
    const pieces = Math.max(size, Math.ceil(bytes.length / MOST_PIECES));
    equal((await allRows(bytes, pieces)).sum, sum);
  }
  return taken;
}

/** The same for an input that may be a table of requests: a capture first, its events where it is none. */
export async function readTable(bytes: Buffer, random: Random): Promise<Taken> {
  const reader = await openTraceBytes(NAME, bytes, { room });
  const capture = (await reader.capture?.({})) ?? null;
  if (capture === null) return readTrace(bytes, random);
  for (const _ of capture.openStart());
  for (const _ of capture.requests());
  capture.close();
  return takenBy(reader);
}

async function paired(bytes: Buffer): Promise<Taken> {
  const reader = await openTraceBytes(NAME, bytes, { room });
  const requests = (await reader.capture?.({})) ?? null;
  const capture = requests ?? (await pairCapture(reader));
  for (const _ of capture.openStart());
  for (const _ of capture.requests());
  capture.close();
  return takenBy(reader);
}

function takenBy({ counts }: EventReader): Taken {
  return counts.unparsed > 0 || counts.diagnostics.length > 0 ? 'warned' : 'read';
}

/** Counts, findings and a sum over all rows: the same for any size of pieces. */
async function allRows(bytes: Buffer, chunkSize: number): Promise<{ sum: string; taken: Taken }> {
  const reader = await openTraceBytes(NAME, bytes, { chunkSize, room });
  let sum = 0;
  let rows = 0;
  for await (const b of reader.batches()) {
    rows += b.length;
    for (let i = 0; i < b.length; i++) {
      const row = b.kind[i]! + b.addressLow[i]! + b.name[i]! + b.device[i]! + b.cpu[i]! + b.aux[i]!;
      sum = (31 * sum + row + b.size[i]! + b.time[i]!) % 1e9;
    }
  }
  const { counts } = reader;
  const found = counts.diagnostics.map(({ code, count, where }) => `${code} ${count} ${where[0]}`);
  const all = [rows, sum, counts.lines, counts.unparsed, counts.lost, ...found.sort()].join('\n');
  return { sum: all, taken: takenBy(reader) };
}
