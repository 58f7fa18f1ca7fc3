// The control of a report that chooses a part of the time, and what page.js needs to follow it.
//
// Two range inputs are the control (they work by keyboard and by touch); the strip above them shows the
// course of the first run and takes a pointer. Without scripts it stays hidden.

import type { LabelledResult } from '../charts/chart.ts';
import type { LevelSeries } from '../stats/series.ts';
import { escapeHtml } from './escape.ts';
import { type SlicedRun, slicedRun } from './part-of-time.ts';

const STRIP_WIDTH = 512;
const STRIP_HEIGHT = 100;
/** Steps of a range input: a thousandth of the time each. */
const BRUSH_STEPS = 1000;

/** Courses of one run, one value per bucket; null where the run has no such thing. */
export interface BrushRun {
  readonly label: string;
  /** End of the run, ns. */
  readonly end: number;
  readonly bucketNs: number;
  /** False: no map got an address, and nothing of addresses and flushes can be told. */
  readonly isTranslated: boolean;
  readonly counts: Readonly<Record<string, readonly number[]>>;
  readonly peaks: Readonly<Record<string, readonly number[] | null>>;
  readonly means: Readonly<Record<string, readonly number[] | null>>;
}

/** What page.js reads of a group of runs. */
export interface BrushData {
  /** End of the longest run, ns. */
  readonly end: number;
  readonly runs: readonly BrushRun[];
  /** For the distributions of a part of the time. */
  readonly sliced: readonly SlicedRun[];
}

/** The courses from which the figures of a part of the time come. */
export function brushData(results: readonly LabelledResult[]): BrushData {
  return {
    end: Math.max(1, ...results.map(({ result }) => result.summary.time.end)),
    runs: results.map(brushRun),
    sliced: results.map(slicedRun),
  };
}

/** The control of group `index`. */
export function brushHtml(results: readonly LabelledResult[], index: number): string {
  const slider = (name: 'from' | 'to', value: number): string =>
    `<label>${name} <input type="range" class="${name}" min="0" max="${BRUSH_STEPS}" step="1" value="${value}" aria-label="Time shown, ${name}"></label>`;
  return `<fieldset class="brush" data-group="${index}" hidden aria-label="Time shown">
${strip(results)}
<div class="ends">${slider('from', 0)}${slider('to', BRUSH_STEPS)}<output></output><button type="button">whole trace</button></div>
</fieldset>
<div class="window" data-group="${index}"></div>
`;
}

function brushRun({ label, result: { series, summary } }: LabelledResult): BrushRun {
  const max = (level: LevelSeries | null): readonly number[] | null => level?.max ?? null;
  const add = (columns: readonly (readonly number[])[]): number[] =>
    Array.from({ length: series.buckets }, (_, i) =>
      columns.reduce((sum, column) => sum + (column[i] ?? 0), 0),
    );
  return {
    label,
    end: summary.time.end,
    bucketNs: series.bucketNs,
    isTranslated: summary.requests.mapped > 0,
    counts: {
      mapped: series.mapped,
      failed: series.failed,
      unmapped: series.unmapped,
      flushes: series.flushes,
      rangeInvalidations: series.rangeInvalidations,
      cacheable: add(series.cacheClasses.map(({ requests }) => requests)),
      hits: add(series.cacheClasses.map(({ hits }) => hits)),
    },
    peaks: {
      taken: max(series.takenBytes),
      stale: max(series.staleBytes),
      bounce: max(series.bounceUsedSlots),
      host: max(series.hostEntries),
    },
    means: { stale: series.staleBytes.mean.map(Math.round) },
  };
}

/** The course of the first run that has one, in the whole width. */
function strip(results: readonly LabelledResult[]): string {
  const first = results[0]!.result.series;
  const { max: taken } = first.takenBytes;
  const level = taken.some((bytes) => bytes > 0) ? taken : (first.bounceUsedSlots?.max ?? taken);
  const most = level.reduce((a, b) => Math.max(a, b), 1);
  const longest = Math.max(1, ...results.map(({ result }) => result.summary.time.end));
  const x = (bucket: number): string =>
    Math.min(STRIP_WIDTH, (bucket * first.bucketNs * STRIP_WIDTH) / longest).toFixed(1);
  const path = level
    .map((value, i) => {
      const y = Math.round(STRIP_HEIGHT * (1 - (0.9 * value) / most));
      return `V${y}H${x(i + 1)}`;
    })
    .join('');
  const label = escapeHtml(`Course of ${results[0]!.label}; drag to choose a part`);
  return `<svg class="strip" viewBox="0 0 ${STRIP_WIDTH} ${STRIP_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}"><rect class="ground" width="${STRIP_WIDTH}" height="${STRIP_HEIGHT}"/><path class="level" d="M0 ${STRIP_HEIGHT}${path}V${STRIP_HEIGHT}Z"/><rect class="chosen" y="1" height="${STRIP_HEIGHT - 2}" x="0" width="${STRIP_WIDTH}"/></svg>`;
}
