// Progress of a batch on stderr: one changing line on a terminal, or one line of JSON for each trace.

import { progress } from '../output.ts';

/** How progress is told. auto: on a terminal only. */
export type ProgressMode = 'auto' | 'jsonl' | 'none';

/** Counts traces as they are done. */
export class BatchProgress {
  readonly #mode: ProgressMode;
  readonly #traces: number;
  readonly #bytes: number;
  readonly #start = performance.now();
  #doneTraces = 0;
  #doneBytes = 0;
  #failed = 0;
  #replayedBytes = 0;

  /** All traces, and their bytes on disk. */
  constructor(mode: ProgressMode, traces: number, bytes: number) {
    this.#mode = mode;
    this.#traces = traces;
    this.#bytes = bytes;
    this.#show(null, null);
  }

  /** A trace is done; `isKept`: its results were there already. */
  done(trace: string, bytes: number, isKept: boolean, error: string | null): void {
    this.#doneTraces++;
    this.#doneBytes += bytes;
    if (!isKept) this.#replayedBytes += bytes;
    if (error !== null) this.#failed++;
    this.#show(trace, error);
  }

  #show(trace: string | null, error: string | null): void {
    if (this.#mode === 'none') return;
    const seconds = (performance.now() - this.#start) / 1000;
    // What was kept tells nothing of how long the rest takes.
    const rate = seconds > 0 ? this.#replayedBytes / seconds : 0;
    const left = rate > 0 ? (this.#bytes - this.#doneBytes) / rate : null;
    if (this.#mode === 'jsonl') {
      const line = {
        schema: 'dmalab.progress/1',
        trace,
        error,
        traces: { done: this.#doneTraces, failed: this.#failed, all: this.#traces },
        bytes: { done: this.#doneBytes, all: this.#bytes },
        seconds: rounded(seconds),
        bytesPerSecond: Math.round(rate),
        secondsLeft: left === null ? null : rounded(left),
      };
      process.stderr.write(`${JSON.stringify(line)}\n`);
      return;
    }
    const failed = this.#failed === 0 ? '' : `, ${this.#failed} failed`;
    const bytes = `${megabytes(this.#doneBytes)} of ${megabytes(this.#bytes)} MB`;
    const speed = `${megabytes(rate)} MB/s`;
    const time = left === null ? '' : `, ${clock(left)} left`;
    progress(`${this.#doneTraces} of ${this.#traces} traces${failed}, ${bytes}, ${speed}${time}`);
  }
}

function megabytes(bytes: number): string {
  const value = bytes / 1e6;
  return value.toFixed(value < 10 ? 1 : 0);
}

function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
}

function rounded(seconds: number): number {
  return Number(seconds.toFixed(3));
}
