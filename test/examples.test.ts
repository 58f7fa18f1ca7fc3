// Runs the commands of examples/README.md, and holds its text to what comes out.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { dmalab, jsonOf } from './support/dmalab.ts';

interface Run {
  readonly run: string;
  readonly requests: { readonly directMaps: number };
  readonly failures: { readonly total: number; readonly firstAt: number };
  readonly occupancy: {
    readonly peakLiveMappings: number;
    readonly peak: { readonly live: number; readonly queued: number; readonly cached: number };
  };
  readonly rcache: { readonly hitRate: number; readonly cacheFlushRanges: number };
  readonly tree: { readonly steps: { readonly mean: number } };
  readonly addresses: { readonly sacGiveUps: readonly unknown[] };
  readonly flushes: { readonly total: number; readonly rangeInvalidations: number };
  readonly exposure: { readonly staleWindow: { readonly max: number } };
  readonly warnings: readonly { readonly code: string }[];
  readonly host: {
    readonly peakEntries: number;
    readonly outOfResource: number;
    readonly selfReclaim: number;
    readonly refreshesPerThousandMaps: number;
  };
  readonly bounce: {
    readonly failed: number;
    readonly hiwaterSlots: number;
    readonly poolsAdded: number;
    readonly transients: number;
  };
}

const commands = [
  ...readFileSync('examples/README.md', 'utf8').matchAll(/^```sh\n(.*?)\n```$/gms),
].map(([, command = '']) => command);

/** The runs of the command that names this folder, by name. */
function runs(folder: string): Map<string, Run> {
  const command = commands.find((text) => text.includes(`examples/${folder}/`)) ?? '';
  const [, script, words = ''] = /^(?:npx node (\S+) \| )?npx dmalab (.*)$/.exec(command) ?? [];
  const trace =
    script === undefined
      ? ''
      : spawnSync(process.execPath, [script], { maxBuffer: 2 ** 26 }).stdout;
  const found = jsonOf<{ runs: Run[] }>(dmalab([...words.split(' '), '--json'], trace));
  return new Map(found.runs.map((run) => [run.run, run]));
}

test('every example has its command', () => {
  expect(commands).toHaveLength(4);
});

test('the mapping limit is hit with a queue and not in strict', () => {
  const found = runs('entry-limit');
  const [strict, queue, v2, final] = ['strict', 'queue', 'v2', 'final'].map((n) => found.get(n)!);
  expect(strict!.host).toMatchObject({ peakEntries: 1024, refreshesPerThousandMaps: 2000 });
  expect(strict!.failures.total).toBe(0);
  expect(queue!.host.peakEntries).toBe(65_535);
  expect(queue!.failures.total).toBeGreaterThan(4800);
  expect(queue!.failures.firstAt).toBeCloseTo(0.34e9, -7);
  expect(queue!.occupancy.peakLiveMappings).toBe(32);
  for (const run of [v2!, final!]) {
    expect(run.failures.total).toBe(0);
    expect(run.host).toMatchObject({ outOfResource: 4, selfReclaim: 4 });
  }
  const taken = ({ occupancy: { peak } }: Run): number => peak.live + peak.queued + peak.cached;
  expect(taken(final!) / taken(v2!)).toBeCloseTo(3, 0);
});

test('emptying the caches for a limit that they cannot meet is useless', () => {
  const found = runs('useless-flush');
  const [old, optional, sticky] = ['4.9', '4.15', '6.6'].map((n) => found.get(`kernel-${n}`)!);
  expect(old!.rcache.hitRate).toBe(0);
  expect(old!.rcache.cacheFlushRanges).toBeGreaterThan(5000);
  expect(old!.tree.steps.mean).toBeGreaterThan(90);
  expect(optional!.rcache.hitRate).toBeCloseTo(0.75, 1);
  expect(optional!.rcache.cacheFlushRanges).toBe(0);
  expect(sticky!.addresses.sacGiveUps).toHaveLength(1);
  expect(sticky!.tree.steps.mean).toBeCloseTo(1, 1);
  expect(old!.warnings.map(({ code }) => code)).toContain('UNVERIFIED_PRESET');
});

test('one queue flushes less than one for each CPU, and keeps buffers in reach for longer', () => {
  const found = runs('flush-queues');
  expect(found.get('strict')?.flushes).toMatchObject({ total: 0, rangeInvalidations: 34_413 });
  expect(found.get('percpu')?.flushes.total).toBe(163);
  expect(found.get('percpu')!.exposure.staleWindow.max).toBeLessThanOrEqual(16e6);
  expect(found.get('single')?.flushes.total).toBe(3);
  expect(found.get('single')!.exposure.staleWindow.max).toBeCloseTo(1e9, -8);
});

test('a static pool fills and fails, one that grows does not', () => {
  const found = runs('bounce-growth');
  const [fixed, dynamic, early] = ['static', 'dynamic', 'early'].map((n) => found.get(n)!);
  expect(fixed!.bounce.hiwaterSlots).toBe(512);
  const share = fixed!.failures.total / (fixed!.failures.total + fixed!.requests.directMaps);
  expect(share).toBeCloseTo(0.1, 1);
  expect(fixed!.bounce.failed).toBe(fixed!.failures.total);
  expect(dynamic!.failures.total).toBe(0);
  expect(dynamic!.bounce.poolsAdded).toBeGreaterThan(0);
  expect(dynamic!.bounce.transients).toBeGreaterThan(0);
  expect(early!.failures.total).toBe(0);
  expect(early!.bounce.transients).toBe(0);
});
