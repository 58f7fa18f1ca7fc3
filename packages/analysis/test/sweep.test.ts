import { parseAxis, Sweep, summarise, sweepCells, sweepCsv, sweepText } from '@dmalab/analysis';
import { BUILT_IN, machineFromFacts, replay } from '@dmalab/replay';
import { readCapture } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';
import { paretoFront } from '../src/sweep/pareto.ts';

describe('axes', () => {
  test.each([
    ['flush.size=64..512:x2', [64, 128, 256, 512]],
    ['flush.timeoutMs=5..16:+5', [5, 10, 15]],
    ['flush=strict,percpu', ['strict', 'percpu']],
    ['kernel=6.1,6.12', ['6.1', '6.12']],
    ['encrypted=true,false', [true, false]],
  ])('%s', (typed, values) => {
    expect(parseAxis(typed).values).toEqual(values);
  });

  test.each([
    'flush.size',
    'flush.size=',
    'flush.size=64..512',
    'flush.size=64..512:x1',
    'flush.size=512..64:x2',
    'cpus=1,1',
    'cpus=1,,2',
  ])('%s is refused', (typed) => {
    expect(() => parseAxis(typed)).toThrow(RangeError);
  });
});

describe('cells', () => {
  const overridesOf = (...typed: string[]): object[] =>
    sweepCells({}, typed.map(parseAxis)).map(({ overrides }) => overrides);

  test('every combination, the last axis fastest; a policy before its parameters', () => {
    expect(overridesOf('flush.size=64,128', 'flush=percpu,single')).toEqual([
      { flush: { name: 'percpu', parameters: { size: 64 } } },
      { flush: { name: 'single', parameters: { size: 64 } } },
      { flush: { name: 'percpu', parameters: { size: 128 } } },
      { flush: { name: 'single', parameters: { size: 128 } } },
    ]);
  });

  test('keys of the machine, of what it holds, and of all devices', () => {
    expect(overridesOf('cost.rcache=10', 'hz=100', 'device.maskBits=32')).toEqual([
      { cost: { rcache: 10 }, hz: 100, devices: [{ name: '*', maskBits: 32 }] },
    ]);
  });

  test.each([
    ['flush.siez=64', /flush: Unknown parameter "siez" of percpu, expected one of: size/],
    ['flsh.size=64', /Unknown key "flsh", expected one of: .*flush/],
    ['flush=percpuu', /flush: Unknown flush policy "percpuu"/],
    ['cpus=0', /cpus: got 0, expected a whole number/],
    ['cost.rcach=1', /Unknown key "cost.rcach"/],
  ])('%s is named', (typed, message) => {
    expect(() => overridesOf(typed)).toThrow(message);
  });

  test('a parameter has to be one of each policy that it meets', () => {
    expect(() => overridesOf('flush=strict,percpu', 'flush.size=64')).toThrow(/"size" of strict/);
  });
});

test('the front has what nothing dominates, equal points included', () => {
  expect(
    paretoFront([
      [1, 5],
      [2, 2],
      [5, 1],
      [3, 3],
      [2, 2],
    ]),
  ).toEqual([true, true, true, false, true]);
});

test('the cells of a sweep are the replays of their machines', async () => {
  const capture = await readCapture('traces/nvme-lazy-seqread/trace.txt.zst');
  const { facts, report } = capture;
  const axes = [parseAxis('flush=percpu,single'), parseAxis('flush.size=16,256')];
  const cells = sweepCells({}, axes);
  const machines = cells.map(({ overrides }) => machineFromFacts(facts, overrides));
  const sweep = new Sweep(
    axes,
    cells.map(({ values }) => values),
  );
  sweep.add('seqread', capture, machines, BUILT_IN);
  const result = sweep.result();
  expect(result.rows).toHaveLength(4);
  result.rows.forEach((row, i) => {
    const context = { facts, report, machine: machines[i]!, version: '' };
    const { summary } = summarise(context, replay(machines[i]!, capture));
    expect(row.invalidations).toBe(summary.flushes.total);
    expect(row.exposureByteSeconds).toBe(summary.exposure.byteSeconds);
    expect(row.peakMappings).toBe(summary.occupancy.peakReachablePages);
  });
  capture.close();
  expect(result.rows.some(({ pareto }) => pareto)).toBe(true);
  expect(sweepText(result)).toMatch(/single +256/);
  expect(sweepCsv(result).split('\n')[0]).toMatch(
    /^cell,flush,flush.size,maps,failed,invalidations/,
  );
});
