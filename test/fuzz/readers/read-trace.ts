// One input through the reader of traces: its events, at times its requests, at times in other pieces.

import { equal } from 'node:assert/strict';
import { openTraceBytes, pairCapture, readingRoom } from '@dmalab/trace';
import type { Random } from '../random.ts';

const rooms = readingRoom();
const NAME = 'input';
const PAIRED = 0.05;
const PIECES = 0.05;

/** Reads all there is. Throws a TraceError for what is refused, anything else is a fault. */
export async function readTrace(bytes: Buffer, random: Random): Promise<boolean> {
  const way = random.real();
  if (way < PAIRED) {
    const reader = await openTraceBytes(NAME, bytes, { room: rooms });
    const requests = (await reader.capture?.({})) ?? null;
    const capture = requests ?? (await pairCapture(reader));
    for (const _ of capture.openStart());
    for (const _ of capture.requests());
    capture.close();
    return true;
  }
  const whole = await sumOf(bytes, 1 << 18);
  if (way < PAIRED + PIECES) equal(await sumOf(bytes, random.pick([1, 2, 3, 7, 64, 1000])), whole);
  return true;
}

/** Counts, findings and a sum over all rows: the same for any size of pieces. */
async function sumOf(bytes: Buffer, chunkSize: number): Promise<string> {
  const reader = await openTraceBytes(NAME, bytes, { chunkSize, room: rooms });
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
  return [rows, sum, counts.lines, counts.unparsed, counts.lost, ...found.sort()].join('\n');
}
