// Levels of bounce memory and host over time, from the state that every row carries.

import type { OutcomeBatch } from '@dmalab/replay';
import { LevelCourse } from './level-course.ts';
import type { LevelSeries } from './series.ts';

/** The levels, in this order. */
export const MachineLevel = {
  bounceUsed: 0,
  bounceTotal: 1,
  hostEntries: 2,
  hostStale: 3,
  hostPinned: 4,
} as const;
export type MachineLevel = (typeof MachineLevel)[keyof typeof MachineLevel];
const LEVELS = 5;

/** What a series keeps of them; null where the machine has no such thing. */
export interface MachineSeries {
  /** Slots of 2 KiB in use, and in all pools. */
  readonly bounceUsedSlots: LevelSeries | null;
  readonly bounceTotalSlots: LevelSeries | null;
  /** Mapping entries that the host holds, and those of them that the guest has unmapped. */
  readonly hostEntries: LevelSeries | null;
  readonly hostStaleEntries: LevelSeries | null;
  /** Pages pinned by all guests of the budget. */
  readonly hostPinnedPages: LevelSeries | null;
}

/** See the head of the file. */
export class MachineLevels {
  readonly #course: LevelCourse | null;
  readonly #hasBounce: boolean;
  readonly #hasHost: boolean;

  constructor(hasBounce: boolean, hasHost: boolean) {
    this.#hasBounce = hasBounce;
    this.#hasHost = hasHost;
    this.#course = hasBounce || hasHost ? new LevelCourse(LEVELS) : null;
  }

  accumulate(batch: OutcomeBatch): void {
    const course = this.#course;
    if (course === null) return;
    const { length, time, bounceUsed, bounceTotal, hostEntries, hostStale, hostPinned } = batch;
    const { now } = course;
    for (let i = 0; i < length; i++) {
      course.advance(time[i]!);
      now[MachineLevel.bounceUsed] = bounceUsed[i]!;
      now[MachineLevel.bounceTotal] = bounceTotal[i]!;
      now[MachineLevel.hostEntries] = hostEntries[i]!;
      now[MachineLevel.hostStale] = hostStale[i]!;
      now[MachineLevel.hostPinned] = hostPinned[i]!;
      course.settle();
    }
  }

  finish(end: number): void {
    this.#course?.advance(end);
  }

  peak(level: MachineLevel): number {
    return this.#course?.peak[level] ?? 0;
  }

  atEnd(level: MachineLevel): number {
    return this.#course?.now[level] ?? 0;
  }

  /** Level x seconds. */
  seconds(level: MachineLevel): number {
    return (this.#course?.integral[level] ?? 0) / 1e9;
  }

  series(): MachineSeries {
    const course = this.#course;
    const of = (has: boolean, level: MachineLevel): LevelSeries | null =>
      course !== null && has ? course.series(level) : null;
    return {
      bounceUsedSlots: of(this.#hasBounce, MachineLevel.bounceUsed),
      bounceTotalSlots: of(this.#hasBounce, MachineLevel.bounceTotal),
      hostEntries: of(this.#hasHost, MachineLevel.hostEntries),
      hostStaleEntries: of(this.#hasHost, MachineLevel.hostStale),
      hostPinnedPages: of(this.#hasHost, MachineLevel.hostPinned),
    };
  }
}
