import {
  chartNamed,
  charts,
  type LabelledResult,
  reasonOfEmpty,
  renderPng,
  renderSvg,
  type SizePoint,
  type SizeResult,
  type SweepResult,
  sizingChart,
  summarise,
  sweepChart,
  withTheme,
} from '@dmalab/analysis';
import { OutcomeKind } from '@dmalab/replay';
import { expect, test } from 'vitest';
import { placeCurveNames } from '../src/charts/curve-names.ts';
import { placeNames } from '../src/charts/label-places.ts';
import { logTimeAxis } from '../src/charts/log-time-axis.ts';
import { type OutcomeRow, outcomeBatches } from './support/outcome-rows.ts';
import { scriptOf } from './support/page-charts.ts';
import { runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

const POLICIES = ['strict', 'percpu', 'single'] as const;

function labelled(label: string, rows: readonly OutcomeRow[]): LabelledResult {
  return { label, result: summarise(runContext(), outcomeBatches(rows)) };
}

const compared = POLICIES.map((flush) =>
  labelled(flush, syntheticReplay({ flush, maps: 60, seed: 7 })),
);
const machineRows: OutcomeRow[] = [
  { kind: OutcomeKind.bounceMap, time: 1e6, pages: 4, updates: 2, bounceUsed: 4, bounceTotal: 64 },
  { kind: OutcomeKind.hostRefresh, time: 2e6, hostEntries: 900, hostStale: 300, bounceUsed: 4 },
  { kind: OutcomeKind.mapFail, time: 3e6, stage: 4, pages: 1, bounceUsed: 4, bounceTotal: 64 },
  { kind: OutcomeKind.bounceUnmap, time: 4e6, pages: 4, updates: 2, bounceTotal: 64 },
];
const bouncing: LabelledResult = {
  label: 'bounces',
  result: summarise(
    {
      ...runContext(),
      machine: {
        ...runContext().machine,
        bounce: { name: 'static', parameters: {} },
        tlbRefresh: true,
        host: { name: 'linux', parameters: { entries: 1000 } },
      },
    },
    outcomeBatches(machineRows),
  ),
};
const inputs: readonly (readonly [string, readonly LabelledResult[]])[] = [
  ['three runs', compared],
  ['one run', compared.slice(1, 2)],
  ['the same run twice', [compared[1]!, { ...compared[1]!, label: 'again' }]],
  ['a run without outcomes', [labelled('empty', [])]],
  ['a run without translation', [labelled('direct', [{ kind: OutcomeKind.direct, device: 1 }])]],
  ['bounce memory and a host', [bouncing, ...compared.slice(0, 1)]],
  ['hostile names', [{ ...compared[1]!, label: '</svg><script>alert(1)</script>"\'&' }]],
];

test.each(charts.map((chart) => [chart.name, chart] as const))(
  '%s compiles without a warning',
  async (_, chart) => {
    const warnings: string[] = [];
    for (const [input, results] of inputs) {
      const warn = (message: string): number => warnings.push(`${input}: ${message}`);
      for (const theme of ['light', 'dark'] as const) {
        await renderSvg(chart.make(results), theme, warn);
      }
    }
    expect(warnings).toEqual([]);
  },
);

test.each(charts.map((chart) => [chart.name, chart] as const))(
  '%s is this spec',
  async (name, chart) => {
    const spec = `${JSON.stringify(chart.make([...compared, bouncing]), null, 1)}\n`;
    await expect(spec).toMatchFileSnapshot(`expected/${name}.vl.json`);
  },
);

// After a change of such a chart: npx vitest run charts.test.ts --update
test('the script of the page has the charts of these modules', async () => {
  const script = scriptOf(new URL('../src/report/part-charts.ts', import.meta.url), 'partCharts');
  await expect(script).toMatchFileSnapshot('../src/report/page-charts.js');
});

test('the same spec gives the same bytes', async () => {
  const spec = chartNamed('occupancy').make(compared);
  const first = await renderSvg(spec);
  await renderSvg(chartNamed('lifetime').make(compared));
  expect(await renderSvg(spec)).toBe(first);
  // Ids would come from a running number that drawings at the same time share.
  expect(first).not.toContain(' id="');
});

test('runs are compared with a line at one', async () => {
  const svg = await renderSvg(chartNamed('compare').make(compared));
  expect(svg).toMatch(/<line[^>]*stroke-dasharray="3,3"/);
});

test('a hostile name is text in the picture', async () => {
  const svg = await renderSvg(chartNamed('occupancy').make(inputs[6]![1]));
  expect(svg).not.toContain('<script');
  expect(svg).toContain('&lt;/svg&gt;&lt;script&gt;alert(1)');
});

test('PNG files have their text drawn, with fonts from the package', () => {
  const picture = (text: string): string =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20"><text y="15" font-family="DejaVu Sans, sans-serif">${text}</text></svg>`;
  const empty = renderPng(picture(''), 'light', 1);
  expect([...empty.subarray(1, 4)]).toEqual([0x50, 0x4e, 0x47]);
  expect(renderPng(picture('queued'), 'light', 1).length).toBeGreaterThan(empty.length + 200);
});

test('a saved spec carries its theme', () => {
  expect(withTheme(chartNamed('lifetime').make(compared), 'dark').config).toMatchObject({
    background: '#14171c',
  });
});

test('an unknown chart is an error that names the charts', () => {
  expect(() => chartNamed('pie')).toThrow(
    'Unknown chart "pie", expected one of: compare, pareto, occupancy, space-map, rcache-hits, exposure, stale-window, flush-batch, ',
  );
});

test('a chart without its data says which command gets it', () => {
  const reasons = charts.flatMap((chart) => reasonOfEmpty(chart.make(inputs[1]![1])) ?? []);
  expect(reasons).toEqual([
    expect.stringContaining('replay with several machines'),
    expect.stringContaining('No trace has two runs'),
    expect.stringContaining('replay with --bounce static'),
    expect.stringContaining('replay with --host vfio'),
  ]);
});

test('runs with one distribution of lifetimes share a curve', () => {
  const spec = JSON.stringify(chartNamed('lifetime').make(inputs[2]![1]));
  expect(spec).toContain('all runs: 60 mappings');
});

test('the curve is flat where no window ends', () => {
  const releases = [1000, 1000, 5_000_000].map((value, i) => ({
    kind: OutcomeKind.release,
    domain: 1,
    time: (i + 1) * 1e7,
    pages: 1,
    value,
  }));
  const spec = JSON.stringify(chartNamed('stale-window').make([labelled('gap', releases)]));
  expect(spec).toContain('{"run":"gap","x":4981000,"p":66.67,"time":"4.98 ms"}');
});

test('zero has a place of its own left of the shortest stale window', () => {
  const spec = JSON.stringify(chartNamed('stale-window').make(compared.slice(0, 1)));
  expect(spec).toContain('{"run":"strict","x":100,"p":100,"time":"0"}');
});

function sizePoint(value: number, failed: number): SizePoint {
  return {
    value,
    bytes: value * 2048,
    passes: failed === 0,
    maps: 1000,
    failed,
    failureRate: failed / 1000,
    peak: null,
    figures: [],
    causes: [],
    failing: failed === 0 ? [] : ['trace'],
  };
}

const sizing: SizeResult = {
  schema: 'dmalab.size/1',
  parameter: 'bounce.slots',
  policy: 'static',
  unit: 'slots',
  traces: ['trace'],
  goals: ['no-failures'],
  direction: 'smallest',
  answer: 2048,
  bytes: 2048 * 2048,
  passes: true,
  below: { value: 1024, passes: false },
  untried: 0,
  monotone: true,
  kernelParameter: 'swiotlb=2048,1',
  setting: null,
  headroom: null,
  replays: 5,
  curve: [sizePoint(512, 200), sizePoint(1024, 30), sizePoint(2048, 0), sizePoint(4096, 0)],
  defaults: [{ ...sizePoint(32_768, 0), rule: '64 MiB' }],
  recordedFailures: 'hold',
  failedWhileRecording: 12,
  otherReading: {
    recordedFailures: 'drop',
    answer: 1024,
    below: { value: 512, passes: false },
    untried: 0,
    kernelParameter: 'swiotlb=1024,1',
    curve: [sizePoint(512, 90), sizePoint(1024, 0)],
  },
  warnings: [],
};

async function drawn(spec: ReturnType<typeof sizingChart>): Promise<string> {
  const warnings: string[] = [];
  await renderSvg(spec, 'dark', (message) => warnings.push(message));
  const svg = await renderSvg(spec, 'light', (message) => warnings.push(message));
  expect(warnings).toEqual([]);
  return svg;
}

test('a sizing has a curve and an answer for each way to take recorded failures', async () => {
  const both = await drawn(sizingChart(sizing));
  expect(both).toContain('solid line held, dashed line dropped');
  expect(both).toContain('>answer: 2,048 slots<');
  expect(both).toContain('>where they are dropped: 1,024 slots<');
  const same = { ...sizing.otherReading!, answer: 2048 };
  expect(await drawn(sizingChart({ ...sizing, otherReading: same }))).toContain(
    '>answer of both: 2,048 slots<',
  );
  const one = await drawn(
    sizingChart({ ...sizing, otherReading: null, answer: null, defaults: [] }),
  );
  expect(one).not.toContain('held');
  expect(one).not.toContain('answer');
});

test('a goal of another figure has its own panel, and colours do not depend on what is there', async () => {
  const goal = 'stale<=15ms';
  const point = (value: number, ms: number): SizePoint => ({
    ...sizePoint(value, 0),
    passes: ms <= 15,
    figures: [{ goal, value: ms * 1e6, isMet: ms <= 15 }],
  });
  const none = { ...sizing, goals: [goal], answer: null, otherReading: null, defaults: [] };
  const svg = await drawn(sizingChart({ ...none, curve: [point(1, 16), point(2, 20)] }));
  expect(svg).toContain('>stale window p99 (ms)<');
  expect(svg).toContain('>goal<');
  expect(svg).not.toContain('failed maps');
  expect(svg).toContain('no value meets it');
  expect(svg).not.toContain('#0072b2');
  const failing = sizingChart({ ...none, curve: [point(1, 16), sizePoint(2, 5)] });
  expect(await drawn(failing)).toContain('>failed maps (%)<');
});

test('the front of a sweep names each point that has room, and equal ones once', async () => {
  const cell = (
    size: number,
    invalidations: number,
    exposure: number,
    i: number,
  ): SweepResult['rows'][number] => ({
    cell: i + 1,
    values: { flush: 'percpu', 'flush.size': size },
    maps: 100,
    failed: 0,
    invalidations,
    invalidationsPerThousandUnmaps: invalidations,
    exposureByteSeconds: exposure,
    staleP99: 1,
    peakMappings: 10,
    peakSlots: null,
    poolSlots: null,
    modelledCost: 0,
    modelledMapP99: null,
    pareto: true,
  });
  const rows = [
    cell(64, 100, 1e6, 0),
    cell(128, 10, 1e8, 1),
    cell(256, 10, 1e8, 2),
    cell(512, 120, 1e9, 3),
  ];
  const sweep: SweepResult = {
    schema: 'dmalab.sweep/1',
    traces: ['trace'],
    axes: [
      { path: 'flush', values: ['percpu'] },
      { path: 'flush.size', values: [64, 128, 256, 512] },
    ],
    rows,
  };
  const svg = await drawn(sweepChart(sweep));
  expect(svg).toContain('>percpu 64<');
  expect(svg).toContain('>percpu 128, percpu 256<');
  expect(svg).toContain('>percpu 512<');
  expect(svg).toContain('each point is a machine: flush, flush.size');
  expect(reasonOfEmpty(sweepChart({ ...sweep, rows: rows.slice(0, 1) }))).toContain('two cells');
  const failing = rows.map((row, i) => ({ ...row, failed: i === 1 ? 40 : 0 }));
  expect(await drawn(sweepChart({ ...sweep, rows: failing }))).toContain('>maps fail<');
});

test('a sweep in which nothing is unmapped shows bounce memory against failed maps', async () => {
  const pools = [512, 1024].map((slots, i) => ({
    cell: i + 1,
    values: { 'bounce.slots': slots },
    maps: 100,
    failed: 50 - 50 * i,
    invalidations: 0,
    invalidationsPerThousandUnmaps: null,
    exposureByteSeconds: 0,
    staleP99: null,
    peakMappings: 0,
    peakSlots: slots,
    poolSlots: slots,
    modelledCost: 0,
    modelledMapP99: null,
    pareto: true,
  }));
  const axes = [{ path: 'bounce.slots', values: [512, 1024] }];
  const sweep: SweepResult = { schema: 'dmalab.sweep/1', traces: ['trace'], axes, rows: pools };
  expect(await drawn(sweepChart(sweep))).toContain('>most memory of all pools (MiB)<');
});

test('names that would cover each other are left to the tooltips', () => {
  const near = Array.from({ length: 40 }, (_, i) => ({ x: 100 + i, y: 100, name: `run ${i}` }));
  const places = placeNames(near, 640);
  expect(places[0]).toEqual({ align: 'right', dx: -11, dy: -9 });
  expect(places.filter((place) => place !== null).length).toBeLessThan(20);
  expect(placeNames([{ x: 630, y: 50, name: 'at the right end' }], 640)).toMatchObject([
    { align: 'right' },
  ]);
});

/** Relative luminance of an sRGB colour (#rrggbb), WCAG 2.2. */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

test.each(['light', 'dark'] as const)('names of curves can be read on a %s page', (theme) => {
  const { background, range } = withTheme(chartNamed('compare').make([]), theme).config!;
  for (const name of (range as { ordinal: string[] }).ordinal) {
    const [low = 0, high = 0] = [luminance(name), luminance(String(background))].sort();
    expect((high + 0.05) / (low + 0.05)).toBeGreaterThanOrEqual(4.5);
  }
});

test('the name of a curve stands where no other curve is', () => {
  const axis = logTimeAxis([[[1e3, 1e6, 1]]]);
  const steep = (
    label: string,
    x: number,
  ): { label: string; points: { x: number; p: number }[] } => {
    return { label, points: [0, 100].map((p) => ({ x, p })) };
  };
  const pair = [steep('percpu', 1e4), steep('single', 1.2e4)];
  expect(placeCurveNames(pair, axis, 250).map(({ align }) => align)).toEqual(['right', 'left']);
  const [edge] = placeCurveNames([steep('a name of some length', 1e6)], axis, 250);
  expect(edge).toMatchObject({ align: 'right', p: 50 });
});

test('a run beats those of its own trace only', () => {
  const of = (trace: string, [few, many]: LabelledResult[]): LabelledResult[] =>
    [few!, many!].map(({ label, result }) => {
      const { summary } = result;
      const named = { ...summary, trace: { ...summary.trace, name: trace } };
      return { label: `${trace} ${label}`, result: { ...result, summary: named } };
    });
  const [strict, percpu] = compared;
  const { summary } = percpu!.result;
  const flushes = { ...summary.flushes, invalidationsPerThousandUnmaps: 900 };
  const worse = { label: 'worse', result: { ...percpu!.result, summary: { ...summary, flushes } } };
  const drawn = (results: LabelledResult[]): string =>
    JSON.stringify(chartNamed('pareto').make(results));
  const beaten = '"kind":"beaten"';
  expect(drawn(of('net', [percpu!, worse]))).toContain(beaten);
  const two = [...of('net', [strict!, percpu!]), ...of('nvme', [strict!, worse])];
  expect(drawn(two)).not.toContain(beaten);
  expect(drawn([two[0]!, two[3]!])).toContain('No trace has two runs');
});

test('a figure that is 0 in some run has a place with that name on the axis', async () => {
  const chart = chartNamed('compare');
  const [strict, percpu] = compared;
  expect(await renderSvg(chart.make([percpu!, strict!]))).toContain('0: none in the run');
  expect(await renderSvg(chart.make([strict!, percpu!]))).toContain('>∞<');
});

test('long names keep their beginning and their end, and stay in the plot', async () => {
  const long = (end: string): string => `a-machine-file-name-that-a-script-made-for-${end}`;
  const named = compared.slice(1).map((run, i) => ({ ...run, label: long(`run-number-${i}`) }));
  const svg = await renderSvg(chartNamed('stale-window').make(named));
  const names = ['a-machine-file-name-that-a-s…de-for-run-number-0', 'de-for-run-number-1<'];
  for (const name of names) expect(svg).toContain(name);
  expect(Number(/<svg[^>]* width="(\d+)"/.exec(svg)![1])).toBeLessThan(760);
  expect(await renderSvg(chartNamed('pareto').make(named))).not.toContain(', ...');
});
