import { fileURLToPath } from 'node:url';
import { calibrate, calibratedCosts, calibrationYaml } from '@dmalab/analysis';
import { type MeasuredCalls, readCapture, TreePart } from '@dmalab/trace';
import { expect, test } from 'vitest';

const { unknown, none, searched } = TreePart;

/** Calls around `ns`, every tenth one far too long. */
function calls(
  name: string,
  times: readonly (readonly [ns: number, tree: TreePart])[],
): MeasuredCalls {
  const around = times.flatMap(([ns, tree]) =>
    Array.from({ length: 200 }, (_, i) => ({
      ns: i % 10 === 9 ? 50 * ns : ns * (0.96 + 0.01 * (i % 9)),
      tree,
    })),
  );
  const ns = Float64Array.from(around, (call) => call.ns);
  return {
    function: name,
    source: 'probes',
    count: ns.length,
    sum: ns.reduce((a, b) => a + b, 0),
    min: Math.min(...ns),
    max: Math.max(...ns),
    ns,
    size: new Float64Array(ns.length),
    tree: Uint8Array.from(around, (call) => call.tree),
    cpu: new Uint16Array(ns.length),
    tid: new Int32Array(ns.length),
  };
}

test('finds the costs behind durations in spite of interrupts', () => {
  const result = calibrate([
    calls('alloc_iova_fast', [
      [80, none],
      [900, searched],
    ]),
    calls('fq_flush_iotlb', [[12_000, unknown]]),
  ]);
  const { rcache, treeSearch, treeUpdate, invalidateAll } = calibratedCosts(result);
  expect(rcache).toBeGreaterThan(76);
  expect(rcache).toBeLessThan(84);
  expect(treeSearch! + treeUpdate!).toBeGreaterThan(860);
  expect(treeSearch! + treeUpdate!).toBeLessThan(940);
  expect(invalidateAll! / 12_000).toBeCloseTo(1, 1);
  expect(result.error).toBeLessThan(0.05);
  const kept = result.costs.filter(({ fitted }) => fitted === null).map(({ name }) => name);
  expect(kept.slice(0, 5)).toEqual([
    'depotExchange',
    'cacheFlush',
    'treeStep',
    'invalidateRange',
    'pageTableEntry',
  ]);
});

test('tells searches from hits by their duration where nothing else does, and says so', () => {
  const { costs, notes } = calibrate([
    calls('alloc_iova_fast', [
      [100, unknown],
      [100, unknown],
      [100, unknown],
      [4000, unknown],
    ]),
  ]);
  const fitted = Object.fromEntries(costs.map(({ name, fitted: ns }) => [name, ns]));
  expect(Math.round(fitted.rcache! / 10)).toBe(10);
  expect(fitted.treeSearch!).toBeGreaterThan(1500);
  expect(notes[0]).toContain('was not recorded');
});

test('the halves of the calls that are fitted and left out hang on the seed alone', () => {
  const measured = [calls('alloc_iova_fast', [[80, none]])];
  expect(calibrate(measured, 3)).toEqual(calibrate(measured, 3));
  expect(calibrate(measured, 3).calls).not.toBe(calibrate(measured, 4).calls);
});

test('a bounce buffer costs its search and its copy', async () => {
  const path = '../../../traces/swiotlb-small-full/trace.txt.zst';
  const capture = await readCapture(fileURLToPath(new URL(path, import.meta.url)));
  capture.close();
  const { costs, error } = calibrate(capture.report.calls);
  const fitted = Object.fromEntries(costs.map(({ name, fitted: ns }) => [name, ns]));
  expect(fitted.bounceSearch! / 4300).toBeCloseTo(1, 0);
  expect(fitted.copyByte).toBeGreaterThan(0.15);
  expect(fitted.copyByte).toBeLessThan(0.4);
  expect(error).toBeLessThan(0.1);
});

test('an emulated machine: hits are predicted within a quarter on calls left out', async () => {
  const path = '../../../traces/fgraph-latency/trace.fgraph.tail.txt.zst';
  const capture = await readCapture(fileURLToPath(new URL(path, import.meta.url)));
  capture.close();
  const result = calibrate(capture.report.calls);
  const rcache = result.costs.find(({ name }) => name === 'rcache')!;
  expect(rcache.fitted).toBeGreaterThan(800);
  expect(rcache.fitted).toBeLessThan(1500);
  expect(rcache.heldOut).toBeGreaterThan(1000);
  expect(rcache.error).toBeLessThan(0.25);
  expect(calibrationYaml(result, 'x')).toMatch(/^# fitted .*\ncost:\n {2}rcache: [\d.]+ # ns/);
});
