// Hit rate of the caches over time, one line per size class, one panel per run.
//
// Buckets are put together until there are at most 64; one without a map of the class has no point.

import type { TopLevelSpec } from 'vega-lite';
import { formatShare } from '../quantity.ts';
import type { CacheClassSeries } from '../stats/cache-course.ts';
import { sum } from '../stats/quantile.ts';
import {
  type Chart,
  emptyChart,
  forPlot,
  type LabelledResult,
  type Panel,
  PLOT_WIDTH,
  panelTitle,
  SCHEMA,
} from './chart.ts';
import { spreadLabels } from './label-places.ts';
import { type TimeFrame, timeChannel, timeFrame } from './time-panel.ts';

const MOST_POINTS = 64;
const HEIGHT = 150;
/** Least distance of two names, in percent of the scale. */
const NAME_GAP = 11;

export const rcacheHits: Chart = {
  name: 'rcache-hits',
  title: 'How often caches serve a request',
  summary: 'Hit rate of the IOVA caches over time, by size class.',
  isOverTime: true,
  make,
};

function make(results: readonly LabelledResult[]): TopLevelSpec {
  const used = results.filter(({ result }) => result.series.cacheClasses.length > 0);
  if (used.length === 0) {
    return emptyChart(
      rcacheHits.title,
      'No map needed an address that caches can hold: no device of the run is translated, or all maps are larger than 32 pages.',
    );
  }
  const frame = timeFrame(results);
  return {
    $schema: SCHEMA,
    title: {
      text: rcacheHits.title,
      subtitle:
        'share of maps served from a cache, by size class (pages); in brackets: over the whole run',
    },
    vconcat: used.map((result, i) => panel(result, frame, i === used.length - 1)),
    resolve: { scale: { color: 'shared', fill: 'shared' } },
  };
}

function panel({ label, result }: LabelledResult, frame: TimeFrame, isLast: boolean): Panel {
  const classes = result.series.cacheClasses;
  const { hitRate } = result.summary.rcache;
  const names = [1, 2, 4, 8, 16, 32].map(String);
  const rows = classes.flatMap((series) => points(series, result.series.bucketNs, frame));
  const color = {
    field: 'pages',
    type: 'nominal',
    scale: { domain: names, range: 'category' },
    legend: null,
  } as const;
  const fill = { ...color, scale: { domain: names, range: 'ordinal' } } as const;
  return {
    title: panelTitle(`${label}: ${hitRate === null ? 'no hit' : formatShare(hitRate)} in all`),
    width: PLOT_WIDTH,
    height: HEIGHT,
    encoding: {
      x: timeChannel(frame, isLast),
      y: {
        field: 'rate',
        type: 'quantitative',
        title: 'hits (%)',
        scale: { domain: [0, 100] },
        axis: { tickCount: 5, minExtent: 34 },
      },
    },
    layer: [
      {
        data: { values: rows },
        mark: { type: 'line', strokeWidth: 2, strokeJoin: 'round' },
        encoding: { color, detail: { field: 'part' } },
      },
      {
        data: { values: rows },
        mark: { type: 'point', size: 22 },
        encoding: {
          color,
          tooltip: [
            { field: 'pages', type: 'nominal' },
            { field: 't', type: 'quantitative', title: `time (${frame.unit.name})` },
            { field: 'rate', type: 'quantitative', title: '% hits' },
            { field: 'maps', type: 'quantitative', format: ',' },
          ],
        },
      },
      {
        data: { values: nameRows(classes, rows) },
        mark: { type: 'text', align: 'left', dx: 8, fontWeight: 'bold' },
        encoding: { x: { value: 'width' }, text: { field: 'text' }, fill },
      },
    ],
  };
}

interface Point {
  readonly pages: string;
  /** Points with an interval without maps between them are not joined. */
  readonly part: string;
  readonly t: number;
  readonly rate: number;
  readonly maps: number;
}

function points(
  { pages, requests, hits }: CacheClassSeries,
  bucketNs: number,
  { unit }: TimeFrame,
): Point[] {
  const group = Math.ceil(requests.length / MOST_POINTS);
  const found: Point[] = [];
  let part = 0;
  for (let from = 0; from < requests.length; from += group) {
    const maps = sum(requests.slice(from, from + group));
    if (maps === 0) {
      part++;
      continue;
    }
    const rate = forPlot((100 * sum(hits.slice(from, from + group))) / maps);
    const t = forPlot(((from + group / 2) * bucketNs) / unit.size);
    found.push({ pages: String(pages), part: `${pages} ${part}`, t, rate, maps });
  }
  return found;
}

/** The name of each class right of its last point. */
function nameRows(classes: readonly CacheClassSeries[], rows: readonly Point[]): object[] {
  const names = classes.map(({ pages, requests, hits }) => {
    const rate = rows.findLast((row) => row.pages === String(pages))?.rate ?? 0;
    const all = formatShare(sum(hits) / sum(requests));
    return { pages: String(pages), at: rate, text: `${pages} (${all})` };
  });
  const places = spreadLabels(
    names.map(({ at }) => at),
    NAME_GAP,
    0,
    100,
  );
  return names.map(({ pages, text }, i) => ({ pages, text, rate: forPlot(places[i]!) }));
}
