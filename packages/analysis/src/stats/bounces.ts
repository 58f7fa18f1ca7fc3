// Bounce memory: slots, searches, copies, pools that come and go.

import { BounceEvent, FailStage, type OutcomeBatch, OutcomeKind } from '@dmalab/replay';
import type { BounceFigures, FreeRunFigures } from '../figures/limits.ts';
import { LogHistogram } from '../structures/log-histogram.ts';
import { distributionFigures } from './distribution.ts';
import { MachineLevel, type MachineLevels } from './machine-levels.ts';
import { share } from './share.ts';

const SLOT = 2048;
const EVENTS = 16;

/** Counts of buffers, bytes and events. */
export class BounceStats {
  readonly #probes = new LogHistogram();
  readonly #events = new Float64Array(EVENTS);
  #areas = 0;
  #slots = 0;
  #bytes = 0;
  #fromTransient = 0;
  #copiedIn = 0;
  #copiedOut = 0;
  #synced = 0;
  #converted = 0;
  #asked = 0;
  #failed = 0;
  #poolSlots = 0;
  #transientSlots = 0;
  #firstPoolAt: number | null = null;
  #liveTransientSlots = 0;
  #peakTransientSlots = 0;
  #pools = 1;
  #peakPools = 1;

  accumulate(batch: OutcomeBatch): void {
    const { length, kind, bytes } = batch;
    for (let i = 0; i < length; i++) {
      switch (kind[i]) {
        case OutcomeKind.map:
          this.#asked += bytes[i]!;
          break;
        case OutcomeKind.direct:
          if (batch.value[i] === 1) this.#asked += bytes[i]!;
          break;
        case OutcomeKind.bounceMap:
          this.#map(batch, i);
          break;
        case OutcomeKind.bounceUnmap:
          this.#copiedOut += bytes[i]!;
          break;
        case OutcomeKind.bounceSync:
          this.#synced += bytes[i]!;
          break;
        case OutcomeKind.convert:
          this.#converted += bytes[i]!;
          break;
        case OutcomeKind.bounceEvent:
          this.#event(batch, i);
          break;
        case OutcomeKind.mapFail:
          if (batch.stage[i] === FailStage.swiotlb || batch.stage[i] === FailStage.dmaCapable)
            this.#failed++;
      }
    }
  }

  /** `encrypted`: the guest shares the memory of new pools with its host. */
  figures(
    levels: MachineLevels,
    encrypted: boolean,
    freeRuns: FreeRunFigures | null,
  ): BounceFigures {
    const buffers = this.#probes.count;
    const copied = this.#copiedIn + this.#copiedOut + this.#synced;
    const total = levels.seconds(MachineLevel.bounceTotal);
    const used = levels.seconds(MachineLevel.bounceUsed);
    const transients = this.#events[BounceEvent.transientAdd]!;
    const fromAtomic = encrypted ? transients : 0;
    return {
      buffers,
      failed: this.#failed,
      hiwaterSlots: levels.peak(MachineLevel.bounceUsed),
      hiwaterBytes: levels.peak(MachineLevel.bounceUsed) * SLOT,
      endSlots: levels.atEnd(MachineLevel.bounceUsed),
      totalSlots: levels.peak(MachineLevel.bounceTotal),
      endTotalSlots: levels.atEnd(MachineLevel.bounceTotal),
      hiwaterShare: share(
        levels.peak(MachineLevel.bounceUsed),
        levels.peak(MachineLevel.bounceTotal),
      ),
      idleByteSeconds: (total - used) * SLOT,
      probes: distributionFigures(this.#probes, 'slots'),
      areasPerBuffer: share(this.#areas, buffers),
      waste: this.#slots > 0 ? 1 - this.#bytes / (this.#slots * SLOT) : null,
      copiedInBytes: this.#copiedIn,
      copiedOutBytes: this.#copiedOut,
      syncedBytes: this.#synced,
      copiedPerByte: share(copied, this.#asked),
      convertedBytes: this.#converted,
      backgroundConvertedBytes: encrypted ? this.#poolSlots * SLOT : 0,
      poolsAdded: this.#events[BounceEvent.poolAdd]!,
      poolsFreed: this.#events[BounceEvent.poolFree]!,
      poolsRefused: this.#events[BounceEvent.poolFail]!,
      addedSlots: this.#poolSlots,
      firstPoolAt: this.#firstPoolAt,
      transients,
      transientBytes: this.#transientSlots * SLOT,
      peakTransientBytes: this.#peakTransientSlots * SLOT,
      atomicPoolTransients: fromAtomic,
      atomicPoolShare: share(fromAtomic, transients),
      peakPools: this.#peakPools,
      transientBuffers: this.#fromTransient,
      transientsRefused: this.#events[BounceEvent.transientFail]!,
      transientsUseless: this.#events[BounceEvent.transientUseless]!,
      atomicPoolExpansions: this.#events[BounceEvent.atomicExpand]!,
      atomicPoolExhausted: this.#events[BounceEvent.atomicExhausted]!,
      freeRuns,
    };
  }

  #map(batch: OutcomeBatch, i: number): void {
    this.#probes.add(batch.steps[i]!);
    this.#areas += batch.value[i]!;
    this.#slots += batch.pages[i]!;
    this.#bytes += batch.bytes[i]!;
    this.#copiedIn += batch.bytes[i]!;
    if (batch.path[i] === 3) this.#fromTransient++;
  }

  #event(batch: OutcomeBatch, i: number): void {
    const event = batch.path[i]!;
    this.#events[event]!++;
    const slots = batch.pages[i]!;
    switch (event) {
      case BounceEvent.transientAdd:
        this.#transientSlots += slots;
        this.#liveTransientSlots += slots;
        this.#peakTransientSlots = Math.max(this.#peakTransientSlots, this.#liveTransientSlots);
        break;
      case BounceEvent.transientDel:
        this.#liveTransientSlots -= slots;
        break;
      case BounceEvent.poolAdd:
        this.#poolSlots += slots;
        this.#firstPoolAt ??= batch.time[i]!;
        this.#peakPools = Math.max(this.#peakPools, ++this.#pools);
        break;
      case BounceEvent.poolFree:
        this.#pools--;
    }
  }
}
