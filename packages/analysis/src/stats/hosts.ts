// What a guest asks of the host behind its page table, and what it is refused.

import {
  HostAnswer,
  type Machine,
  type OutcomeBatch,
  OutcomeKind,
  RefreshScope,
} from '@dmalab/replay';
import type { HostFigures } from '../figures/limits.ts';
import { MachineLevel, type MachineLevels } from './machine-levels.ts';

const SCOPES = 4;

/** Whether a machine has a host whose limits count. */
export function hasHost({ host, tlbRefresh }: Machine): boolean {
  return host.name !== 'unlimited' && tlbRefresh;
}

/** Counts of refreshes, refusals and cures. */
export class HostStats {
  readonly #refreshes = new Float64Array(SCOPES);
  #refused = 0;
  #recovered = 0;
  #blocked = 0;
  #failed = 0;
  #maps = 0;
  #givenUp = 0;
  #walked = 0;

  accumulate(batch: OutcomeBatch): void {
    const { length, kind } = batch;
    for (let i = 0; i < length; i++) {
      switch (kind[i]) {
        case OutcomeKind.hostRefresh:
          this.#refresh(batch, i);
          break;
        case OutcomeKind.hostReclaim:
          this.#recovered++;
          break;
        case OutcomeKind.map:
          this.#maps++;
          break;
      }
    }
  }

  figures(machine: Machine, levels: MachineLevels, end: number): HostFigures {
    const { entries, pages } = machine.host.parameters;
    const count = (scope: RefreshScope): number => this.#refreshes[scope]!;
    const refreshes = {
      map: count(RefreshScope.map),
      unmap: count(RefreshScope.unmap),
      global: count(RefreshScope.global),
      undo: count(RefreshScope.undo),
    };
    const total = this.#refreshes.reduce((sum, n) => sum + n, 0);
    const peak = levels.peak(MachineLevel.hostEntries);
    return {
      entryLimit: Number(entries) || null,
      pageLimit: Number(pages) || null,
      peakEntries: peak,
      peakStaleEntries: levels.peak(MachineLevel.hostStale),
      meanEntries: end > 0 ? levels.seconds(MachineLevel.hostEntries) / (end / 1e9) : null,
      peakPinnedPages: levels.peak(MachineLevel.hostPinned),
      sufficientEntries: peak + 1,
      refreshes,
      refreshesPerThousandMaps: this.#maps > 0 ? (1000 * total) / this.#maps : null,
      globallyFreed: this.#givenUp,
      globallyWalked: this.#walked,
      outOfResource: this.#refused,
      selfReclaim: this.#recovered,
      failed: this.#failed,
      crossGuestBlocked: this.#blocked,
    };
  }

  #refresh(batch: OutcomeBatch, i: number): void {
    const scope = batch.path[i]!;
    this.#refreshes[scope]!++;
    if (scope === RefreshScope.map && batch.stage[i] !== HostAnswer.ok) this.#refused++;
    if (scope === RefreshScope.global) {
      this.#givenUp += Math.max(0, -batch.value[i]!);
      // What it holds afterwards, and what it gave up: what it held before.
      this.#walked += batch.hostEntries[i]! - batch.value[i]!;
    }
    if (scope !== RefreshScope.undo) return;
    this.#failed++;
    if (batch.cause[i] === 1) this.#blocked++;
  }
}
