// A logarithmic axis of durations on which zero has a place: one decade left of the shortest
// positive one, labelled "0".

import type { Bins } from '../run-result.ts';

/** Positions in ns. */
export interface LogTimeAxis {
  /** Where zeros are drawn. */
  readonly zero: number;
  /** A whole power of ten at or below the shortest positive duration; left of it is only zero. */
  readonly first: number;
  /** A whole power of ten at or above the longest. */
  readonly last: number;
  /** Ticks: zero, then the decades. */
  readonly values: readonly number[];
  /** Vega expression of a tick's label. */
  readonly labelExpr: string;
}

/** An axis that all of `distributions` (in ns) fit on; 1 µs to 1 s where they are all zero or empty. */
export function logTimeAxis(distributions: readonly Bins[]): LogTimeAxis {
  let lo = Number.POSITIVE_INFINITY;
  let hi = 0;
  for (const bins of distributions) {
    for (const [from, to] of bins) {
      if (from > 0 && from < lo) lo = from;
      if (to > hi) hi = to;
    }
  }
  const empty = hi === 0;
  const first = empty ? 1e3 : 10 ** Math.floor(Math.log10(lo));
  const last = empty ? 1e9 : Math.max(first * 10, 10 ** Math.ceil(Math.log10(hi)));
  const zero = first / 10;
  const values = [zero];
  for (let tick = first; tick <= last * 1.01; tick *= 10) values.push(tick);
  return { zero, first, last, values, labelExpr: labelExpr(zero) };
}

function labelExpr(zero: number): string {
  const unit = (name: string, ns: number): string =>
    `format(datum.value / ${ns}, '~r') + ' ${name}'`;
  const upTo = (limit: number): string => `datum.value < ${limit * 0.99} ? `;
  return (
    `datum.value < ${zero * 2} ? '0' : ${upTo(1e3)}${unit('ns', 1)} : ` +
    `${upTo(1e6)}${unit('µs', 1e3)} : ${upTo(1e9)}${unit('ms', 1e6)} : ${unit('s', 1e9)}`
  );
}
