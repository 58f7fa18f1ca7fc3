// Measured durations of kernel functions: counts that are exact, and a sample of bounded size.
//
// Up to SAMPLE calls of a function are all kept; of more, each has the same chance to be kept (reservoir
// sampling with fixed numbers: the same trace gives the same sample).

/** Durations of one function that are kept. */
export const SAMPLE = 65_536;

/** How durations were measured: by the function_graph tracer, or between an entry and a return probe. */
export type DurationSource = 'function_graph' | 'probes';

/** What the tree of an IOVA domain had to do with a call. */
export const TreePart = {
  /** Not known. */
  unknown: 0,
  /** The call did not go to the tree. */
  none: 1,
  /** The call searched the tree. */
  searched: 2,
} as const;
export type TreePart = (typeof TreePart)[keyof typeof TreePart];

/** Measured calls of one function. */
export interface MeasuredCalls {
  readonly function: string;
  readonly source: DurationSource;
  /** All calls; the columns hold a sample of at most 65,536 of them. */
  readonly count: number;
  /** Of all calls, ns. */
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** ns of each call in the sample, in no order that means anything. */
  readonly ns: Float64Array;
  /** What the call was about: pages of an IOVA, bytes of a bounce buffer; 0 where its arguments were not recorded. */
  readonly size: Float64Array;
  /** {@link TreePart} of each call. */
  readonly tree: Uint8Array;
  /** CPU of each call, UNKNOWN_CPU where it is not stated. */
  readonly cpu: Uint16Array;
  /** Thread of each call, -1 where it is not known. */
  readonly tid: Int32Array;
}

/** What was measured of one function. */
export class FunctionLog {
  readonly function: string;
  readonly source: DurationSource;
  count = 0;
  sum = 0;
  min: number = Number.POSITIVE_INFINITY;
  max = 0;
  #ns: Float64Array = new Float64Array(256);
  #size: Float64Array = new Float64Array(256);
  #tree: Uint8Array = new Uint8Array(256);
  #cpu: Uint16Array = new Uint16Array(256);
  #tid: Int32Array = new Int32Array(256);
  #state = 0x2545_f491;

  constructor(name: string, source: DurationSource) {
    this.function = name;
    this.source = source;
  }

  /** Adds one call: ns, what it was about, its {@link TreePart}, and where it ran. */
  add(ns: number, size: number, tree: TreePart, cpu: number, tid: number): void {
    const at = this.count < SAMPLE ? this.count : Math.floor(this.#random() * (this.count + 1));
    this.count++;
    this.sum += ns;
    if (ns < this.min) this.min = ns;
    if (ns > this.max) this.max = ns;
    if (at >= SAMPLE) return;
    if (at === this.#ns.length) this.#grow();
    this.#ns[at] = ns;
    this.#size[at] = size;
    this.#tree[at] = tree;
    this.#cpu[at] = cpu;
    this.#tid[at] = tid;
  }

  calls(): MeasuredCalls {
    const kept = Math.min(this.count, SAMPLE);
    return {
      function: this.function,
      source: this.source,
      count: this.count,
      sum: this.sum,
      min: this.min,
      max: this.max,
      ns: this.#ns.slice(0, kept),
      size: this.#size.slice(0, kept),
      tree: this.#tree.slice(0, kept),
      cpu: this.#cpu.slice(0, kept),
      tid: this.#tid.slice(0, kept),
    };
  }

  #random(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }

  #grow(): void {
    const capacity = 2 * this.#ns.length;
    this.#ns = grown(this.#ns, new Float64Array(capacity));
    this.#size = grown(this.#size, new Float64Array(capacity));
    this.#tree = grown(this.#tree, new Uint8Array(capacity));
    this.#cpu = grown(this.#cpu, new Uint16Array(capacity));
    this.#tid = grown(this.#tid, new Int32Array(capacity));
  }
}

function grown<T extends Float64Array | Uint8Array | Uint16Array | Int32Array>(old: T, made: T): T {
  made.set(old);
  return made;
}

/** Durations by function and source. */
export class DurationLog {
  readonly #functions = new Map<string, FunctionLog>();

  /** The log of one function, for those that add many calls to it. */
  of(name: string, source: DurationSource): FunctionLog {
    const key = `${source} ${name}`;
    let log = this.#functions.get(key);
    if (log === undefined) {
      log = new FunctionLog(name, source);
      this.#functions.set(key, log);
    }
    return log;
  }

  /** What was measured, function by function. */
  calls(): MeasuredCalls[] {
    return [...this.#functions.values()]
      .map((log) => log.calls())
      .sort((a, b) => (a.function < b.function ? -1 : a.function > b.function ? 1 : 0));
  }
}
