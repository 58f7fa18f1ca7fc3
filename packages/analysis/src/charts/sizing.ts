// The curve of a sizing: what the goals are about against the values that were tried, with the answer and the
// defaults. A panel for failed maps, and one for each goal of another figure with its bound.
//
// Where the recording itself had failures there are two curves, one for each way to take them.

import type { TopLevelSpec } from 'vega-lite';
import { formatBytes, formatCount, formatShare } from '../quantity.ts';
import { type GoalFigure, parseGoal } from '../sizing/goal.ts';
import { counted, figureText } from '../sizing/shortfall.ts';
import type { SizePoint, SizeResult } from '../sizing/size-result.ts';
import { forPlot, type Panel, PLOT_WIDTH, SCHEMA } from './chart.ts';

const KINDS = ['meets the goals', 'does not', 'default of the kernel'];
const READINGS = { hold: 'held', drop: 'dropped' } as const;
/** Of an answer beyond this part of the axis the label stands on the left. */
const FAR_RIGHT = 0.6;

/** A reading of recorded failures with its curve. */
type Reading = Pick<SizeResult, 'recordedFailures' | 'answer' | 'curve'>;

/** What a panel shows: its numbers in the unit of its axis. */
interface Plotted {
  readonly title: string;
  readonly isShare: boolean;
  readonly bound: number | null;
  of(point: SizePoint): number | null;
  text(point: SizePoint): string;
}

/** A chart of what `dmalab size --json` prints. The spec has no config: add one by theme (see render.ts). */
export function sizingChart(size: SizeResult): TopLevelSpec {
  const { direction, parameter, goals, answer, otherReading } = size;
  const readings: readonly Reading[] = otherReading === null ? [size] : [size, otherReading];
  const panels = plottedOf(size, readings);
  const drawn = panels.map((plotted, i) =>
    panel(size, readings, plotted, i === 0, i === panels.length - 1),
  );
  const outcome = answer === null ? '; no value meets it' : '';
  const title = {
    text: `How large ${parameter} ${direction === 'smallest' ? 'has to' : 'may'} be`,
    subtitle: [
      `${goals.length > 1 ? 'goals' : 'goal'}: ${goals.join(', ')}${outcome}`,
      ...(otherReading === null
        ? []
        : [
            `maps that failed while recording: solid line ${READINGS[size.recordedFailures]}, dashed line ${READINGS[otherReading.recordedFailures]}`,
          ]),
    ],
  };
  if (drawn.length === 1) return { $schema: SCHEMA, title, ...drawn[0]! } as TopLevelSpec;
  return { $schema: SCHEMA, title, vconcat: drawn } as TopLevelSpec;
}

const UNITS: Readonly<Record<GoalFigure, { title: string; size: number }>> = {
  failures: { title: 'failed maps (%)', size: 0.01 },
  hiwater: { title: 'most in use (%)', size: 0.01 },
  p99: { title: 'map p99, modelled (µs)', size: 1000 },
  stale: { title: 'stale window p99 (ms)', size: 1e6 },
  invalidations: { title: 'invalidations / 1000 unmaps', size: 1 },
  transients: { title: 'buffers in transient pools (%)', size: 0.01 },
};

/** Failed maps where any failed, or where nothing else is asked for; then a panel for each other goal. */
function plottedOf({ goals, defaults }: SizeResult, readings: readonly Reading[]): Plotted[] {
  const points = [...readings.flatMap(({ curve }) => curve), ...defaults];
  const parsed = goals.map((text) => ({ ...parseGoal(text), text }));
  const bounds = parsed.filter(({ figure }) => figure === 'failures').map(({ bound }) => bound);
  const others = parsed.filter(({ figure }) => figure !== 'failures');
  const failures: Plotted = {
    title: UNITS.failures.title,
    isShare: true,
    bound: 100 * Math.min(...bounds) || null,
    of: ({ failureRate }) => 100 * failureRate,
    text: ({ failed, maps, failureRate }) =>
      `${formatCount(failed)} of ${formatCount(maps)} (${formatShare(failureRate)})`,
  };
  const rest = others.map(({ text, figure, bound }): Plotted => {
    const { title, size } = UNITS[figure];
    const figureOf = ({ figures }: SizePoint): number | null =>
      figures.find(({ goal }) => goal === text)?.value ?? null;
    return {
      title,
      isShare: size === 0.01,
      bound: bound / size,
      of: (point) => (figureOf(point) === null ? null : figureOf(point)! / size),
      text: (point) => figureText(text, figureOf(point)),
    };
  });
  const isFailing = points.some(({ failed }) => failed > 0);
  return [...(isFailing || rest.length === 0 ? [failures] : []), ...rest];
}

function panel(
  size: SizeResult,
  readings: readonly Reading[],
  plotted: Plotted,
  isFirst: boolean,
  isLast: boolean,
): Panel {
  const { parameter, unit, defaults } = size;
  const tried = readings.flatMap(({ recordedFailures, curve }) =>
    curve.map((point) => row(point, plotted, KINDS[point.passes ? 0 : 1]!, recordedFailures)),
  );
  const usual = defaults.map((point) => row(point, plotted, KINDS[2]!, size.recordedFailures));
  const all = [...tried, ...usual];
  const rows = all.filter(({ y }) => y !== null);
  const kinds = KINDS.filter((kind) => all.some((row) => row.kind === kind));
  const most = Math.max(plotted.bound ?? 0, ...rows.map(({ y }) => y ?? 0)) || 1;
  const reach = reachOf(all);
  const each =
    size.curve[0]?.bytes == null
      ? ''
      : ` of ${formatBytes(bytesOfOne(size.curve[0])).replace('.00', '')}`;
  const kind = { field: 'kind', type: 'nominal' };
  return {
    width: PLOT_WIDTH,
    height: isFirst ? 220 : 140,
    data: { values: rows },
    encoding: {
      x: {
        field: 'value',
        type: 'quantitative',
        title: isLast ? `${parameter} (${unit}${each})` : null,
        scale: { type: 'log', base: 2, domain: reach, padding: 14, nice: false },
        axis: { format: ',', grid: true, labelOverlap: true, labels: isLast, tickCount: 10 },
      },
      y: {
        field: 'y',
        type: 'quantitative',
        title: plotted.title,
        scale: { domain: [0, forPlot(most * (isFirst ? 1.3 : 1.1))], nice: false },
        axis: {
          tickCount: 5,
          ...(plotted.isShare ? { labelExpr: "datum.value > 100 ? '' : datum.label" } : {}),
        },
      },
    },
    layer: [
      ...boundRule(plotted, reach[0]),
      ...answerRules(readings, unit, reach, isFirst),
      ...readings.map((reading, i) => curveOf(reading, plotted, i > 0)),
      {
        mark: { type: 'point', size: 90 },
        encoding: {
          color: {
            ...kind,
            scale: { domain: KINDS, range: 'category' },
            legend: { values: kinds },
          },
          shape: {
            ...kind,
            scale: { domain: KINDS, range: ['circle', 'square', 'diamond'] },
            legend: { values: kinds },
          },
          tooltip: [
            { ...kind, title: 'this value' },
            { field: 'value', type: 'quantitative', title: unit, format: ',' },
            { field: 'text', type: 'nominal', title: plotted.title.replace(/ \(.*/, '') },
            ...(readings.length > 1
              ? [{ field: 'reading', type: 'nominal', title: 'failed while recording' }]
              : []),
          ],
        },
      },
    ],
  } as unknown as Panel;
}

interface Row {
  readonly value: number;
  readonly y: number | null;
  readonly kind: string;
  readonly reading: string;
  readonly text: string;
}

function row(
  point: SizePoint,
  { of, text }: Plotted,
  kind: string,
  reading: keyof typeof READINGS,
): Row {
  const y = of(point);
  return {
    value: point.value,
    y: y === null ? null : forPlot(y),
    kind,
    reading: READINGS[reading],
    text: text(point),
  };
}

function bytesOfOne({ value, bytes }: SizePoint): number {
  return (bytes ?? 0) / value;
}

function reachOf(rows: readonly Row[]): [low: number, high: number] {
  const values = rows.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return low === high ? [low / 2, high * 2] : [low, high];
}

function curveOf({ recordedFailures, curve }: Reading, plotted: Plotted, isOther: boolean): object {
  const values = curve
    .map((point) => row(point, plotted, '', recordedFailures))
    .filter(({ y }) => y !== null);
  return {
    data: { values },
    mark: {
      type: 'line',
      interpolate: 'step-after',
      style: 'guide',
      tooltip: null,
      ...(isOther ? {} : { strokeDash: [1, 0] }),
    },
  };
}

function boundRule({ bound }: Plotted, left: number): object[] {
  if (bound === null) return [];
  const data = { values: [{ y: forPlot(bound), value: left, text: 'goal' }] };
  const mark = { type: 'text', align: 'left', dx: -10, dy: -7, tooltip: null };
  const encoding = { text: { field: 'text' } };
  return [
    {
      data,
      mark: { type: 'rule', strokeDash: [6, 4], tooltip: null },
      encoding: { x: { value: 0 }, x2: { value: 'width' } },
    },
    { data, mark: { ...mark, style: 'halo' }, encoding },
    { data, mark, encoding },
  ];
}

function answerRules(
  readings: readonly Reading[],
  unit: string,
  reach: readonly [number, number],
  isNamed: boolean,
): object[] {
  const [first, other] = readings;
  if (first === undefined) return [];
  const rule = (reading: Reading, what: string, place: number): object[] =>
    answerRule(reading, isNamed ? what : '', unit, reach, place);
  if (other === undefined) return rule(first, 'answer', 0);
  if (first.answer === other.answer) return rule(first, 'answer of both', 0);
  const taken = READINGS[other.recordedFailures];
  return [...rule(first, 'answer', 0), ...rule(other, `where they are ${taken}`, 1)];
}

function answerRule(
  { answer }: Reading,
  what: string,
  unit: string,
  [low, high]: readonly [number, number],
  place: number,
): object[] {
  if (answer === null) return [];
  const data = { values: [{ value: answer, text: `${what}: ${counted(answer, unit)}` }] };
  const isRight = Math.log(answer / low) > FAR_RIGHT * Math.log(high / low);
  const side = isRight ? { align: 'right', dx: -6 } : { align: 'left', dx: 6 };
  const mark = {
    type: 'text',
    ...side,
    fontWeight: place === 0 ? 'bold' : 'normal',
    tooltip: null,
  };
  const encoding = { y: { value: 10 + 16 * place }, text: { field: 'text' } };
  const dash = place === 0 ? {} : { strokeDash: [4, 3] };
  return [
    {
      data,
      mark: { type: 'rule', strokeWidth: 2, tooltip: null, ...dash },
      encoding: { y: { value: 0 }, y2: { value: 'height' } },
    },
    ...(what === ''
      ? []
      : [
          { data, mark: { ...mark, style: 'halo' }, encoding },
          { data, mark, encoding },
        ]),
  ];
}
