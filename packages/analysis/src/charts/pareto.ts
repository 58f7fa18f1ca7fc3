// Pareto: what each run pays in invalidations against how much memory it leaves within reach; of machines that
// only bounce, what pools take against the maps that fail.
//
// A run is on the front where no other has both figures at most as high, and one of them lower; a cell of a sweep
// where its row says so, which is about peak mappings, bounce memory and failed maps as well.

import { SLOT_BYTES } from '@dmalab/replay';
import type { TopLevelSpec } from 'vega-lite';
import { formatBytes, formatCount, formatShare } from '../quantity.ts';
import { isReachKnown } from '../stats/known-reach.ts';
import type { SweepResult, SweepRow } from '../sweep/sweep.ts';
import {
  type Chart,
  emptyChart,
  forPlot,
  type LabelledResult,
  PLOT_WIDTH,
  SCHEMA,
  shortName,
} from './chart.ts';
import { placeNames } from './label-places.ts';

const HEIGHT = 300;
const MIB = 2 ** 20;

export const pareto: Chart = {
  name: 'pareto',
  title: 'Invalidations against exposure',
  summary:
    'Invalidations of each run against the memory it leaves within reach, with the Pareto front.',
  make,
};

interface Point {
  readonly run: string;
  /** The trace: a run is no better than one of another trace. */
  readonly trace: string;
  readonly x: number;
  readonly y: number;
  /** What the area of the point stands for. */
  readonly peak: number;
  /** Maps that failed: what is saved by that is not won. */
  readonly failed: number;
  /** null: by the two figures that are drawn. */
  readonly isFront: boolean | null;
  /** Of the tooltip. */
  readonly text: string;
}

/** What the points are, and what stands at the axes. */
interface Plane {
  readonly title: string;
  readonly subtitle: string[];
  readonly xTitle: string;
  readonly yTitle: string;
  /** Failed maps have an axis: they need no mark. */
  readonly hasFailures: boolean;
}

function make(results: readonly LabelledResult[]): TopLevelSpec {
  const points = results.flatMap(pointOf);
  const sizes = Map.groupBy(points, ({ trace }) => trace).values();
  const compared = sizes.some(({ length }) => length > 1) ? points : points.slice(0, 1);
  return paretoChart(compared, flushPlane('run', 'mean (KiB)'), [
    'No trace has two runs with unmaps: replay with several machines (-m, --flush) and give all results.',
  ]);
}

function flushPlane(point: string, unit: string): Plane {
  return {
    title: pareto.title,
    subtitle: [
      `each point is a ${point}; less is better in both directions`,
      `larger points: more mappings live at once`,
    ],
    xTitle: 'invalidations per 1000 unmaps',
    yTitle: `within reach after unmap${unit.startsWith('(') ? '' : ','} ${unit}`,
    hasFailures: false,
  };
}

/** A chart of what `dmalab sweep --json` prints, a point for each cell. The spec has no config: add one by theme (see render.ts). */
export function sweepChart({ axes, rows }: SweepResult): TopLevelSpec {
  const runOf = ({ values }: SweepRow): string =>
    axes.map(({ path }) => String(values[path])).join(' ');
  const point = `machine: ${axes.map(({ path }) => path).join(', ')}`;
  const isFlushing = rows.some(({ invalidationsPerThousandUnmaps: figure }) => figure !== null);
  if (!isFlushing && rows.some(({ poolSlots }) => poolSlots !== null)) {
    return bouncedChart(rows, runOf, point);
  }
  const points = rows.flatMap((row): Point[] => {
    const { invalidationsPerThousandUnmaps: x, exposureByteSeconds: bytes, peakMappings } = row;
    if (x === null) return [];
    const { failed, pareto: isFront } = row;
    const text = `${formatBytes(bytes)} s, peak ${formatCount(peakMappings)} mappings${failed === 0 ? '' : `, ${formatCount(failed)} maps fail`}`;
    return [
      { run: runOf(row), trace: '', x, y: bytes / 1024, peak: peakMappings, failed, isFront, text },
    ];
  });
  return paretoChart(points, flushPlane(point, '(KiB s)'), [
    'Fewer than two cells of the sweep have unmaps.',
  ]);
}

function bouncedChart(
  rows: readonly SweepRow[],
  runOf: (row: SweepRow) => string,
  point: string,
): TopLevelSpec {
  const points = rows.map((row): Point => {
    const { poolSlots, failed, maps, pareto: isFront } = row;
    const bytes = (poolSlots ?? 0) * SLOT_BYTES;
    const share = maps === 0 ? 0 : failed / maps;
    const text = `${formatBytes(bytes)}, ${formatCount(failed)} of ${formatCount(maps)} maps fail (${formatShare(share)})`;
    return {
      run: runOf(row),
      trace: '',
      x: bytes / MIB,
      y: 100 * share,
      peak: 1,
      failed,
      isFront,
      text,
    };
  });
  const plane: Plane = {
    title: 'Bounce memory against failed maps',
    subtitle: [`each point is a ${point}; less is better in both directions`],
    xTitle: 'most memory of all pools (MiB)',
    yTitle: 'failed maps (%)',
    hasFailures: true,
  };
  return paretoChart(points, plane, ['Fewer than two cells of the sweep.']);
}

const KINDS = ['on the front', 'beaten', 'maps fail'] as const;

function paretoChart(all: readonly Point[], plane: Plane, [missing = '']: string[]): TopLevelSpec {
  const points = merged(all);
  if (all.length < 2) return emptyChart(plane.title, missing);
  const isLost = ({ failed }: Point): boolean => failed > 0 && !plane.hasFailures;
  const served = points.filter((point) => !isLost(point));
  const rows = points.map((point): DrawnPoint => {
    const isBeaten = served.some((other) => isBetter(other, point));
    const isFront = point.isFront ?? !isBeaten;
    return {
      ...point,
      kind: isLost(point) ? KINDS[2] : KINDS[isFront ? 0 : 1],
      line: isFront && !isBeaten && !isLost(point),
      x: forPlot(point.x),
      y: forPlot(point.y),
    };
  });
  const x = reach(
    rows.map((row) => row.x),
    1.3,
  );
  const y = reach(
    rows.map((row) => row.y),
    1.5,
  );
  const kinds = KINDS.filter((kind) => rows.some((row) => row.kind === kind));
  const { layers: names, hasHidden } = namesOf(rows, x, y);
  const hidden = hasHidden ? ['names that find no room are in the tooltips'] : [];
  const color = {
    field: 'kind',
    type: 'nominal',
    scale: { domain: [...KINDS], range: 'category' },
    legend: kinds.length === 1 ? null : { values: kinds, symbolType: 'circle' },
  };
  return {
    $schema: SCHEMA,
    title: { text: plane.title, subtitle: [...plane.subtitle, ...hidden] },
    width: PLOT_WIDTH,
    height: HEIGHT,
    data: { values: rows },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: plane.xTitle,
        scale: { type: 'symlog', domain: x, nice: false },
        axis: { values: ticks(x), format: ',~r', grid: true },
      },
      y: {
        field: 'y',
        type: 'quantitative',
        title: plane.yTitle,
        scale: { type: 'symlog', domain: y, nice: false },
        axis: { values: ticks(y), format: ',~r' },
      },
    },
    layer: [
      {
        transform: [{ filter: 'datum.line' }],
        mark: { type: 'line', strokeDash: [4, 3], interpolate: 'step-after', tooltip: null },
        encoding: { color, detail: { field: 'trace' }, order: { field: 'x' } },
      },
      {
        mark: { type: 'point' },
        encoding: {
          color,
          size: {
            field: 'peak',
            type: 'quantitative',
            scale: { range: [50, 260] },
            legend: null,
          },
          tooltip: [
            { field: 'names', type: 'nominal', title: 'run' },
            { field: 'x', type: 'quantitative', title: plane.xTitle },
            { field: 'text', type: 'nominal', title: plane.hasFailures ? 'pools' : 'within reach' },
          ],
        },
      },
      ...names,
    ],
  } as TopLevelSpec;
}

interface MergedPoint extends Point {
  /** All runs that are here. */
  readonly names: string;
}

interface DrawnPoint extends MergedPoint {
  readonly kind: (typeof KINDS)[number];
  /** It is a corner of the front. */
  readonly line: boolean;
}

/** Letters of a name in the plot that stands for two. */
const MOST_OF_NAME = 44;

/** Points with the same figures are one, with the names of two, or of the first. */
function merged(points: readonly Point[]): MergedPoint[] {
  const places = Map.groupBy(points, ({ trace, x, y, peak, failed }) =>
    JSON.stringify([trace, x, y, peak, failed]),
  );
  return [...places.values()].map((same) => {
    const { run, ...figures } = same[0]!;
    const names = same.map((point) => point.run).join(', ');
    const both = same.length === 2 && names.length <= MOST_OF_NAME;
    const rest = same.length === 1 ? '' : ` and ${same.length - 1} more`;
    return { ...figures, run: both ? names : shortName(run) + rest, names };
  });
}

/** The names, those of the front first. */
function namesOf(
  rows: readonly DrawnPoint[],
  x: Reach,
  y: Reach,
): { layers: object[]; hasHidden: boolean } {
  const ordered = rows.toSorted((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
  const places = placeNames(
    ordered.map((row) => ({
      name: row.run,
      x: PLOT_WIDTH * place(row.x, x),
      y: HEIGHT * (1 - place(row.y, y)),
    })),
    PLOT_WIDTH,
    HEIGHT,
  );
  const layers = ordered.flatMap((row, i) => {
    const side = places[i];
    if (!side) return [];
    const data = { values: [row] };
    const mark = { type: 'text', tooltip: null, ...side };
    const encoding = { text: { field: 'run' } };
    return [
      { data, mark: { ...mark, style: 'halo' }, encoding },
      { data, mark, encoding },
    ];
  });
  return { layers, hasHidden: places.includes(null) };
}

/** Lower and upper end of an axis. */
type Reach = [low: number, high: number];

/** From 0 on; from the power of ten below the least value where that is 1 or more. */
function reach(values: readonly number[], room: number): Reach {
  const least = Math.min(...values);
  const low = least < 1 ? 0 : 10 ** Math.floor(Math.log10(least));
  return [low, Math.max(...values) * room + (low === 0 ? 1 : 0)];
}

/** Where a value stands between the ends, 0 to 1, as the scale of the chart has it. */
function place(value: number, [low, high]: Reach): number {
  const from = Math.log1p(low);
  return (Math.log1p(value) - from) / (Math.log1p(high) - from);
}

/** Least number of powers of ten that make an axis. */
const ENOUGH_DECADES = 3;

/** 0, 1, 10, ...; where few of them lie between the ends 1, 2, 5, 10, ... */
function ticks([low, high]: Reach): number[] {
  const last = Math.floor(Math.log10(Math.max(1, high)));
  const powers = Array.from({ length: last + 1 }, (_, i) => 10 ** i);
  const inside = (values: readonly number[]): number[] =>
    values.filter((tick) => tick >= low && tick <= high);
  const decades = inside([0, ...powers]);
  return decades.filter((tick) => tick > low).length >= ENOUGH_DECADES
    ? decades
    : inside([0, ...powers.flatMap((power) => [power, 2 * power, 5 * power])]);
}

function pointOf({ label, result: { summary } }: LabelledResult): Point[] {
  const { invalidationsPerThousandUnmaps: invalidations } = summary.flushes;
  const { meanStaleBytes: stale } = summary.exposure;
  if (invalidations === null || stale === null) return [];
  if (!isReachKnown(summary.machine)) return [];
  const { peakLiveMappings: peak } = summary.occupancy;
  const { total: failed } = summary.failures;
  const text = `${formatBytes(stale)}, peak ${formatCount(peak)} mappings${failed === 0 ? '' : `, ${formatCount(failed)} maps fail`}`;
  const trace = `${summary.trace.sha256} ${summary.trace.name}`;
  return [
    { run: label, trace, x: invalidations, y: stale / 1024, peak, failed, isFront: null, text },
  ];
}

function isBetter(a: Point, b: Point): boolean {
  return a.trace === b.trace && a.x <= b.x && a.y <= b.y && (a.x < b.x || a.y < b.y);
}
