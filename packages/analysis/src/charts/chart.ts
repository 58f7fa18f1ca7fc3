// What a chart is: a name and a function from results to a Vega-Lite spec with its data inline.

import type { TopLevelSpec } from 'vega-lite';
import type { DistributionFigures } from '../figures/distribution.ts';
import type { FlushFigures } from '../figures/flushes.ts';
import type { Distributions, RunResult } from '../run-result.ts';
import type { Summary } from '../summary.ts';

/** A result under the name that charts and tables show. */
export interface LabelledResult {
  readonly label: string;
  readonly result: RunResult;
}

/** Of the figures of a distribution those that charts draw. */
export type DrawnFigures = Pick<
  DistributionFigures,
  'count' | 'p50' | 'p90' | 'p99' | 'p999' | 'max'
>;

/** What the charts of distributions read of a result: all that is known of a part of its time. */
export interface DistributionResult {
  readonly summary: {
    readonly lifetime: DrawnFigures;
    readonly exposure: { readonly staleWindow: DrawnFigures };
    readonly flushes: Pick<FlushFigures, 'total' | 'rangeInvalidations'> & {
      readonly interval: DrawnFigures;
    };
    readonly modelledLatency: { readonly map: DrawnFigures; readonly unmap: DrawnFigures };
    readonly measuredLatency: Summary['measuredLatency'];
  };
  readonly distributions: Pick<
    Distributions,
    | 'lifetime'
    | 'staleWindow'
    | 'modelledMapLatency'
    | 'modelledUnmapLatency'
    | 'flushInterval'
    | 'flushBatch'
    | 'measured'
  >;
}

/** A {@link DistributionResult} under the name that charts show. */
export interface LabelledDistributions {
  readonly label: string;
  readonly result: DistributionResult;
}

/** One chart of one or several results. The spec has no config: add one by theme (see render.ts). */
export interface Chart {
  /** As typed on the command line. */
  readonly name: string;
  readonly title: string;
  /** One sentence: what it shows. */
  readonly summary: string;
  /** True where all panels share an axis of time, so that a part of it can be shown. */
  readonly isOverTime?: true;
  make(results: readonly LabelledResult[]): TopLevelSpec;
}

/** A chart that can be drawn of a part of the time; its axes then span `whole`, the whole runs. */
export interface DistributionChart extends Chart {
  make(
    results: readonly LabelledDistributions[],
    whole?: readonly LabelledDistributions[],
  ): TopLevelSpec;
}

/** One plot of several that stand below each other. */
export type Panel = Extract<
  Extract<TopLevelSpec, { vconcat: unknown }>['vconcat'][number],
  { layer: unknown }
>;

/** The name of a run above its panel. */
export function panelTitle(label: string): { text: string; style: string; offset: number } {
  return { text: label, style: 'run-title', offset: 6 };
}

const LONGEST_NAME = 48;

/** A name that has room in a plot: of a long one the beginning and the end, which tell runs apart. */
export function shortName(name: string): string {
  const letters = [...name];
  if (letters.length <= LONGEST_NAME) return name;
  return `${letters.slice(0, 28).join('')}…${letters.slice(-LONGEST_NAME + 29).join('')}`;
}

/** Of every spec: the version of Vega-Lite that it is written for. */
export const SCHEMA: string = 'https://vega.github.io/schema/vega-lite/v6.json';

/** Pixels of a plot without axes; reports set their own. */
export const PLOT_WIDTH: number = 640;

/** A chart that says why there is nothing to draw. */
export function emptyChart(title: string, reason: string): TopLevelSpec {
  return {
    $schema: SCHEMA,
    title: { text: title },
    width: PLOT_WIDTH,
    height: 60,
    usermeta: { nothingToShow: reason },
    data: { values: [{ reason }] },
    mark: { type: 'text', style: 'note' },
    encoding: { text: { field: 'reason' } },
  };
}

/** Why a spec is an {@link emptyChart}, null where it is none. */
export function reasonOfEmpty({ usermeta }: TopLevelSpec): string | null {
  const reason = (usermeta as { readonly nothingToShow?: unknown } | undefined)?.nothingToShow;
  return typeof reason === 'string' ? reason : null;
}

/** A number with four significant digits: enough for a picture, short in a file. */
export function forPlot(value: number): number {
  return Number(value.toPrecision(4));
}
