// Progress of long work: how much is done, how fast, and how long the rest takes at that speed.

import { statSync } from 'node:fs';
import type { OutcomeBatch } from '@dmalab/replay';
import { isWatched, progress } from './output.ts';

/** Milliseconds between two lines on the terminal. */
const PAUSE = 100;
/** Milliseconds after which a speed means something. */
const SETTLED = 1000;

/** What is counted: "MB" with 1e6 bytes each, or whole things. */
export interface MeterUnit {
  readonly name: string;
  readonly size: number;
}

/** "trace.txt: 120 MB of 480 MB, 60.0 MB/s, 6 s left"; without a total no time is told. */
export function meterText(
  label: string,
  { name, size }: MeterUnit,
  done: number,
  total: number | null,
  elapsedMs: number,
): string {
  const amount = (value: number): string => `${round(value / size)} ${name}`;
  const parts = [`${label}: ${amount(done)}${total === null ? '' : ` of ${amount(total)}`}`];
  if (elapsedMs >= SETTLED && done > 0) {
    const perSecond = done / (elapsedMs / 1000);
    parts.push(`${amount(perSecond)}/s`);
    if (total !== null && done <= total) parts.push(`${timeLeft((total - done) / perSecond)} left`);
  }
  return parts.join(', ');
}

/** Shows the progress of one piece of work that begins now. */
function progressMeter(
  label: string,
  unit: MeterUnit,
  total: number | null,
): (done: number) => void {
  if (!isWatched()) return () => {};
  const start = Date.now();
  let next = 0;
  return (done) => {
    const now = Date.now();
    if (now < next) return;
    next = now + PAUSE;
    progress(meterText(label, unit, done, total, now - start));
  };
}

/** The meter of a reader: bytes, of all where the file is plain. */
export function readingMeter(name: string, path: string): (lines: number, bytes: number) => void {
  const meter = progressMeter(`${name}: reading`, { name: 'MB', size: 1e6 }, plainSize(path));
  return (_, bytes) => meter(bytes);
}

/** The outcomes of a replay as they come, with the seconds of the trace that are over as progress. */
export function* watched(
  outcomes: Iterable<OutcomeBatch>,
  label: string,
  durationNs: number,
): Generator<OutcomeBatch, void, undefined> {
  const meter = progressMeter(label, { name: 's of trace', size: 1e9 }, durationNs);
  for (const batch of outcomes) {
    yield batch;
    if (batch.length > 0) meter(batch.time[batch.length - 1]!);
  }
}

// Of a compressed file, and of standard input, the unpacked bytes are not known before the end.
function plainSize(path: string): number | null {
  if (/\.(?:gz|zst|xz|parquet|arrow)$/i.test(path)) return null;
  try {
    const stat = statSync(path);
    return stat.isFile() ? stat.size : null;
  } catch {
    return null;
  }
}

function round(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);
}

function timeLeft(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
