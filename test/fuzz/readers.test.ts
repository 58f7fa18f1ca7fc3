// A short run of the fuzzer over each reader, and all inputs that ever broke one.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Random } from './random.ts';
import { execute, inputOf } from './readers/executions.ts';
import { type FuzzedReader, fuzzedReader, READER_NAMES } from './readers/readers.ts';

const FOUND = fileURLToPath(new URL('./found', import.meta.url));
const EXECUTIONS = 120;
const SEED = 1;

const readers = new Map<string, Promise<FuzzedReader>>();

/** Its examples are made once. */
function readerOf(name: string): Promise<FuzzedReader> {
  const reader = readers.get(name) ?? fuzzedReader(name, new Random(SEED));
  readers.set(name, reader);
  return reader;
}

test.each(READER_NAMES)('damaged and made input: %s', async (name) => {
  const reader = await readerOf(name);
  for (let n = 0; n < EXECUTIONS; n++) {
    const result = await execute(reader, inputOf(reader, SEED, n), SEED, n);
    expect(result, `execution ${n} of seed ${SEED}`).toMatch(/^(?:read|warned|refused)$/);
  }
});

const found = readdirSync(FOUND).filter((file) => file.endsWith('.bin'));

test.each(found)('an input that broke a reader once: %s', async (file) => {
  const reader = await readerOf(file.replace(/-[^-]*$/, ''));
  const input = readFileSync(join(FOUND, file));
  for (let way = 0; way < 40; way++) {
    expect(await execute(reader, input, SEED, way)).toMatch(/^(?:read|warned|refused)$/);
  }
});
