// The zero of all times of a trace.dat file, and the way from its clock's ticks to ns.
//
// The correction of a TSC clock (TSC2NSEC) and then of date and offset are exact for the base; the ticks
// since the base are scaled as doubles, so a converted time may be off by 1 ns. Times of a guest are turned
// into those of its host before all that; the order of events is that of the guest's clock.

import type { EventSink } from '../event-sink.ts';
import type { PageEvents } from './page-events.ts';
import { HostClock } from './time-shift.ts';
import type { Recording } from './trace-dat-options.ts';

const NS_CLOCKS = ['', 'local', 'global', 'perf', 'mono', 'mono_raw', 'boot', 'tai', 'tsc2nsec'];
const TWO_32 = 2 ** 32;
const SECOND = 1_000_000_000n;

/** What the times of pages are counted from. */
export interface TimeBase {
  /** In ticks, as two words. */
  readonly high: number;
  readonly low: number;
  /** In time: seconds and ns. */
  readonly seconds: number;
  readonly fraction: number;
  /** ns of a tick. */
  readonly scale: number;
  readonly host: HostClock | null;
}

/** The base is the first page of all; its clock is reported where it counts ticks. */
export function timeBase(
  streams: readonly PageEvents[],
  { tsc, shift, guest }: Recording,
  sink: EventSink,
): TimeBase {
  let first = streams[0]!;
  for (const stream of streams) {
    const ahead = stream.firstHigh - first.firstHigh || stream.firstLow - first.firstLow;
    if (ahead < 0) first = stream;
  }
  const { firstHigh: high, firstLow: low } = first;
  const { counts } = sink;
  const isTicks = tsc === null && !NS_CLOCKS.includes(counts.clock);
  counts.resolution = isTicks ? 0 : 1;
  if (isTicks) {
    sink.diagnose('TICK_CLOCK', 'the clock counts ticks: durations are in ticks, not in ns');
  }
  const mult = BigInt(tsc?.mult ?? 1);
  const bits = BigInt(Math.min(64, tsc?.shift ?? 0));
  const ticks = BigInt(high) * BigInt(TWO_32) + BigInt(low);
  const host = guest === null ? null : new HostClock(guest, ticks);
  const base = (((host?.base ?? ticks) * mult) >> bits) + (isTicks ? 0n : shift);
  const seconds = base / SECOND;
  return {
    high,
    low,
    seconds: Number(seconds),
    fraction: Number(base - seconds * SECOND),
    scale: Number(mult) / 2 ** Number(bits),
    host,
  };
}
