// One area of a pool of the model, with the calls that were done on it; the last ones can be taken back.

import { type BounceDevice, SLOT_BYTES, type SlotPool, type SlotSearch } from '@dmalab/replay';
import type { AreaStep, Release } from './bounce-calls.ts';

/** How the kernel searches, and for which devices. */
export interface AreaPort {
  device(index: number): BounceDevice;
  readonly search: SlotSearch;
}

/** A call that was done, and where the area searched next before it. */
interface Done {
  readonly step: AreaStep;
  /** null: the search itself. */
  readonly release: Release | null;
  readonly index: number;
}

/** See the head of the file. */
export class AreaModel {
  readonly #pool: SlotPool;
  readonly #area: number;
  readonly #port: AreaPort;
  readonly #done: Done[] = [];

  constructor(pool: SlotPool, area: number, port: AreaPort) {
    this.#pool = pool;
    this.#area = area;
    this.#port = port;
  }

  /** Calls that were done and not taken back. */
  get done(): number {
    return this.#done.length;
  }

  /** Slots in use. */
  get used(): number {
    return this.#pool.used[this.#area]!;
  }

  /** Slot of the area at which it searches next. */
  get index(): number {
    return this.#pool.index[this.#area]!;
  }

  /** First slot (of the pool) that a search would get now, below 0 if none. */
  find({ call }: AreaStep): number {
    const device = this.#port.device(call.device);
    const { orig, alignMask, request } = call;
    return this.#pool.search(this.#port.search, this.#area, orig, request.size, alignMask, device);
  }

  /** Slots from where the area searches next to `slot` of the pool. */
  ahead(slot: number): number {
    const { areaSlots } = this.#pool;
    return (slot - this.#area * areaSlots - this.index + areaSlots) % areaSlots;
  }

  /** Does a search: it gets the slots from `slot` on. */
  take(step: AreaStep, slot: number): void {
    this.#done.push({ step, release: null, index: this.index });
    this.#fill(step, slot);
    step.taken = slot;
  }

  /** Does a release; false where the model took no slots for it. */
  giveBack(release: Release): boolean {
    const step = takenBy(release);
    if (step === null) return false;
    this.#done.push({ step, release, index: this.index });
    this.#pool.release(this.#addressOf(step));
    return true;
  }

  /** Takes calls back until `done` are left. */
  backTo(done: number): void {
    while (this.#done.length > done) this.#undo(this.#done.pop()!);
  }

  #undo({ step, release, index }: Done): void {
    if (release === null) {
      this.#pool.release(this.#addressOf(step));
      step.taken = -1;
    } else this.#fill(step, step.taken);
    this.#pool.index[this.#area] = index;
  }

  #fill({ call }: AreaStep, slot: number): void {
    const { size, offset, pad } = call.request;
    this.#pool.take(slot, size, offset, pad, call.orig);
  }

  #addressOf({ call, taken }: AreaStep): number {
    const { offset, pad } = call.request;
    return this.#pool.start + (taken + pad) * SLOT_BYTES + offset;
  }
}

/** The search whose slots the release gives back; null where the model took none. */
export function takenBy({ call }: Release): AreaStep | null {
  const step = call?.steps.at(-1) ?? null;
  return step === null || step.taken < 0 ? null : step;
}
