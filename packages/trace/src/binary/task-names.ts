// Names of tasks by thread id, from the saved command lines of the kernel: "PID COMM", a line each.

import type { EventSink } from '../event-sink.ts';
import type { TextWindow } from '../text-window.ts';

const MAX_TID = 1 << 22;
const MAX_COMM = 4096;

/** Index into the tasks of a sink by thread id. */
export class TaskNames {
  private readonly unknown: number;
  private readonly byTid: Uint32Array;

  /** `lines` has one character a byte. Names are interned through `window`. */
  constructor(lines: string, sink: EventSink, window: TextWindow) {
    const { tasks } = sink;
    const intern = (name: string): number =>
      tasks.intern(0, window.bytes.write(name.slice(0, MAX_COMM), 0, 'latin1'));
    const names = lines
      .split('\n')
      .map((line) => /^\s*(\d+) (.*)$/s.exec(line))
      .filter((match) => match !== null)
      .map(([, tid, name]) => ({ tid: Number(tid), name: name! }))
      .filter(({ tid }) => tid < MAX_TID);
    this.unknown = intern('<...>');
    this.byTid = new Uint32Array(names.reduce((top, { tid }) => Math.max(top, tid), 0) + 1);
    for (const { tid, name } of names) this.byTid[tid] = intern(name);
    this.byTid[0] = intern('<idle>');
  }

  /** The task of a thread, "<...>" where it has no name. */
  of(tid: number): number {
    return this.byTid[tid] || this.unknown;
  }
}
