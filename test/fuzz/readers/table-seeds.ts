// Small tables: as dmalab writes them from pieces of text, and odd ones; and how a table is damaged.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  openTraceBytes,
  pairCapture,
  readingRoom,
  type TableFormatName,
  writeEvents,
  writeRequests,
} from '@dmalab/trace';
import {
  metadataOf,
  oddArrow,
  oddParquet,
} from '../../../packages/trace/test/support/odd-tables.ts';
import type { Random } from '../random.ts';
import { mutateBinary, setField } from './mutate-binary.ts';
import { changeBytes, mutateBytes } from './mutate-bytes.ts';

const TEXTS = 5;
const ODD = 400;
const FOOTER = 8;
const MAGIC = 4;

/** Tables of events and requests of some of these texts. */
export async function writtenTables(
  texts: readonly Buffer[],
  format: TableFormatName,
  random: Random,
): Promise<Buffer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'dmalab-fuzz-'));
  const file = join(folder, 'table');
  const tables: Buffer[] = [];
  const room = readingRoom();
  try {
    for (let left = TEXTS; left > 0; left--) {
      const text = random.pick(texts);
      await writeEvents(await openTraceBytes('seed', text, { room }), file, format);
      tables.push(readFileSync(file));
      const capture = await pairCapture(await openTraceBytes('seed', text, { room }));
      writeRequests(capture, file, format);
      capture.close();
      tables.push(readFileSync(file));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return tables;
}

/** Odd tables, with metadata as dmalab writes them for these texts. */
export async function oddTables(
  texts: readonly Buffer[],
  format: 'parquet' | 'arrow',
  random: Random,
): Promise<Buffer[]> {
  const written = await writtenTables(texts, 'parquet', random);
  const metadata = written.map(metadataOf).filter((json) => json.includes('dmalab.requests'));
  const make = format === 'parquet' ? oddParquet : oddArrow;
  const tables: Buffer[] = [];
  for (let left = ODD; left > 0; left--) {
    try {
      tables.push(make(random, metadata));
    } catch {
      // The library does not write every mixture of values that is drawn.
    }
  }
  return tables;
}

/** Damages the pages of a Parquet file and keeps its footer, or the footer alone, or anything. */
export function damageParquet(original: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const way = random.below(4);
  if (way === 0 || original.length < 2 * FOOTER) return mutateBinary(original, random, others);
  const footer = original.length - FOOTER - original.readUInt32LE(original.length - FOOTER);
  if (footer <= MAGIC || footer > original.length) return mutateBinary(original, random, others);
  const bytes = Buffer.from(original);
  const part = way < 3 ? bytes.subarray(MAGIC, footer) : bytes.subarray(footer, -FOOTER);
  for (let left = random.from(1, 3); left > 0 && part.length > FOOTER; left--) {
    if (random.chance(0.3)) setField(part, random);
    else changeBytes(Buffer.from(part), random, others).copy(part);
  }
  return bytes;
}

/** Damages lines below the first ones of a table in text, or any. */
export function damageTextTable(
  original: Buffer,
  random: Random,
  others: readonly Buffer[],
): Buffer {
  const end = original.indexOf('\n', random.chance(0.5) ? original.indexOf('\n') + 1 : 0) + 1;
  if (end === 0 || random.chance(0.3)) return mutateBytes(original, random, others);
  return Buffer.concat([
    original.subarray(0, end),
    mutateBytes(original.subarray(end), random, others),
  ]);
}
