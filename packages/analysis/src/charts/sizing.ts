// The curve of a sizing: failed maps against the values that were tried, with the answer and the defaults.

import type { TopLevelSpec } from 'vega-lite';
import { formatCount, formatShare } from '../quantity.ts';
import type { SizePoint, SizeResult } from '../sizing/size-result.ts';
import { forPlot, PLOT_WIDTH, SCHEMA } from './chart.ts';

const KINDS = ['meets the goals', 'does not', 'default of the kernel'];

/** A chart of what `dmalab size --json` prints. The spec has no config: add one by theme (see render.ts). */
export function sizingChart(size: SizeResult): TopLevelSpec {
  const { parameter, unit, curve, defaults, answer, goals } = size;
  const rows = [
    ...curve.map((point) => row(point, KINDS[point.passes ? 0 : 1]!)),
    ...defaults.map((point) => row(point, KINDS[2]!)),
  ];
  const most = Math.max(0.01, ...rows.map(({ rate }) => rate));
  return {
    $schema: SCHEMA,
    title: {
      text: `How large ${parameter} has to be`,
      subtitle: `failed maps by ${parameter}; goal: ${goals.join(', ')}; maps that failed while recording: ${size.recordedFailures}`,
    },
    width: PLOT_WIDTH,
    height: 220,
    data: { values: rows },
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
        scale: { domain: [0, forPlot(most * 1.2)], nice: false },
        axis: { tickCount: 5 },
      },
    },
    layer: [
      {
        transform: [{ filter: `datum.kind !== '${KINDS[2]}'` }],
        mark: { type: 'line', interpolate: 'step-after', style: 'guide' },
      },
      ...answerRule(answer, unit),
      {
        mark: { type: 'point', size: 90 },
        encoding: {
          color: {
            field: 'kind',
            type: 'nominal',
            scale: { domain: KINDS, range: 'category' },
            legend: {},
          },
          shape: {
            field: 'kind',
            type: 'nominal',
            scale: { domain: KINDS, range: ['circle', 'square', 'diamond'] },
          },
          tooltip: [
            { field: 'kind', type: 'nominal', title: 'this value' },
            { field: 'value', type: 'quantitative', title: unit, format: ',' },
            { field: 'text', type: 'nominal', title: 'failed maps' },
          ],
        },
      },
    ],
  } as TopLevelSpec;
}

function row(
  { value, failureRate, failed, maps }: SizePoint,
  kind: string,
): { value: number; rate: number; kind: string; text: string } {
  const text = `${formatCount(failed)} of ${formatCount(maps)} (${formatShare(failureRate)})`;
  return { value, rate: forPlot(100 * failureRate), kind, text };
}

function answerRule(answer: number | null, unit: string): object[] {
  if (answer === null) return [];
  const data = { values: [{ value: answer, text: `answer: ${formatCount(answer)} ${unit}` }] };
  const text = { field: 'text' };
  const place = { align: 'left', dx: 6, fontWeight: 'bold' };
  return [
    {
      data,
      mark: { type: 'rule', strokeWidth: 2 },
      encoding: { y: { value: 0 }, y2: { value: 'height' } },
    },
    { data, mark: { type: 'text', style: 'halo', ...place }, encoding: { y: { value: 10 }, text } },
    { data, mark: { type: 'text', ...place }, encoding: { y: { value: 10 }, text } },
  ];
}
