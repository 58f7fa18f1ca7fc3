// The charts of a batch: every trace has a dot, every machine its ratio with an interval.

import {
  ratioChart,
  reasonOfEmpty,
  renderBatchHtml,
  renderSvg,
  spreadChart,
} from '@dmalab/analysis';
import { expect, test } from 'vitest';
import { HOSTILE, tableOf } from './support/failures-table.ts';

interface Layer {
  readonly data: { readonly values: readonly Record<string, unknown>[] };
}

test('a trace far from the others has a ring that leads to its report', () => {
  const spec = spreadChart(tableOf([10, 11, 12, 13, 500]), (folder) => `x/${folder}`);
  const [{ layer }] = (spec as unknown as { vconcat: [{ layer: Layer[] }] }).vconcat;
  const [boxes, dots, , rings] = layer.map(({ data }) => data.values);
  expect(boxes![0]).toEqual({ machine: 'a', low: 11, middle: 12, high: 13 });
  expect(dots!.filter(({ machine }) => machine === 'b').map(({ value }) => value)).toEqual([
    20, 22, 24, 26, 1000,
  ]);
  expect(rings!.map(({ value, href }) => [value, href])).toEqual([
    [500, 'x/t4/a'],
    [1000, 'x/t4/b'],
  ]);
});

test('of many traces as many quantiles are drawn, the ends among them', () => {
  const spec = spreadChart(tableOf(Array.from({ length: 5001 }, (_, i) => i)));
  const [{ layer }] = (spec as unknown as { vconcat: [{ layer: Layer[] }] }).vconcat;
  const dots = layer[1]!.data.values.filter(({ machine }) => machine === 'a');
  expect([dots.length, dots[0]!.value, dots.at(-1)!.value]).toEqual([200, 0, 5000]);
});

test('the ratio of a machine has an interval, and meets neither end where all traces agree', () => {
  const { data } = ratioChart(tableOf([10, 11, 12])) as unknown as Layer;
  expect(data.values).toMatchObject([
    { figure: 'failed maps', machine: 'b', mean: 2, low: 2, high: 2, traces: 3 },
  ]);
});

test('nothing to compare, nothing to draw, says why', () => {
  const { machines, ...table } = tableOf([]);
  expect(reasonOfEmpty(ratioChart({ ...table, machines: machines.slice(0, 1) }))).toMatch(
    /one machine/,
  );
  expect(reasonOfEmpty(ratioChart({ ...table, machines }))).toMatch(/No figure differs/);
  expect(reasonOfEmpty(spreadChart({ ...table, machines }))).toMatch(/No trace has/);
});

test('both compile without a warning, and names from traces are text in the page', async () => {
  const table = tableOf([1, 2, 3, 4, 5000]);
  const warnings: string[] = [];
  for (const spec of [spreadChart(table), ratioChart(table)]) {
    expect(await renderSvg(spec, 'dark', (text) => warnings.push(text))).toContain('<svg');
  }
  expect(warnings).toEqual([]);
  expect(await renderSvg(ratioChart(table)), 'the line at one').toMatch(/stroke-dasharray="3,3"/);
  const html = await renderBatchHtml(table, (folder) => folder);
  expect(html.match(/<figure data-chart="(distributions|machines)"/g)).toHaveLength(2);
  expect(html).not.toContain(HOSTILE);
});
