// Excerpts of public bug reports, each with the cause that its numbers show.
//
// The lines are those of the kernel (and of QEMU) with the numbers of the report; where a report quotes no
// device, "dev 0000:00:00.0" stands for it. `heldOut` were first run when the rules were written.

import { readFileSync } from 'node:fs';
import { explainLog } from '@dmalab/analysis';
import { expect, test } from 'vitest';

interface Excerpt {
  readonly source: string;
  readonly expect: readonly string[];
  readonly open?: readonly string[];
  readonly log: readonly string[];
}

const excerpts: readonly Excerpt[] = JSON.parse(
  readFileSync(new URL('./data/kernel-logs.json', import.meta.url), 'utf8'),
);

test.each(excerpts.map((excerpt) => [excerpt.source, excerpt] as const))('%s', (_, excerpt) => {
  const { explanations } = explainLog(excerpt.log.join('\n'), 'log');
  expect(explanations.map(({ cause }) => cause)).toEqual(excerpt.expect);
  expect(explanations.flatMap(({ open }) => open)).toEqual(
    expect.arrayContaining([...(excerpt.open ?? [])]),
  );
});

const full = (time: number, used: number, size = 4000): string =>
  `[${time.toFixed(6).padStart(12)}] nvme 0000:00:04.0: swiotlb buffer is full (sz: ${size} bytes), total 32768 (slots), used ${used} (slots)`;
const causesOf = (...lines: string[]): string[] =>
  explainLog(lines.join('\n'), 'log').explanations.map(({ cause }) => cause);

test('slots that never become fewer in minutes leak; those that come and go do not', () => {
  expect(causesOf(...[0, 40, 80, 120].map((t) => full(t, 32_760 + t / 40)))).toEqual(['leak']);
  expect(causesOf(full(0, 32_760), full(40, 32_700), full(80, 32_766), full(120, 32_768))).toEqual([
    'pool-full',
  ]);
  expect(causesOf(...[0, 1, 2, 3].map((t) => full(t, 32_768)))).toEqual(['pool-full']);
});

test('too few slots in use to break up all runs: alignment', () => {
  // 32 slots from a page on: four places in each of 256 sets.
  expect(causesOf(full(1, 1023, 65_536))).toEqual(['alignment']);
  expect(causesOf(full(1, 1024, 65_536))).toEqual(['fragmented']);
});

test('areas full: only where the mean area has too few', () => {
  const areas = '[    0.100000] software IO TLB: area num 64.';
  expect(causesOf(areas, full(1, 30_000, 131_072))).toEqual(['area-full']);
  expect(causesOf(areas, full(1, 28_000, 131_072))).toEqual(['fragmented']);
});

test.each([
  ['DMAR: Allocating 33-page iova for 0000:00:05.0 failed', 'iova-space'],
  ['software IO TLB: No low mem', 'pool-missing'],
  [
    'DMA-API: nvme 0000:00:05.0: device driver has pending DMA allocations while released from device [count=12]',
    'leak',
  ],
  ['DMA-API: debugging out of memory - disabling', 'not-enough-information'],
  ['', 'not-enough-information'],
])('%s', (line, cause) => {
  expect(causesOf(line)).toEqual([cause]);
});
