// Short and long calls of a function, where only durations were recorded: a hit in a cache takes less than
// a search of the tree. Two means of the logarithms; none where the two are not clearly apart.

const ROUNDS = 50;
/** The long ones take at least so many times as long. */
const APART = 3;
/** Shares of the long ones that are believed. */
const SHARES = [0.002, 0.6] as const;

/** ns from which on a call counts as long, or null where there is one kind only. */
export function longCallsFrom(durations: readonly number[]): number | null {
  const logs = durations
    .filter((ns) => ns > 0)
    .map(Math.log)
    .sort((a, b) => a - b);
  if (logs.length < 20) return null;
  let low = logs[Math.floor(logs.length / 2)]!;
  let high = logs[Math.floor(0.99 * (logs.length - 1))]!;
  let from = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const border = (low + high) / 2;
    from = logs.findIndex((log) => log > border);
    if (from <= 0) return null;
    low = mean(logs, 0, from);
    high = mean(logs, from, logs.length);
  }
  const share = 1 - from / logs.length;
  const isApart = Math.exp(high - low) >= APART;
  return isApart && share >= SHARES[0] && share <= SHARES[1] ? Math.exp((low + high) / 2) : null;
}

function mean(values: readonly number[], from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i]!;
  return sum / (to - from);
}
