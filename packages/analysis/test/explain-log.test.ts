// Excerpts of public bug reports, each with the cause that its numbers show.
//
// The lines are those of the kernel (and of QEMU) with the numbers of the report; where a report quotes no
// device, "dev 0000:00:00.0" stands for it. `heldOut` were first run when the rules were written; `blind` had their
// label before the first run on the rules of then.

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

test('slots that only become more in minutes leak; those that come and go, or are always all in use, do not', () => {
  expect(causesOf(...[0, 40, 80, 120].map((t) => full(t, 32_760 + t / 40)))).toEqual(['leak']);
  expect(causesOf(...[0, 40, 80, 120].map((t) => full(t, 32_768)))).toEqual(['pool-full']);
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

test('areas smaller than the request', () => {
  const boot = '[    0.100000] software IO TLB: area num 256.';
  const small = full(1, 0, 150_000).replace('32768', '16384');
  expect(explainLog(`${boot}\n${small}`, 'log').explanations).toMatchObject([
    { cause: 'area-full', confidence: 'certain' },
  ]);
});

test('a restricted pool has one area, whatever the boot says of the other', () => {
  const boot = [
    '[    0.000000] software IO TLB: Reserved memory: created restricted DMA pool at 0x0000000180000000, size 64 MiB',
    '[    0.100000] software IO TLB: area num 64.',
  ];
  expect(causesOf(...boot, full(1, 30_000, 131_072))).toEqual(['fragmented']);
});

test('an address within the mask is not called beyond it', () => {
  const line = 'foo 1: DMA addr 0x00000000fffff000+4096 overflow (mask ffffffff, bus limit 0).';
  expect(causesOf(line)).toEqual(['not-enough-information']);
  expect(causesOf(line.replace('4096', '4097'))).toEqual(['mask-overflow']);
});

test('each message has what follows from it, however many there are', () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => [
    full(i, 32_768),
    `[${(i + 0.5).toFixed(6).padStart(12)}] nvme 0000:00:04.0: overflow 0x0000000180000000+4000 of DMA mask ffffffff bus limit 0`,
  ]);
  const { explanations } = explainLog(lines.flat().join('\n'), 'log');
  expect(explanations).toMatchObject([{ cause: 'pool-full', count: 20_000 }]);
});

test('what a pool that is not there needs depends on why it is not', () => {
  const none = full(1, 0).replace('32768', '0');
  const boot = '[    0.000000] software IO TLB: Cannot allocate buffer';
  const parameters = (...lines: string[]): (string | null | undefined)[] =>
    explainLog(lines.join('\n'), 'log').explanations.map(({ helps }) => helps[0]?.parameter);
  expect(parameters(none)).toEqual(['iommu=soft']);
  expect(parameters(boot, none)).toEqual(['swiotlb=16384']);
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

test('a block that CMA did not give is one failure, of the driver that says so next', () => {
  const cma =
    '[    1.000000] cma: cma_alloc: reserved: alloc failed, req-size: 3548 pages, ret: -12';
  const driver =
    '[    1.000009] hantro-vpu 38310000.video-codec: dma alloc of size 14532000 failed';
  expect(explainLog(`${cma}\n${driver}`, 'log').explanations).toMatchObject([
    { cause: 'coherent-memory', device: '38310000.video-codec', count: 1 },
  ]);
});
