// Recorded failures: the retries of one buffer are one demand.
//
// Failures of one device, task, physical address and size belong together until a map with the same
// four succeeds. The first failure stands for the demand; the retry that succeeded stands for it
// instead when there is one. At most LIMIT demands are open: the oldest is then left to stand.

import { NONE } from './live-set.ts';

const LIMIT = 65_536;
const BUCKETS = 4096;

export class Demands {
  readonly #row = new Uint32Array(LIMIT);
  readonly #device = new Uint16Array(LIMIT);
  readonly #task = new Uint32Array(LIMIT);
  readonly #physLow = new Uint32Array(LIMIT);
  readonly #physHigh = new Uint32Array(LIMIT);
  readonly #size = new Float64Array(LIMIT);
  readonly #used = new Uint8Array(LIMIT);
  readonly #next = new Int32Array(LIMIT);
  readonly #heads = new Int32Array(BUCKETS).fill(NONE);
  #at = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The row of the demand's first failure, or NONE. */
  find(device: number, task: number, physLow: number, physHigh: number, size: number): number {
    const entry = this.#find(device, task, physLow, physHigh, size);
    return entry === NONE ? NONE : this.#row[entry]!;
  }

  add(
    row: number,
    device: number,
    task: number,
    physLow: number,
    physHigh: number,
    size: number,
  ): void {
    const entry = this.#at;
    this.#at = (entry + 1) % LIMIT;
    if (this.#used[entry] === 1) this.#drop(entry);
    this.#row[entry] = row;
    this.#device[entry] = device;
    this.#task[entry] = task;
    this.#physLow[entry] = physLow;
    this.#physHigh[entry] = physHigh;
    this.#size[entry] = size;
    this.#used[entry] = 1;
    this.#count++;
    const slot = slotOf(task, physLow, size);
    this.#next[entry] = this.#heads[slot]!;
    this.#heads[slot] = entry;
  }

  /** Ends a demand, because its retry succeeded. */
  remove(device: number, task: number, physLow: number, physHigh: number, size: number): void {
    const entry = this.#find(device, task, physLow, physHigh, size);
    if (entry !== NONE) this.#drop(entry);
  }

  #find(device: number, task: number, physLow: number, physHigh: number, size: number): number {
    let entry = this.#heads[slotOf(task, physLow, size)]!;
    while (
      entry !== NONE &&
      (this.#physLow[entry] !== physLow ||
        this.#physHigh[entry] !== physHigh ||
        this.#device[entry] !== device ||
        this.#task[entry] !== task ||
        this.#size[entry] !== size)
    ) {
      entry = this.#next[entry]!;
    }
    return entry;
  }

  #drop(entry: number): void {
    const slot = slotOf(this.#task[entry]!, this.#physLow[entry]!, this.#size[entry]!);
    let at = this.#heads[slot]!;
    if (at === entry) this.#heads[slot] = this.#next[entry]!;
    else {
      while (this.#next[at] !== entry) at = this.#next[at]!;
      this.#next[at] = this.#next[entry]!;
    }
    this.#used[entry] = 0;
    this.#count--;
  }
}

function slotOf(task: number, physLow: number, size: number): number {
  const mixed = Math.imul(physLow ^ Math.imul(task, 0x85ebca6b) ^ (size >>> 0), 0x9e3779b1);
  return (mixed ^ (mixed >>> 16)) & (BUCKETS - 1);
}
