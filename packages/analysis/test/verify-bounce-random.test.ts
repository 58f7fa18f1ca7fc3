import { bounceHolds, verify } from '@dmalab/analysis';
import { type BounceDevice, SearchRule, SlotPool, SlotSearch } from '@dmalab/replay';
import { expect, test } from 'vitest';
import { BounceLines, slot } from './support/bounce-lines.ts';
import { task } from './support/trace-lines.ts';

const AREAS = 2;
const DEVICE: BounceDevice = {
  index: 1,
  minAlignMask: 0,
  segBoundary: 0xffff_ffff,
  dmaMask: 2 ** 64,
  busDmaLimit: 0,
};

/** A line or an effect of a call that is still to come. */
type Step = () => void;

/** A machine whose CPUs map and release at the same time, each step of theirs at a random moment. */
class RandomMachine {
  readonly trace = new BounceLines();
  failed = 0;
  mapped = 0;
  readonly #pool = new SlotPool(slot(0), 512, AREAS);
  readonly #search = new SlotSearch(SearchRule.v6_12);
  readonly #live: number[] = [];
  readonly #cpus: Step[][];
  readonly #load: number;
  #seed: number;

  constructor(cpus: number, load: number, seed: number) {
    this.#cpus = Array.from({ length: cpus }, () => []);
    this.#load = load;
    this.#seed = seed;
  }

  run(calls: number): void {
    let begun = 0;
    for (;;) {
      const cpu = this.#random(this.#cpus.length);
      const steps = this.#cpus[cpu]!;
      const step = steps.shift();
      if (step !== undefined) step();
      else if (begun++ < calls) this.#begin(cpu, steps);
      else if (this.#cpus.every(({ length }) => length === 0)) return;
    }
  }

  #begin(cpu: number, steps: Step[]): void {
    if (this.#live.length > 0 && this.#random(100) >= this.#load) this.#release(cpu, steps);
    else this.#map(cpu, steps);
  }

  #map(cpu: number, steps: Step[]): void {
    const bytes = 512 * (1 + this.#random(this.#random(4) === 0 ? 500 : 40));
    this.trace.map(task(cpu), bytes);
    let found: number | null = null;
    for (let i = 0; i < AREAS; i++) {
      steps.push(() => {
        if (found === null) found = this.#take((cpu + i) % AREAS, bytes);
      });
    }
    steps.push(() => {
      this.trace.returns(task(cpu), found);
      if (found === null) this.failed++;
      else {
        this.mapped++;
        this.#live.push(found);
      }
    });
  }

  #take(area: number, bytes: number): number | null {
    const found = this.#pool.search(this.#search, area, 0x265_8000, bytes, 0, DEVICE);
    if (found < 0) return null;
    this.#pool.take(found, bytes, 0, 0, 0x265_8000);
    return slot(found);
  }

  #release(cpu: number, steps: Step[]): void {
    const [address] = this.#live.splice(this.#random(this.#live.length), 1);
    this.trace.release(task(cpu), address!);
    steps.push(() => void this.#pool.release(address!));
    steps.push(() => void this.trace.other(task(cpu)));
  }

  #random(below: number): number {
    this.#seed = (this.#seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((this.#seed / 2_147_483_648) * below);
  }
}

test.each([
  [2, 60, 1],
  [4, 55, 2],
  [4, 70, 37],
  [8, 65, 34],
])('%d CPUs that map and release at random moments are explained', async (cpus, load, seed) => {
  const machine = new RandomMachine(cpus, load, seed);
  machine.run(4000);
  const { bounce } = await verify(machine.trace.save());
  expect(bounce).toMatchObject({ compared: machine.mapped, matched: machine.mapped, first: null });
  expect(bounce.failures).toEqual({ recorded: machine.failed, explained: machine.failed });
  expect(machine.failed).toBeGreaterThan(20);
  expect(bounceHolds(bounce)).toBe(true);
});
