import { measuredLatencies } from '@dmalab/analysis';
import { type MeasuredCalls, UNKNOWN_CPU } from '@dmalab/trace';
import { expect, test } from 'vitest';

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
