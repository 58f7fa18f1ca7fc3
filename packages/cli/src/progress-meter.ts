// Progress of long work: how much is done, how fast, and how long the rest takes at that speed.

import type { Machine, OutcomeBatch } from '@dmalab/replay';
import type { Capture, ReadProgress } from '@dmalab/trace';
import { formatNumber, isWatched, progress } from './output.ts';

/** Milliseconds between two lines on the terminal. */
const PAUSE = 100;
/** Milliseconds after which a speed means something. */
const SETTLED = 1000;

/** What is counted: "MB" with 1e6 bytes each, or whole things. */
export interface MeterUnit {
  readonly name: string;
  readonly size: number;
}

/** "trace.txt: 120 of 480 MB, 60.0 MB/s, 6 s left"; without a total no time is told. */
export function meterText(
  label: string,
  { name, size }: MeterUnit,
  done: number,
  total: number | null,
  elapsedMs: number,
): string {
  const amount = (value: number): string =>
    size === 1 ? formatNumber(value) : round(value / size);
  const all = total === null ? '' : ` of ${amount(total)}`;
  const parts = [`${label}: ${amount(done)}${all} ${name}`];
  if (elapsedMs >= SETTLED && done > 0) {
    const perSecond = done / (elapsedMs / 1000);
    parts.push(`${round(perSecond / size)} ${name}/s`);
    if (total !== null && done <= total) parts.push(`${timeLeft((total - done) / perSecond)} left`);
  }
  return parts.join(', ');
}

/** Shows how much is done, of how much (0 where nobody knows), of one piece of work that begins now. */
function progressMeter(label: string, unit: MeterUnit): (done: number, total: number) => void {
  if (!isWatched()) return () => {};
  const start = Date.now();
  let next = 0;
  return (done, total) => {
    const now = Date.now();
    if (now < next) return;
    next = now + PAUSE;
    progress(meterText(label, unit, done, total === 0 ? null : total, now - start));
  };
}

/** The meter of a reader: bytes as they lie on disk. */
export function readingMeter(name: string): ReadProgress {
  return progressMeter(`${name}: reading`, { name: 'MB', size: 1e6 });
}

/** The meter of work in equal steps that begins now, `total` of them where that is known; each step says what it is. */
export function stepMeter(steps: string, total: number | null): (label: string) => void {
  const start = Date.now();
  let done = 0;
  return (label) =>
    progress(meterText(label, { name: steps, size: 1 }, done++, total, Date.now() - start));
}

/** The outcomes of a replay as they come, with the seconds of the trace that are over as progress. */
export function* watched(
  outcomes: Iterable<OutcomeBatch>,
  label: string,
  durationNs: number,
): Generator<OutcomeBatch, void, undefined> {
  const meter = progressMeter(label, { name: 's of trace', size: 1e9 });
  for (const batch of outcomes) {
    yield batch;
    if (batch.length > 0) meter(batch.time[batch.length - 1]!, durationNs);
  }
}

/** ns that the requests of a capture take on a machine. */
export function tracedTime({ report }: Capture, { load }: Machine): number {
  return report.duration / (load?.rate ?? 1);
}

function round(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);
}

function timeLeft(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
