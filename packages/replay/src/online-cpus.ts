// Which CPUs of the machine are online, and where the timers of the others run.

/** See the head of the file. */
export class OnlineCpus {
  /** By CPU: 1 while it is online. */
  readonly #states: Uint8Array;

  /** All are online at first. */
  constructor(cpus: number) {
    this.#states = new Uint8Array(cpus).fill(1);
  }

  has(cpu: number): boolean {
    return this.#states[cpu] === 1;
  }

  count(): number {
    let online = 0;
    for (const state of this.#states) online += state;
    return online;
  }

  /** False, and nothing is done, where the CPU was so already. */
  set(cpu: number, isOnline: boolean): boolean {
    if (this.has(cpu) === isOnline) return false;
    this.#states[cpu] = isOnline ? 1 : 0;
    return true;
  }

  /** The CPU itself while it is online, else the lowest that is: where its timers go. */
  running(cpu: number): number {
    if (this.has(cpu)) return cpu;
    const lowest = this.#states.indexOf(1);
    return lowest < 0 ? cpu : lowest;
  }
}
