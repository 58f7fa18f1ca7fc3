// Names of threads over time, from COMM records and, for a new thread, from the one that forked it.

import type { EventSink } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';

const MAX_COMM = 64;
/** PID_MAX_LIMIT of 64-bit kernels. */
const MAX_TID = 1 << 22;

/** The names that threads have now. */
export class PerfTasks {
  private readonly scratch: TextWindow;
  private readonly sink: EventSink;
  /** Index into the task names by thread id, 0 = not known. */
  private names: Uint32Array<ArrayBuffer> = new Uint32Array(1024);

  /** Names are copied to `scratch`, which the tables of `sink` were made for. */
  constructor(sink: EventSink, scratch: TextWindow) {
    this.sink = sink;
    this.scratch = scratch;
    // No record names the idle threads.
    this.names[0] = sink.tasks.intern(0, scratch.bytes.write('swapper', 0, 'latin1'));
  }

  /** Index of the name of a thread, 0 where it is not known. */
  of(tid: number): number {
    return tid >= 0 && tid < this.names.length ? this.names[tid]! : 0;
  }

  /** Names a thread by the bytes up to a NUL. */
  named(tid: number, bytes: Buffer, from: number, to: number): void {
    const nul = bytes.subarray(from, to).indexOf(0);
    const end = Math.min(nul < 0 ? to : from + nul, from + MAX_COMM);
    bytes.copy(this.scratch.bytes, 0, from, end);
    this.set(tid, this.sink.tasks.intern(0, end - from));
  }

  /** Gives a new thread the name of its parent. */
  forked(tid: number, parent: number): void {
    this.set(tid, this.of(parent));
  }

  private set(tid: number, name: number): void {
    if (tid < 0 || tid > MAX_TID) return;
    if (tid >= this.names.length) {
      const grown = new Uint32Array(2 ** Math.ceil(Math.log2(tid + 1)));
      grown.set(this.names);
      this.names = grown;
    }
    this.names[tid] = name;
  }
}
