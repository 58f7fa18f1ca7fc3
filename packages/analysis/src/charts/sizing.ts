// The curve of a sizing: failed maps against the values that were tried, with the answer and the defaults.
//
// Where the recording itself had failures there are two curves, one for each way to take them, with their names
// at the left end.

import type { TopLevelSpec } from 'vega-lite';
import { formatCount, formatShare } from '../quantity.ts';
import type { SizePoint, SizeResult } from '../sizing/size-result.ts';
import { forPlot, PLOT_WIDTH, SCHEMA } from './chart.ts';

const KINDS = ['meets the goals', 'does not', 'default of the kernel'];
const READINGS = { hold: 'failed while recording: held', drop: 'failed while recording: dropped' };

/** A reading of recorded failures with its curve. */
type Reading = Pick<SizeResult, 'recordedFailures' | 'answer' | 'curve'>;

/** A chart of what `dmalab size --json` prints. The spec has no config: add one by theme (see render.ts). */
export function sizingChart(size: SizeResult): TopLevelSpec {
  const { parameter, unit, defaults, goals, otherReading } = size;
  const readings: readonly Reading[] = otherReading === null ? [size] : [size, otherReading];
  const rows = readings.flatMap(({ recordedFailures, curve }) =>
    curve.map((point) => row(point, KINDS[point.passes ? 0 : 1]!, READINGS[recordedFailures])),
  );
  const others = defaults.map((point) => row(point, KINDS[2]!, READINGS[size.recordedFailures]));
  const most = Math.max(0.01, ...[...rows, ...others].map(({ rate }) => rate));
  const kinds = KINDS.filter((kind) => [...rows, ...others].some((row) => row.kind === kind));
  return {
    $schema: SCHEMA,
    title: {
      text: `How large ${parameter} has to be`,
      subtitle: `failed maps by ${parameter}; goal: ${goals.join(', ')}${readings.length > 1 ? '' : `; maps that failed while recording: ${size.failedWhileRecording}`}`,
    },
    width: PLOT_WIDTH,
    height: 220,
    data: { values: [...rows, ...others] },
    encoding: {
      x: {
        field: 'value',
        type: 'quantitative',
        title: `${parameter} (${unit})`,
        scale: { type: 'log', base: 2, padding: 14 },
        axis: { format: ',', grid: true, labelOverlap: true },
      },
      y: {
        field: 'rate',
        type: 'quantitative',
        title: 'failed maps (%)',
        scale: { domain: [0, forPlot(most * 1.3)], nice: false },
        axis: { tickCount: 5 },
      },
    },
    layer: [
      ...answerRules(readings, unit),
      ...readings.flatMap((reading, i) => curveOf(reading, i > 0, readings.length > 1)),
      {
        mark: { type: 'point', size: 90 },
        encoding: {
          color: {
            field: 'kind',
            type: 'nominal',
            scale: { domain: kinds, range: 'category' },
            legend: {},
          },
          shape: {
            field: 'kind',
            type: 'nominal',
            scale: { domain: kinds, range: ['circle', 'square', 'diamond'] },
          },
          tooltip: [
            { field: 'kind', type: 'nominal', title: 'this value' },
            { field: 'value', type: 'quantitative', title: unit, format: ',' },
            { field: 'text', type: 'nominal', title: 'failed maps' },
            ...(readings.length > 1
              ? [{ field: 'reading', type: 'nominal', title: 'maps that' }]
              : []),
          ],
        },
      },
    ],
  } as TopLevelSpec;
}

interface Row {
  readonly value: number;
  readonly rate: number;
  readonly kind: string;
  readonly reading: string;
  readonly text: string;
}

function row({ value, failureRate, failed, maps }: SizePoint, kind: string, reading: string): Row {
  const text = `${formatCount(failed)} of ${formatCount(maps)} (${formatShare(failureRate)})`;
  return { value, rate: forPlot(100 * failureRate), kind, reading, text };
}

function curveOf(
  { recordedFailures, curve }: Reading,
  isOther: boolean,
  isNamed: boolean,
): object[] {
  const reading = READINGS[recordedFailures];
  const values = curve.map((point) => row(point, '', reading));
  const first = values[0];
  const line = {
    data: { values },
    mark: {
      type: 'line',
      interpolate: 'step-after',
      style: 'guide',
      tooltip: null,
      ...(isOther ? {} : { strokeDash: [1, 0] }),
    },
  };
  if (!isNamed || first === undefined) return [line];
  const data = { values: [{ ...first, name: reading }] };
  const place = { align: 'left', dx: 10, dy: -8 };
  const encoding = { text: { field: 'name' } };
  return [
    line,
    { data, mark: { type: 'text', style: 'halo', ...place }, encoding },
    { data, mark: { type: 'text', ...place }, encoding },
  ];
}

function answerRules(readings: readonly Reading[], unit: string): object[] {
  const [first, other] = readings;
  if (first === undefined) return [];
  if (other === undefined) return answerRule(first, 'answer', unit, 0);
  if (first.answer === other.answer) return answerRule(first, 'answer of both', unit, 0);
  const taken = READINGS[other.recordedFailures].split(': ')[1];
  return [
    ...answerRule(first, 'answer', unit, 0),
    ...answerRule(other, `where they are ${taken}`, unit, 1),
  ];
}

function answerRule({ answer }: Reading, what: string, unit: string, place: number): object[] {
  if (answer === null) return [];
  const data = { values: [{ value: answer, text: `${what}: ${formatCount(answer)} ${unit}` }] };
  const text = { field: 'text' };
  const y = { value: 10 + 16 * place };
  const fontWeight = place === 0 ? 'bold' : 'normal';
  const mark = { align: 'left', dx: 6, fontWeight, tooltip: null };
  const dash = place === 0 ? {} : { strokeDash: [4, 3] };
  return [
    {
      data,
      mark: { type: 'rule', strokeWidth: 2, tooltip: null, ...dash },
      encoding: { y: { value: 0 }, y2: { value: 'height' } },
    },
    { data, mark: { type: 'text', style: 'halo', ...mark }, encoding: { y, text } },
    { data, mark: { type: 'text', ...mark }, encoding: { y, text } },
  ];
}
