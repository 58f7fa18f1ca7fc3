import { readResult, summarise, writeResult } from '@dmalab/analysis';
import { expect, test } from 'vitest';
import { outcomeBatches } from './support/outcome-rows.ts';
import { runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

const rows = syntheticReplay({ flush: 'percpu', maps: 500, seed: 2 });
const result = summarise(runContext(), outcomeBatches(rows));

test('a result that was written is read back whole', () => {
  expect(readResult(writeResult(result))).toEqual(result);
});

test('a file of another version is an error that names both versions', () => {
  const summary = JSON.stringify({ schema: 'dmalab.summary/9' });
  expect(() => readResult({ ...writeResult(result), summary })).toThrow(
    'summary.json: schema "dmalab.summary/9", expected "dmalab.summary/1"',
  );
});

test('a file that is no JSON is an error that names it', () => {
  expect(() => readResult({ ...writeResult(result), series: '{' })).toThrow(
    'series.json: not JSON',
  );
});

test('a file that lost a part is an error that names the part', () => {
  const texts = writeResult(result);
  const { schema, ...rest } = result.summary;
  const { machine: _, ...noMachine } = rest;
  const without = (summary: object): string => JSON.stringify({ schema, ...summary });
  expect(() => readResult({ ...texts, summary: without({}) })).toThrow(
    'summary.json: tool is missing',
  );
  expect(() => readResult({ ...texts, summary: without(noMachine) })).toThrow(
    'summary.json: machine is missing',
  );
  expect(() => readResult({ ...texts, summary: without({ ...rest, flushes: 7 }) })).toThrow(
    'summary.json: flushes: got 7, expected an object',
  );
  expect(() => readResult({ ...texts, summary: without({ ...rest, warnings: [null] }) })).toThrow(
    'summary.json: warnings[0]: got null, expected an object',
  );
  expect(() => readResult({ ...texts, series: '{"schema":"dmalab.series/1"}' })).toThrow(
    'series.json: bucketNs is missing',
  );
});

test('a result of a version without slices of time is whole', () => {
  const { slices: _, ...distributions } = result.distributions;
  const old = writeResult({ ...result, distributions });
  expect(readResult(old).distributions.slices).toBeUndefined();
  const broken = JSON.stringify({ ...distributions, slices: { sliceNs: 1000 } });
  expect(() => readResult({ ...old, distributions: broken })).toThrow(
    'distributions.json: slices.count is missing',
  );
});

test('the kept distributions hold every value once', () => {
  const total = result.distributions.lifetime.reduce((sum, [, , count]) => sum + count, 0);
  expect(total).toBe(500);
});
