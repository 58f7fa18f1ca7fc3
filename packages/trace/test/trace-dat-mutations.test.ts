// Damaged trace.dat files: whatever the bytes, a reading ends with rows or with a TraceError, and soon.

import { TraceError } from '@dmalab/trace';
import { expect, test } from 'vitest';
import { type Machine, Records } from './support/dat-events.ts';
import { datFile, Page } from './support/dat-file.ts';
import { readText } from './support/read-text.ts';

const MUTANTS = 100;
const MAX_MS = 1000;
const x86: Machine = { little: true, longSize: 8 };

function pages(): Buffer[] {
  const records = new Records(x86);
  return [0n, 1n, 2n].map((n) => {
    const page = new Page(x86, 1000n + 100n * n);
    for (let i = 0; i < 10; i++) {
      page.event(2, records.map(BigInt(4096 * i), 0x1000n, 4096)).extend(3);
      page.event(1, records.mapSg('0000:00:04.0', [0x1000n, 0x3000n], 0xf000n, 0x2000));
      page.event(1, records.alloc(0x1000n, 1, 0xfffff), true).absolute(1010n + 100n * n);
    }
    return page.done(2);
  });
}

const originals = [
  datFile({ ...x86, version: 6, buffers: [{ cpus: { 0: pages(), 1: pages() } }] }),
  datFile({
    ...x86,
    version: 7,
    buffers: [{ cpus: { 0: pages() } }, { name: 'i', cpus: { 1: pages() } }],
  }),
  datFile({ ...x86, version: 7, packing: 'zstd', buffers: [{ cpus: { 0: pages() } }] }),
];

/** Numbers below `limit`, the same in every run. */
function random(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** One to eight bytes changed, a piece moved, or the end cut off. */
function mutate(original: Buffer, below: (limit: number) => number): Buffer {
  const bytes = Buffer.from(original);
  const way = below(8);
  if (way === 0) return bytes.subarray(0, below(bytes.length));
  if (way === 1) {
    const from = below(bytes.length);
    bytes.copy(bytes, below(bytes.length), from, from + below(64));
    return bytes;
  }
  // Half of the changes hit the front or a header of a page, where lengths are.
  for (let left = 1 + below(8); left > 0; left--) {
    const near = way < 5 ? 4096 * below(bytes.length / 4096) + below(64) : below(bytes.length);
    const at = Math.min(near, bytes.length - 1);
    bytes[at] = way % 2 === 0 ? bytes[at]! ^ (1 << below(8)) : [0, 0xff, 0x7f, 0x80][below(4)]!;
  }
  return bytes;
}

test.each(originals.map((original, i) => ({ original, i })))(
  'file $i in many damaged forms',
  async ({ original, i }) => {
    const below = random(i + 1);
    for (let n = 0; n < MUTANTS; n++) {
      const bytes = mutate(original, below);
      const started = performance.now();
      const error = await readText(bytes).then(
        () => null,
        (reason: unknown) => reason,
      );
      if (error !== null) expect(error, `mutant ${n}`).toBeInstanceOf(TraceError);
      expect(performance.now() - started).toBeLessThan(MAX_MS);
    }
  },
  60_000,
);
