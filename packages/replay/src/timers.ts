// The virtual clock of a replay, and the timers that fire between its requests.
//
// Models when kernel/time/timer.c (Linux 6.12) runs a timer; see docs/models/timers.md. Left out:
// cancelling one timer, migration from idle CPUs, the delay of softirqs and work queues, and the
// highest level of the wheel (delays beyond 63 << 24 jiffies).
//
// Timers fire in the order (firing time, arming). While one fires, `now` is its firing time. What it
// arms may fire before the same request. The clock never goes back.

import type { TimerMode } from './machine.ts';

const NS_PER_SECOND = 1e9;
const NS_PER_MS = 1e6;
/** Jiffies that level 0 of the wheel covers; each level has 8 times the reach of the one below. */
const LEVEL_REACH = 63;
const LEVEL_FACTOR = 8;

/** Called when a timer fires, with the CPU and the argument it was armed with. */
export type TimerCallback = (cpu: number, argument: number) => void;

/** When and where a timer fires. */
export interface Firing {
  /** ns. */
  readonly time: number;
  readonly cpu: number;
}

/**
 * Says when a timer of `owner` really fired, that is armed on `cpu` at `now` for `delayMs` and would
 * fire at `planned`; null: as planned. For replays that follow a recorded machine whose timers ran late.
 */
export type FiringRule = (
  owner: number,
  cpu: number,
  now: number,
  delayMs: number,
  planned: number,
) => Firing | null;

/** Firing jiffy of the kernel's timer wheel for a timer armed at jiffy `now` to expire at `expiry`. */
export function wheelJiffy(now: number, expiry: number): number {
  let bucket = 1;
  while (expiry - now >= LEVEL_REACH * bucket) bucket *= LEVEL_FACTOR;
  return (Math.floor(expiry / bucket) + 1) * bucket;
}

/** Milliseconds as a number of jiffies, rounded up. */
export function msToJiffies(ms: number, hz: number): number {
  return Math.ceil((ms * hz) / 1000);
}

/** Virtual clock with timers: a binary heap over columns, nothing is allocated per timer. */
export class Timers {
  /** Virtual ns; read only for others. */
  now = 0;
  /** Firing time of the earliest timer, Infinity when none is pending: the test on the hot path. */
  next: number = Number.POSITIVE_INFINITY;
  declare readonly hz: number;
  declare readonly mode: TimerMode;
  readonly #jiffyNs: number;
  readonly #phase: number;
  readonly #rule: FiringRule | null;
  #length = 0;
  #armed = 0;
  #time = new Float64Array(16);
  #order = new Float64Array(16);
  #cpu = new Uint16Array(16);
  #owner = new Uint32Array(16);
  #argument = new Float64Array(16);
  readonly #callback: TimerCallback[] = [];

  /** `tickPhase`: time in ns at which some jiffy begins. */
  constructor(hz: number, mode: TimerMode, tickPhase: number = 0, rule: FiringRule | null = null) {
    this.hz = hz;
    this.mode = mode;
    this.#phase = tickPhase;
    this.#rule = rule;
    this.#jiffyNs = NS_PER_SECOND / hz;
  }

  /** Timers that have not fired yet. */
  get pending(): number {
    return this.#length;
  }

  /** CPU of the earliest timer. */
  get nextCpu(): number {
    return this.#cpu[0]!;
  }

  /** Jiffies at time `ns`; 0 begins at the tick phase. */
  jiffies(ns: number): number {
    return Math.floor((ns - this.#phase) / this.#jiffyNs);
  }

  /** Arms a timer by the mode of the clock and returns its firing time. `owner` groups timers for {@link cancel}. */
  arm(
    owner: number,
    cpu: number,
    delayMs: number,
    callback: TimerCallback,
    argument: number = 0,
  ): number {
    const planned = this.#firing(delayMs);
    const really = this.#rule === null ? null : this.#rule(owner, cpu, this.now, delayMs, planned);
    const time = really?.time ?? planned;
    this.armAt(owner, really?.cpu ?? cpu, time, callback, argument);
    return time;
  }

  /** Arms a timer for the exact time `ns`, whatever the mode. */
  armAt(owner: number, cpu: number, ns: number, callback: TimerCallback, argument: number): void {
    if (this.#length === this.#time.length) this.#grow();
    const i = this.#siftUp(this.#length++, ns);
    this.#time[i] = ns;
    this.#order[i] = this.#armed++;
    this.#cpu[i] = cpu;
    this.#owner[i] = owner;
    this.#argument[i] = argument;
    this.#callback[i] = callback;
    this.next = this.#time[0]!;
  }

  /** Fires every timer due at or before `ns` and moves the clock there. */
  advance(ns: number): void {
    while (this.next <= ns) this.fireNext();
    if (ns > this.now) this.now = ns;
  }

  /** Moves the clock to the earliest timer and fires it; false when none is pending. */
  fireNext(): boolean {
    if (this.#length === 0) return false;
    const callback = this.#callback[0]!;
    const cpu = this.#cpu[0]!;
    const argument = this.#argument[0]!;
    if (this.next > this.now) this.now = this.next;
    this.#removeFirst();
    callback(cpu, argument);
    return true;
  }

  /** Makes all timers of `owner` fire without effect. */
  cancel(owner: number): void {
    for (let i = 0; i < this.#length; i++) {
      if (this.#owner[i] === owner) this.#callback[i] = ignore;
    }
  }

  /** Moves all timers of a CPU that goes to another. */
  migrate(from: number, to: number): void {
    for (let i = 0; i < this.#length; i++) {
      if (this.#cpu[i] === from) this.#cpu[i] = to;
    }
  }

  #firing(delayMs: number): number {
    if (this.mode === 'ideal') return this.now + delayMs * NS_PER_MS;
    const jiffy = this.jiffies(this.now);
    const expiry = jiffy + msToJiffies(delayMs, this.hz);
    const firing = this.mode === 'exact' ? expiry : wheelJiffy(jiffy, expiry);
    return Math.ceil(firing * this.#jiffyNs + this.#phase);
  }

  // A new timer has the highest arming order, so it never passes one of the same time.
  #siftUp(from: number, ns: number): number {
    let i = from;
    while (i > 0) {
      const parent = Math.floor((i - 1) / 2);
      if (this.#time[parent]! <= ns) break;
      this.#move(parent, i);
      i = parent;
    }
    return i;
  }

  #removeFirst(): void {
    const last = --this.#length;
    const ns = this.#time[last]!;
    const order = this.#order[last]!;
    let i = 0;
    for (let child = 1; child < last; child = 2 * i + 1) {
      if (child + 1 < last && this.#before(child + 1, child)) child++;
      const time = this.#time[child]!;
      if (ns < time || (ns === time && order < this.#order[child]!)) break;
      this.#move(child, i);
      i = child;
    }
    this.#move(last, i);
    this.#callback.length = last;
    this.next = last === 0 ? Number.POSITIVE_INFINITY : this.#time[0]!;
  }

  #before(i: number, j: number): boolean {
    const a = this.#time[i]!;
    const b = this.#time[j]!;
    return a < b || (a === b && this.#order[i]! < this.#order[j]!);
  }

  #move(from: number, to: number): void {
    this.#time[to] = this.#time[from]!;
    this.#order[to] = this.#order[from]!;
    this.#cpu[to] = this.#cpu[from]!;
    this.#owner[to] = this.#owner[from]!;
    this.#argument[to] = this.#argument[from]!;
    this.#callback[to] = this.#callback[from]!;
  }

  #grow(): void {
    const double = 2 * this.#time.length;
    this.#time = enlarged(this.#time, new Float64Array(double));
    this.#order = enlarged(this.#order, new Float64Array(double));
    this.#cpu = enlarged(this.#cpu, new Uint16Array(double));
    this.#owner = enlarged(this.#owner, new Uint32Array(double));
    this.#argument = enlarged(this.#argument, new Float64Array(double));
  }
}

function enlarged<T extends Float64Array | Uint16Array | Uint32Array>(old: T, made: T): T {
  made.set(old);
  return made;
}

function ignore(): void {}
