// Holds a result to what must be true of every result: no NaN, shares are shares, quantiles ascend.

import { deepEqual, ok } from 'node:assert/strict';
import { type RunResult, readResult, writeResult } from '@dmalab/analysis';

/** Throws at the first figure that cannot be. */
export function checkResult(result: RunResult): void {
  const { machine: _, ...figures } = result.summary;
  figuresBelow('summary', figures);
  figuresBelow('series', result.series);
  figuresBelow('distributions', result.distributions);
  deepEqual(writeResult(readResult(writeResult(result))), writeResult(result));
}

function figuresBelow(path: string, value: unknown): void {
  if (typeof value === 'number') {
    ok(Number.isFinite(value), `${path} is ${value}`);
    ok(value >= 0 || path.includes('headroom'), `${path} is ${value}`);
    if (/(Share|hitRate)$/.test(path)) ok(value <= 1, `${path} is ${value}`);
  }
  ok(value !== undefined, `${path} is undefined`);
  if (typeof value !== 'object' || value === null) return;
  if ('p50' in value && 'p99' in value) ascending(path, value as Record<string, number | null>);
  for (const [key, inner] of Object.entries(value)) figuresBelow(`${path}.${key}`, inner);
}

function ascending(path: string, quantiles: Record<string, number | null>): void {
  const values = ['min', 'p50', 'p90', 'p99', 'p999', 'max'].flatMap(
    (name) => quantiles[name] ?? [],
  );
  values.forEach((value, i) => {
    ok(i === 0 || values[i - 1]! <= value, `${path}: quantiles do not ascend: ${values.join(' ')}`);
  });
}
