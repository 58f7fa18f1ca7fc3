// What charts over time share: one axis for all panels, and steps without repeated points.

import { timeUnit, type Unit } from '../quantity.ts';
import { forPlot, type LabelledResult, type Panel } from './chart.ts';

/** The time axis of a chart: its unit, and its upper end in ns. */
export interface TimeFrame {
  readonly unit: Unit;
  readonly longest: number;
}

/** An axis as long as the longest run. */
export function timeFrame(results: readonly LabelledResult[]): TimeFrame {
  const longest = Math.max(1, ...results.map(({ result }) => result.summary.time.end));
  return { unit: timeUnit(longest), longest };
}

/** Panels share one scale unless the smallest peak would be lower than this share of it. */
const LOWEST_SHARED = 0.2;

/** Upper ends of the y scales of panels with these peaks (0: a panel without values), and whether they are one scale. */
export function scaleTops(peaks: readonly number[]): { tops: number[]; isShared: boolean } {
  const most = Math.max(1, ...peaks);
  const isShared = peaks.every((peak) => peak === 0 || peak >= LOWEST_SHARED * most);
  return { tops: peaks.map((peak) => (isShared ? most : Math.max(1, peak))), isShared };
}

/** What the subtitle of such panels ends with. */
export function scaleWords(isShared: boolean): string {
  return isShared ? '' : '. Each panel has its own scale';
}

/** The x channel of a panel; only the last one of a chart has a title. */
export function timeChannel(
  { unit, longest }: TimeFrame,
  isLast: boolean,
): NonNullable<NonNullable<Panel['encoding']>['x']> {
  return {
    field: 't',
    type: 'quantitative',
    title: isLast ? `time (${unit.name})` : null,
    scale: { domain: [0, forPlot(longest / unit.size)], nice: false },
    axis: { tickCount: 8 },
  };
}

/** Values of one moment by name. */
export type TimeRow = Readonly<Record<string, number>> & { readonly t: number };

/** One row per bucket at its start, and one at the end of the run; rows that change nothing are left out. */
export function stepRows(
  { series, summary }: LabelledResult['result'],
  { unit }: TimeFrame,
  columns: Readonly<Record<string, readonly number[]>>,
): TimeRow[] {
  const names = Object.keys(columns);
  const rows = Array.from({ length: series.buckets }, (_, i): TimeRow => {
    const values = names.map((name) => [name, forPlot(columns[name]![i] ?? 0)]);
    return { t: forPlot((i * series.bucketNs) / unit.size), ...Object.fromEntries(values) };
  });
  const last = rows.at(-1);
  if (last !== undefined) rows.push({ ...last, t: forPlot(summary.time.end / unit.size) });
  const isSame = (a: TimeRow, b: TimeRow): boolean => names.every((name) => a[name] === b[name]);
  return rows.filter((row, i) => {
    const [before, after] = [rows[i - 1], rows[i + 1]];
    return !(before && after && isSame(before, row));
  });
}

/** States that add up, by the names of their columns in {@link stepRows}. */
export interface States {
  /** From the bottom to the top, with the words of the legend. */
  readonly labels: Readonly<Record<string, string>>;
  /** The field of the y axis. */
  readonly field: string;
  /** Format of values in tooltips; absent: as they are. */
  readonly format?: string;
  /** Unit behind the names in tooltips. */
  readonly unit?: string;
}

/** Areas of states on top of each other. */
export function stackedStates(
  rows: readonly TimeRow[],
  { labels, field, format, unit }: States,
  frame: TimeFrame,
): Panel['layer'][number] {
  const states = Object.keys(labels);
  return {
    data: { values: [...rows] },
    transform: [
      { fold: states, as: ['state', field] },
      { calculate: `indexof(${JSON.stringify(states)}, datum.state)`, as: 'order' },
    ],
    mark: { type: 'area', interpolate: 'step-after', opacity: 0.9 },
    encoding: {
      y: { field, type: 'quantitative', stack: 'zero' },
      color: {
        field: 'state',
        type: 'nominal',
        scale: { domain: states, range: 'category' },
        legend: { labelExpr: `${JSON.stringify(labels)}[datum.label]` },
      },
      order: { field: 'order', type: 'quantitative' },
      tooltip: [
        { field: 't', type: 'quantitative', title: `time (${frame.unit.name})` },
        ...states.map(
          (state) =>
            ({
              field: state,
              type: 'quantitative',
              title: unit === undefined ? state : `${state} (${unit})`,
              ...(format === undefined ? {} : { format }),
            }) as const,
        ),
      ],
    },
  };
}

/** A text with an outline in the colour of the page, at a moment and a value of a panel. */
export function notedPoint(
  t: number,
  value: number,
  text: string,
  isRight: boolean,
): Panel['layer'] {
  const data = { values: [{ t: forPlot(t), value: forPlot(value), text }] };
  const place = { align: isRight ? 'right' : 'left', dx: isRight ? -7 : 7, dy: -9 } as const;
  const encoding = {
    y: { field: 'value', type: 'quantitative' },
    text: { field: 'text' },
  } as const;
  return [
    { data, mark: { type: 'point', tooltip: null }, encoding: { y: encoding.y } },
    { data, mark: { type: 'text', style: 'halo', ...place }, encoding },
    { data, mark: { type: 'text', ...place }, encoding },
  ];
}

/** A sentence in the place of a panel's marks. */
export function notedPanel(text: string): Panel['layer'] {
  return [
    {
      data: { values: [{ text }] },
      mark: { type: 'text', style: 'note', align: 'left', dx: 4 },
      encoding: {
        x: { value: 0 },
        y: { value: 18 },
        text: { field: 'text' },
      },
    },
  ] as Panel['layer'];
}
