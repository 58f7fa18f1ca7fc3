// The result of one replay: all that charts and reports need, so that they work without the trace.
//
// On disk it is a folder with summary.json, series.json and distributions.json; reading and writing
// the files is left to the caller.

import { checkShape } from './result-shape.ts';
import type { CacheClassSeries } from './stats/cache-course.ts';
import type { MachineSeries } from './stats/machine-levels.ts';
import type { LevelSeries, Series } from './stats/series.ts';
import type { SpaceMap } from './stats/space-maps.ts';
import type { CachedAgeSeries, FreeSpaceSeries } from './stats/state-course.ts';
import type { Summary } from './summary.ts';

/** Buckets of a distribution in ascending order: values in [lo, hi), or exactly 0 where both are 0. */
export type Bins = readonly (readonly [lo: number, hi: number, count: number])[];

/** The distributions behind the figures of the summary, in ns, entries or tree nodes. */
export interface Distributions {
  readonly schema: 'dmalab.distributions/1';
  readonly lifetime: Bins;
  readonly staleWindow: Bins;
  readonly reuseDelay: Bins;
  readonly treeSteps: Bins;
  readonly modelledMapCost: Bins;
  readonly modelledMapLatency: Bins;
  readonly modelledUnmapLatency: Bins;
  /** ns from one flush of a domain to its next. */
  readonly flushInterval: Bins;
  /** Durations of kernel functions while recording, ns: a sample of at most 65,536 calls each. */
  readonly measured: readonly { readonly function: string; readonly bins: Bins }[];
  /** Entries released by each flush, by what caused it. */
  readonly flushBatch: {
    readonly full: Bins;
    readonly timeout: Bins;
    readonly host: Bins;
    readonly teardown: Bins;
    readonly bound: Bins;
  };
  /** Absent in results of versions before them. */
  readonly slices?: DistributionSlices;
}

/** Of each slice its buckets in use, ascending: bucket and count in turns; docs/results.md has the ends of buckets. */
export type SlicedCounts = readonly (readonly number[])[];

/** Distributions by time; all slices together are those of the run. A value belongs to the slice in which it was known. */
export interface DistributionSlices {
  /** Slice i spans [i, i + 1) x sliceNs. */
  readonly sliceNs: number;
  /** At most 64. */
  readonly count: number;
  readonly lifetime: SlicedCounts;
  readonly staleWindow: SlicedCounts;
  readonly modelledMapLatency: SlicedCounts;
  readonly modelledUnmapLatency: SlicedCounts;
  readonly flushInterval: SlicedCounts;
  readonly flushBatch: Readonly<Record<keyof Distributions['flushBatch'], SlicedCounts>>;
}

/** What a series keeps beside the levels of the machine, in the same buckets. */
export interface FineSeries {
  /** Unmapped bytes that devices could still reach. */
  readonly staleBytes: LevelSeries;
  /** Maps and hits of the caches by size class. */
  readonly cacheClasses: readonly CacheClassSeries[];
  /** Most slots of 2 KiB in use in each area of the default pool of bounce memory; null without any. */
  readonly bounceAreas: readonly (readonly number[])[] | null;
  /** Addresses against time; null where no address was used. */
  readonly spaceMap: SpaceMap | null;
  /** Free address space of the busiest domain at each look; null where its allocator does not tell of it. */
  readonly freeSpace: FreeSpaceSeries | null;
  /** Cached ranges by age at each look; null where no allocator tells of them. */
  readonly cachedAges: CachedAgeSeries | null;
}

/** Everything that is kept of a replay. */
export interface RunResult {
  readonly summary: Summary;
  readonly series: Series & MachineSeries & FineSeries;
  readonly distributions: Distributions;
}

/** File names of a result folder, and the part of the result that each holds. */
export const RESULT_FILES = {
  summary: 'summary.json',
  series: 'series.json',
  distributions: 'distributions.json',
} as const;

/** The files of a result folder by name. */
export type ResultTexts = Readonly<Record<keyof RunResult, string>>;

/** The JSON texts of a result, each ending with a line feed. */
export function writeResult(result: RunResult): ResultTexts {
  return {
    summary: `${JSON.stringify(result.summary, null, 2)}\n`,
    series: `${JSON.stringify(result.series)}\n`,
    distributions: `${JSON.stringify(result.distributions)}\n`,
  };
}

/** The result in JSON texts; throws a RangeError where one is not whole, or not of a version that is understood. */
export function readResult(texts: ResultTexts): RunResult {
  return {
    summary: readPart(texts, 'summary', 'dmalab.summary/1') as Summary,
    series: readPart(texts, 'series', 'dmalab.series/1') as RunResult['series'],
    distributions: readPart(texts, 'distributions', 'dmalab.distributions/1') as Distributions,
  };
}

function readPart(texts: ResultTexts, part: keyof RunResult, expected: string): unknown {
  const file = RESULT_FILES[part];
  let read: unknown;
  try {
    read = JSON.parse(texts[part]);
  } catch {
    throw new RangeError(`${file}: not JSON`);
  }
  const schema = typeof read === 'object' && read !== null && 'schema' in read ? read.schema : null;
  if (schema !== expected) {
    throw new RangeError(`${file}: schema ${JSON.stringify(schema)}, expected "${expected}"`);
  }
  checkShape(file, part, read);
  return read;
}
