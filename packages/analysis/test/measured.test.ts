import { measuredLatencies, renderReportMarkdown, summarise } from '@dmalab/analysis';
import { type MeasuredCalls, UNKNOWN_CPU } from '@dmalab/trace';
import { expect, test } from 'vitest';
import { CoarseHistogram, coarseBucket } from '../src/structures/coarse-histogram.ts';
import { outcomeBatches } from './support/outcome-rows.ts';
import { runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

/** Six calls: ns, CPU, thread, pages. */
const CALLS = [
  [100, 0, 7, 1],
  [200, 0, 7, 2],
  [300, 1, 8, 3],
  [400, 1, 7, 0],
  [500, UNKNOWN_CPU, -1, 40],
  [900, 1, 9, 33],
] as const;

function measured(): MeasuredCalls {
  const ns = Float64Array.from(CALLS, ([value]) => value);
  return {
    function: 'alloc_iova_fast',
    source: 'probes',
    count: 6,
    sum: 2400,
    min: 100,
    max: 900,
    ns,
    size: Float64Array.from(CALLS, ([, , , pages]) => pages),
    tree: new Uint8Array(6),
    cpu: Uint16Array.from(CALLS, ([, cpu]) => cpu),
    tid: Int32Array.from(CALLS, ([, , tid]) => tid),
  };
}

test('measured calls are told by CPU, thread and size, as far as these are known', () => {
  const [figures] = measuredLatencies({ calls: [measured()] });
  const brief = (part: 'cpus' | 'tasks' | 'sizes'): unknown[] =>
    figures![part].map(({ of, duration }) => [of, duration.count, duration.min, duration.max]);
  expect(figures!.duration).toMatchObject({ count: 6, min: 100, max: 900 });
  expect(brief('cpus')).toEqual([
    [0, 2, 100, 200],
    [1, 3, 300, 900],
  ]);
  expect(brief('tasks')).toEqual([
    [7, 3, 100, 400],
    [8, 1, 300, 300],
    [9, 1, 900, 900],
  ]);
  expect(brief('sizes')).toEqual([
    [1, 1, 100, 100],
    [2, 2, 200, 300],
    [32, 2, 500, 900],
  ]);
});

test('a report has the measured latency beside the modelled one', () => {
  const rows = syntheticReplay({ flush: 'percpu', maps: 50, seed: 1 });
  const result = summarise(runContext({ report: { calls: [measured()] } }), outcomeBatches(rows));
  const text = renderReportMarkdown([{ label: 'percpu', result }]);
  expect(text).toMatch(/\| a map \| modelled \| 50 \|/);
  expect(text).toContain('| alloc\\_iova\\_fast | measured (probes) | 6 | 300 ns |');
  expect(text).toContain('| alloc\\_iova\\_fast | thread 7 | 3 | 200 ns |');
});

test('quantiles of a group keep their error from 1 ns to days', () => {
  for (const value of [1, 1.4, 33, 514.6, 3.3e12, 9e13]) {
    const histogram = new CoarseHistogram();
    for (let i = 0; i < 3; i++) histogram.add(value, coarseBucket(value));
    expect(Math.abs(histogram.quantile(500)! - value) / value).toBeLessThanOrEqual(1 / 64);
  }
});
