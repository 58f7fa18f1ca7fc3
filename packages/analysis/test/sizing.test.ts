// Sizes of bundled captures, each checked by replays of their own: the answer passes, one step less does not.

import {
  type Goal,
  NO_FAILURES,
  parseGoal,
  type SizeResult,
  type Summary,
  sizedParameter,
  sizeParameter,
  sizeText,
  summarise,
} from '@dmalab/analysis';
import { type MachineOverrides, machineFromFacts, replay } from '@dmalab/replay';
import { type Capture, readCapture } from '@dmalab/trace';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const TRACES = [
  'swiotlb-small-full',
  'swiotlb-force-default',
  'swiotlb-sync-e1000',
  'swiotlb-dynamic-burst',
  'nvme-lazy-randread',
  'sas-128k',
] as const;
type Trace = (typeof TRACES)[number];
const captures = new Map<string, Capture>();

beforeAll(async () => {
  for (const name of TRACES) {
    captures.set(name, await readCapture(`traces/${name}/trace.txt.zst`));
  }
});
afterAll(() => {
  for (const capture of captures.values()) capture.close();
});

const STATIC: MachineOverrides = { bounce: { name: 'static', parameters: {} } };
const DYNAMIC: MachineOverrides = { bounce: { name: 'dynamic', parameters: {} } };
const VFIO: MachineOverrides = { host: { name: 'vfio', parameters: {} } };
const SINGLE: MachineOverrides = { flush: { name: 'single', parameters: {} } };
const PERCPU: MachineOverrides = { flush: { name: 'percpu', parameters: {} } };
const TIGHT: MachineOverrides = {
  host: { name: 'vfio', parameters: { entries: 400, outOfResource: 'fail' } },
};

const CASES: readonly [Trace, string, string, MachineOverrides, number][] = [
  ['swiotlb-small-full', 'bounce.slots', 'no-failures', STATIC, 4096],
  ['swiotlb-small-full', 'bounce.slots', 'failures<=5%', STATIC, 2048],
  ['swiotlb-small-full', 'bounce.slots', 'failures<=100ppm', STATIC, 4096],
  ['swiotlb-small-full', 'bounce.slots', 'hiwater<=80%', STATIC, 8192],
  ['swiotlb-small-full', 'bounce.slots', 'no-failures', { ...STATIC, load: { copies: 4 } }, 16_384],
  ['swiotlb-force-default', 'bounce.slots', 'no-failures', STATIC, 512],
  ['swiotlb-force-default', 'bounce.slots', 'hiwater<=50%', STATIC, 1024],
  ['swiotlb-sync-e1000', 'bounce.slots', 'no-failures', STATIC, 512],
  ['swiotlb-sync-e1000', 'bounce.slots', 'hiwater<=10%', STATIC, 0],
  ['swiotlb-dynamic-burst', 'bounce.slots', 'no-failures', STATIC, 4096],
  ['swiotlb-dynamic-burst', 'bounce.slots', 'no-failures', DYNAMIC, 2048],
  ['swiotlb-dynamic-burst', 'bounce.slots', 'transients<=3%', DYNAMIC, 512],
  ['nvme-lazy-randread', 'host.entries', 'no-failures', { ...VFIO, ...SINGLE }, 213],
  ['nvme-lazy-randread', 'host.entries', 'failures<=1%', { ...VFIO, ...SINGLE }, 0],
  ['nvme-lazy-randread', 'domain.aperture', 'no-failures', PERCPU, 0],
  ['nvme-lazy-randread', 'flush.size', 'invalidations<=10', PERCPU, 0],
  ['nvme-lazy-randread', 'flush.size', 'no-failures', { ...TIGHT, ...PERCPU }, 0],
  ['nvme-lazy-randread', 'flush.timeoutMs', 'stale<=20ms', PERCPU, 0],
  ['sas-128k', 'host.pages', 'no-failures', { ...PERCPU }, 0],
  ['sas-128k', 'flush.timeoutMs', 'invalidations<=20', SINGLE, 0],
];

describe('the answer passes, one step less does not, in fewer than 15 replays', () => {
  test.each(CASES)('%s: %s with %s', (trace, name, goal, overrides, answer) => {
    const result = size([trace], name, [parseGoal(goal)], overrides);
    expect(result).toMatchObject({ passes: true, parameter: name });
    if (answer > 0) expect(result.answer).toBe(answer);
    expect(result.replays).toBeLessThan(15);
    expect(result.below).toMatchObject({ passes: false });
    expect(isMet(trace, name, goal, overrides, result.answer!)).toBe(true);
    expect(isMet(trace, name, goal, overrides, result.below!.value)).toBe(false);
  });
});

test('the text fits into a mail, warnings too', () => {
  const text = sizeText(
    size(
      ['swiotlb-small-full', 'swiotlb-force-default', 'swiotlb-sync-e1000'],
      'slots',
      [NO_FAILURES],
      STATIC,
    ),
  );
  expect(text).toContain('answer          4,096 slots = 8.00 MiB');
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(72);
});

test('several traces share one answer: that of the hungriest', () => {
  const result = size(
    ['swiotlb-force-default', 'swiotlb-small-full'],
    'slots',
    [NO_FAILURES],
    STATIC,
  );
  expect(result).toMatchObject({ answer: 4096, below: { value: 2048 } });
  expect(result.kernelParameter).toBe('swiotlb=4096,4,force');
  const below = result.curve.find(({ value }) => value === 2048);
  expect(below?.failing).toEqual(['swiotlb-small-full']);
});

test('maps that failed while recording are read both ways', () => {
  const result = size(['swiotlb-small-full'], 'slots', [NO_FAILURES], STATIC);
  expect(result).toMatchObject({ recordedFailures: 'hold', failedWhileRecording: 1404 });
  expect(result.otherReading).toMatchObject({ recordedFailures: 'drop', answer: 4096 });
  expect(result.warnings.join(' ')).toContain('1,404 maps failed while recording');
});

test('the kernel would take 64 MiB, or 6 % of the memory of a confidential guest', () => {
  const memory = 2 ** 31;
  const { defaults, replays } = size(['swiotlb-sync-e1000'], 'slots', [NO_FAILURES], {
    ...STATIC,
    memory,
  });
  expect(defaults.map(({ value, passes }) => [value, passes])).toEqual([
    [32_768, true],
    [65_536, true],
  ]);
  expect(defaults[1]?.rule).toContain('6 % of 2 GiB');
  expect(replays).toBeLessThan(15);
});

test('a request that no pool can serve is said, not sized', () => {
  const result = size(['sas-128k'], 'slots', [NO_FAILURES], {
    ...STATIC,
    swiotlb: 'force',
    devices: [{ name: '*', translated: false, segBoundary: 65_535 }],
  });
  expect(result).toMatchObject({ answer: null, passes: false, kernelParameter: null });
  expect(result.warnings.join(' ')).toMatch(/maps fail \(.*tooLarge\), and more slots cure none/);
});

test('goals that pull both ways leave a window, or none, and then it is said', () => {
  const sized = (stale: string): SizeResult =>
    size(['sas-128k'], 'timeoutMs', ['invalidations<=30', stale].map(parseGoal), PERCPU);
  const found = sized('stale<=40ms');
  expect(found).toMatchObject({ answer: 13, below: { value: 12 }, untried: 0 });
  expect(found.curve.at(-1)).toMatchObject({ passes: false });
  const none = sized('stale<=15ms');
  expect(none).toMatchObject({ answer: null, passes: false });
  expect(none.warnings.join(' ')).toContain('13 ms is the least');
  expect(none.warnings.join(' ')).toContain('stale is 19.9 ms');
});

test('of a queue that may be long even the shortest is too long: that one is told', () => {
  const { warnings } = size(['nvme-lazy-randread'], 'timeoutMs', [parseGoal('stale<=1ms')], PERCPU);
  expect(warnings.join(' ')).toMatch(/even at 1 ms stale is [\d.]+ ms/);
});

test('the peak at its allowed share is found to the last entry', () => {
  const goals = [parseGoal('hiwater<=80%')];
  const result = size(['nvme-lazy-randread'], 'host.entries', goals, { ...VFIO, ...SINGLE });
  expect(result).toMatchObject({ untried: 0, below: { value: result.answer! - 1 } });
  expect(result.defaults).toMatchObject([{ value: 65_535, passes: true }]);
  expect(sizeText(result)).toMatch(/one step less.*\n +hiwater is 80/);
});

test('a kernel without areas is not given any', () => {
  const result = size(['swiotlb-small-full'], 'slots', [NO_FAILURES], {
    ...STATIC,
    kernel: '4.15',
  });
  expect(result.kernelParameter).toBe('swiotlb=8192,force');
});

test.each([
  ['flush.size', 'hiwater<=80%', PERCPU, /host.* no limit/],
  ['bounce.slots', 'transients<=1%', STATIC, /bounce: dynamic/],
])('%s: nothing can miss %s, which is a mistake', (name, goal, overrides, message) => {
  expect(() => size(['sas-128k'], name, [parseGoal(goal)], overrides)).toThrow(message);
});

test('where nothing is translated, the host decides nothing', () => {
  const text = sizeText(size(['swiotlb-sync-e1000'], 'host.entries', [NO_FAILURES], VFIO));
  expect(text).toMatch(/answer +1 entry\n/);
  expect(text).toContain('Nothing is mapped through an IOMMU');
});

test('without bounce memory its size is no question', () => {
  expect(() => size(['sas-128k'], 'slots', [NO_FAILURES], {})).toThrow(/no bounce memory/);
});

function size(
  names: readonly Trace[],
  parameter: string,
  goals: readonly Goal[],
  overrides: MachineOverrides,
): SizeResult {
  const traces = names.map((name) => ({ name, capture: captures.get(name)! }));
  return sizeParameter(traces, { parameter: sizedParameter(parameter), goals, overrides });
}

/** By a machine and a replay of its own. */
function isMet(
  trace: Trace,
  name: string,
  goal: string,
  overrides: MachineOverrides,
  value: number,
): boolean {
  const { facts, report, ...source } = captures.get(trace)!;
  const stated = machineFromFacts(facts, overrides);
  const machine = machineFromFacts(facts, { ...overrides, ...changeOf(name, stated, value) });
  const { summary } = summarise({ report, facts, machine, version: '' }, replay(machine, source));
  const [figure = '', bound = 0] = goal === 'no-failures' ? [goal] : limitOf(goal);
  return figureOf(figure, summary, value) <= bound;
}

function changeOf(
  name: string,
  { bounce, flush, host, domains, cpus }: ReturnType<typeof machineFromFacts>,
  value: number,
): MachineOverrides {
  const having = (choice: typeof bounce, parameters: Record<string, number>): typeof bounce => ({
    name: choice.name,
    parameters: { ...choice.parameters, ...parameters },
  });
  switch (name) {
    case 'bounce.slots':
      return { bounce: having(bounce, { slots: value, areas: Math.min(cpus, value / 128) }) };
    case 'flush.size':
      return { flush: having(flush!, { size: value }) };
    case 'flush.timeoutMs':
      return { flush: having(flush!, { timeoutMs: value }) };
    case 'host.entries':
      return { host: having(host, { entries: value }) };
    case 'host.pages':
      return { host: { name: 'pinned', parameters: { pages: value } } };
    default:
      return {
        domains: domains.map((domain) => ({
          ...domain,
          apertureEnd: domain.startPfn * domain.granule + value * 4096 - 1,
        })),
      };
  }
}

function limitOf(goal: string): [string, number] {
  const [figure = '', bound = ''] = goal.split('<=');
  const unit = bound.replace(/[\d.]+/, '');
  const factor = { '%': 0.01, ppm: 1e-6, ms: 1e6, '': 1 }[unit];
  return [figure, Number.parseFloat(bound) * factor!];
}

function figureOf(
  figure: string,
  { requests, bounce, flushes, exposure }: Summary,
  value: number,
): number {
  const { mapped, directMaps, failed } = requests;
  if (figure === 'no-failures') return failed;
  if (figure === 'failures') return failed / (mapped + directMaps + failed);
  if (figure === 'hiwater') return failed + bounce!.hiwaterSlots / value;
  if (figure === 'transients') return bounce!.transientBuffers / bounce!.buffers;
  if (figure === 'stale') return exposure.staleWindow.p99!;
  return flushes.invalidationsPerThousandUnmaps!;
}
