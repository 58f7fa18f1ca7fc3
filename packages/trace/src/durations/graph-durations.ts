// Durations that the function_graph tracer prints at the end of a call.
//
//    15.052935 |   2)   kworker-69   | ! 159.838 us  |    alloc_iova_fast();
//    15.053266 |   2)   kworker-69   | ! 981.491 us  |  }
//
// A closing brace has a name only with the option funcgraph-tail; else it is that of the opening line of
// the same depth in the same thread (without the column of tasks: of the task that the last "=>" line
// named on the same CPU). A brace whose opening was not seen is left out. A parent's duration holds its children,
// and the tracing of both.

import { UNKNOWN_CPU } from '../batch.ts';
import { type DurationLog, TreePart } from './duration-log.ts';

const CALL =
  /^(?:[^|]*?\|)??\s*(\d+)?\)?\s*(?:[^|]*?-(\d+)\s*\|)?[^|]*?(?:([\d.]+) us)?\s*\|(\s*)(?:([\w.$]+)(?: \[\w+\])?\(\)( \{|;)|\}(?:\s*\/\* ([\w.$]+)[^*]*\*\/)?)/s;
const SWITCH = /^\s*(?:[\d.]+ \|\s*)?(\d+)\)\s*(\S.*?)\s+=>\s+(\S.*?)\s*$/;
const TID = /-(\d+)$/;
const MAX_DEPTH = 128;

/** Reads the lines of calls of one trace. */
export class GraphDurations {
  readonly #log: DurationLog;
  /** By thread or CPU: the open functions by depth. */
  readonly #open = new Map<string, string[]>();
  /** By CPU: its task. */
  readonly #running = new Map<string, string>();

  constructor(log: DurationLog) {
    this.#log = log;
  }

  /** Takes the line of a call; false where it is none. */
  line(text: string): boolean {
    const found = CALL.exec(text);
    if (found === null) return false;
    const [, cpu = '', tid, us, indent = '', name, opens, tail] = found;
    // All CPUs have an idle task of the number 0.
    const thread = tid === undefined || tid === '0' ? this.#onCpu(cpu) : tid;
    const open = this.#of(thread);
    const depth = Math.min(MAX_DEPTH, indent.length);
    if (name !== undefined && opens === ' {') open[depth] = name;
    const closed = name ?? tail ?? open[depth];
    if (us !== undefined && closed !== undefined) {
      const log = this.#log.of(closed, 'function_graph');
      const ran = cpu === '' ? UNKNOWN_CPU : Number(cpu);
      log.add(Number(us) * 1000, 0, TreePart.unknown, ran, Number(tid ?? this.#tidOn(cpu)));
    }
    if (name === undefined) open.length = Math.min(open.length, depth);
    return true;
  }

  /** Takes a line that says which task runs on a CPU from here on. */
  taskChanged(text: string): void {
    const [, cpu, before = '', after = ''] = SWITCH.exec(text) ?? [];
    if (cpu === undefined) return;
    const first = this.#open.get(this.#onCpu(cpu));
    if (!this.#running.has(cpu) && first !== undefined) {
      this.#open.set(`cpu ${cpu} ${before}`, first);
    }
    this.#running.set(cpu, after);
  }

  /** Of the task that the last "=>" line named on a CPU, -1 before there is one. */
  #tidOn(cpu: string): string {
    return TID.exec(this.#running.get(cpu) ?? '')?.[1] ?? '-1';
  }

  #onCpu(cpu: string): string {
    return `cpu ${cpu} ${this.#running.get(cpu) ?? ''}`;
  }

  #of(key: string): string[] {
    let open = this.#open.get(key);
    if (open === undefined) {
      open = [];
      this.#open.set(key, open);
    }
    return open;
  }
}
