// Recorded flushes against those of a replay.
//
// Both lists are in time order. Each recorded flush takes the nearest replayed one that is left and
// at most one jiffy away, in order; the deviation of the others is the distance to the nearest.

import { median } from '../stats/quantile.ts';
import type { Flush } from './recorded-flushes.ts';

/** How the flushes of one domain compare; counts are of flushes where nothing else is said. */
export interface FlushComparison {
  readonly recorded: number;
  readonly replayed: number;
  /** Recorded flushes with a replayed one within a jiffy, and how many of those agree in cause and in released ranges. */
  readonly withinJiffy: number;
  readonly causesAgree: number;
  readonly releasesAgree: number;
  /** Ranges released by flushes, in all. */
  readonly releasedRecorded: number;
  readonly releasedReplayed: number;
  /** ns from a recorded flush to the nearest replayed one: median, and the worst with its line. */
  readonly medianNs: number;
  readonly worstNs: number;
  readonly worstLine: number;
}

/** Compares the flushes of one domain. `jiffy` in ns. */
export function compareFlushes(
  recorded: readonly Flush[],
  replayed: readonly Flush[],
  jiffy: number,
): FlushComparison {
  const pairs = pairUp(recorded, replayed, jiffy);
  let worst = 0;
  let worstLine = 0;
  const deviations = recorded.map((flush) => {
    const deviation = distance(flush.time, replayed);
    if (deviation > worst) {
      worst = deviation;
      worstLine = flush.line;
    }
    return deviation;
  });
  return {
    recorded: recorded.length,
    replayed: replayed.length,
    withinJiffy: pairs.length,
    causesAgree: pairs.filter(([a, b]) => a.cause === b.cause).length,
    releasesAgree: pairs.filter(([a, b]) => a.released === b.released).length,
    releasedRecorded: sumReleased(recorded),
    releasedReplayed: sumReleased(replayed),
    medianNs: median(deviations),
    worstNs: worst,
    worstLine,
  };
}

/** The comparison of several domains together. */
export function sumComparisons(parts: readonly FlushComparison[]): FlushComparison | null {
  const first = parts[0];
  if (first === undefined) return null;
  return parts.slice(1).reduce(
    (a, b) => ({
      recorded: a.recorded + b.recorded,
      replayed: a.replayed + b.replayed,
      withinJiffy: a.withinJiffy + b.withinJiffy,
      causesAgree: a.causesAgree + b.causesAgree,
      releasesAgree: a.releasesAgree + b.releasesAgree,
      releasedRecorded: a.releasedRecorded + b.releasedRecorded,
      releasedReplayed: a.releasedReplayed + b.releasedReplayed,
      medianNs: Math.max(a.medianNs, b.medianNs),
      worstNs: Math.max(a.worstNs, b.worstNs),
      worstLine: a.worstNs >= b.worstNs ? a.worstLine : b.worstLine,
    }),
    first,
  );
}

function pairUp(
  recorded: readonly Flush[],
  replayed: readonly Flush[],
  jiffy: number,
): [Flush, Flush][] {
  const pairs: [Flush, Flush][] = [];
  let next = 0;
  for (const flush of recorded) {
    while (next < replayed.length && replayed[next]!.time < flush.time - jiffy) next++;
    let best = next;
    while (best + 1 < replayed.length && isNearer(flush, replayed[best + 1]!, replayed[best]!))
      best++;
    const found = replayed[best];
    if (found === undefined || Math.abs(found.time - flush.time) > jiffy) continue;
    pairs.push([flush, found]);
    next = best + 1;
  }
  return pairs;
}

function isNearer(flush: Flush, a: Flush, b: Flush): boolean {
  return Math.abs(a.time - flush.time) < Math.abs(b.time - flush.time);
}

/** Distance of `time` to the nearest of `flushes`, which are in time order. */
function distance(time: number, flushes: readonly Flush[]): number {
  let low = 0;
  let high = flushes.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (flushes[middle]!.time < time) low = middle + 1;
    else high = middle;
  }
  const after = flushes[low];
  const before = flushes[low - 1];
  return Math.min(
    after === undefined ? Number.POSITIVE_INFINITY : after.time - time,
    before === undefined ? Number.POSITIVE_INFINITY : time - before.time,
  );
}

function sumReleased(flushes: readonly Flush[]): number {
  return flushes.reduce((sum, { released }) => sum + released, 0);
}
