// From printed times to ns since the first event of the capture.
//
// The first second is subtracted before anything is multiplied, so times since 1970 stay exact.
// A clock without a decimal point counts ticks: they are kept as they are and reported.
// A header in mid-file, a jump of more than an hour or a step back of more than a second begins a
// new segment; where the printed time went back, the segment goes on where the last one ended.

import { EventKind, UNKNOWN_CPU } from './batch.ts';
import type { EventSink } from './event-sink.ts';

const SECOND = 1e9;
const HOUR = 3600 * SECOND;
const FEW_CPUS = 32;

/** The clock of one reading. */
export class TraceClock {
  /** Set by a header in mid-file: the next event begins a segment. */
  boundary = false;
  private readonly sink: EventSink;
  private started = false;
  private firstSeconds = 0;
  private firstFraction = 0;
  private seconds = 0;
  private fraction = 0;
  /** Added to the time since the first event; grows where printed time was reset. */
  private shift = 0;
  private lastOfCpu: Float64Array = new Float64Array(FEW_CPUS).fill(-Infinity);

  constructor(sink: EventSink) {
    this.sink = sink;
  }

  /** Time of an event at `seconds` and `fraction` ns, on `cpu`. */
  at(seconds: number, fraction: number, cpu: number): number {
    if (!this.started) this.start(seconds, fraction);
    this.seconds = seconds;
    this.fraction = fraction;
    let time =
      (seconds - this.firstSeconds) * SECOND + (fraction - this.firstFraction) + this.shift;
    const step = time - this.sink.time;
    if (this.boundary || step > HOUR || step < -SECOND) time = this.segment(time);
    if (cpu >= this.lastOfCpu.length) this.manyCpus(cpu);
    if (time < this.lastOfCpu[cpu]!) this.backwards();
    this.lastOfCpu[cpu] = time;
    this.sink.time = time;
    return time;
  }

  /** Completes the counts. */
  end(): void {
    const { counts } = this.sink;
    counts.firstTime = this.firstSeconds * SECOND + this.firstFraction;
    counts.lastTime = this.seconds * SECOND + this.fraction;
  }

  private manyCpus(cpu: number): void {
    const few = this.lastOfCpu;
    let room = few.length;
    while (room <= cpu) room *= 2;
    this.lastOfCpu = new Float64Array(room).fill(-Infinity);
    this.lastOfCpu.set(few);
  }

  private start(seconds: number, fraction: number): void {
    this.started = true;
    this.boundary = false;
    this.firstSeconds = seconds;
    this.firstFraction = fraction;
    this.sink.origin = { seconds, fraction };
  }

  private segment(time: number): number {
    const { sink } = this;
    const goesBack = time < sink.time;
    if (!this.boundary) {
      sink.diagnose('TIME_RESET', 'time jumps by more than an hour or goes back: a new segment');
    }
    this.boundary = false;
    if (goesBack) {
      this.shift += sink.time - time;
      this.lastOfCpu.fill(-Infinity);
    }
    sink.time = goesBack ? sink.time : time;
    sink.note(EventKind.segment, UNKNOWN_CPU);
    return sink.time;
  }

  private backwards(): void {
    this.sink.diagnose(
      'TIME_BACKWARDS',
      'an event is older than the one before it on its CPU: the order of the file is kept',
    );
  }
}
