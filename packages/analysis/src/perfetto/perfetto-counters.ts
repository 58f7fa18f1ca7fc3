// Levels of a replay as the counters of a Perfetto trace (docs/results.md), exact at every change.
//
// Times are those of the recorded clock, so the file opens next to the original trace. Changes at one moment in one domain
// are one value. Memory does not grow with the replay: each batch gives its bytes.

import { createHash } from 'node:crypto';
import { type OutcomeBatch, OutcomeKind, SLOT_BYTES } from '@dmalab/replay';
import type { Type, Writer } from 'protobufjs/light.js';
import type { RunContext } from '../stats/outcome-stats.ts';
import { domainSpaces } from '../stats/space.ts';
import {
  type CounterKind,
  DOMAIN_COUNTERS,
  domainTitles,
  machineCounters,
} from './counter-tracks.ts';
import { perfettoClock, STATE_CLEARED, TYPE_COUNTER, traceMessage } from './messages.ts';

const PER_DOMAIN = DOMAIN_COUNTERS.length;
const PER_MACHINE = 6;
const FLUSHES = 6;
const INVALIDATIONS = 7;

/** Makes the writer of the counters of one replay, called `label` in the viewer. */
export async function perfettoCounters(
  context: RunContext,
  label: string,
): Promise<PerfettoCounters> {
  return new PerfettoCounters(context, label, await traceMessage());
}

/** See the head of the file. Get one from {@link perfettoCounters}. */
export class PerfettoCounters {
  readonly #trace: Type;
  readonly #writer: Writer;
  readonly #granules: readonly number[];
  readonly #titles: readonly string[];
  readonly #machineKinds: readonly (CounterKind | null)[];
  readonly #clock: number;
  readonly #origin: number;
  /** Track of the run; those of counters follow. */
  readonly #root: number;
  /** Values by track: the machine's, then those of each domain. */
  readonly #now: Float64Array;
  readonly #written: Float64Array;
  readonly #announced: Uint8Array;
  #time = 0;
  #domain = -1;
  // One packet for all values.
  readonly #event: { type: number; trackUuid: number; counterValue: number };
  readonly #packet: { timestamp: number; trustedPacketSequenceId: number; [key: string]: unknown };

  constructor(context: RunContext, label: string, trace: Type) {
    const { machine, facts, report } = context;
    this.#trace = trace;
    this.#writer = trace.encode({});
    this.#granules = domainSpaces(machine, facts).map(({ granule }) => granule);
    this.#titles = domainTitles(context);
    this.#machineKinds = machineCounters(context);
    this.#clock = perfettoClock(facts.clock?.value);
    this.#origin = report.firstTime;
    const values = PER_MACHINE + this.#granules.length * PER_DOMAIN;
    this.#now = new Float64Array(values);
    this.#written = new Float64Array(values).fill(-1);
    this.#announced = new Uint8Array(this.#granules.length);
    const hash = createHash('sha256').update(`${report.sha256} ${label}`).digest();
    this.#root = hash.readUIntBE(0, 5) * 4096 + 1;
    this.#event = { type: TYPE_COUNTER, trackUuid: 0, counterValue: 0 };
    this.#packet = {
      timestamp: 0,
      trustedPacketSequenceId: hash.readUInt32BE(8) || 1,
      ...(this.#clock > 0 ? { timestampClockId: this.#clock } : {}),
      trackEvent: this.#event,
    };
    this.#begin(label);
  }

  /** Takes one batch, which may be refilled afterwards, and gives the bytes to append to the file. */
  bytesOf(batch: OutcomeBatch): Uint8Array {
    const { length, time, domain } = batch;
    for (let i = 0; i < length; i++) {
      if (time[i]! !== this.#time || domain[i]! !== this.#domain) {
        this.#settle();
        this.#time = time[i]!;
        this.#domain = domain[i]!;
      }
      this.#take(batch, i);
    }
    return this.#takeBytes();
  }

  /** The last bytes of the file. */
  finish(): Uint8Array {
    this.#settle();
    return this.#takeBytes();
  }

  #take(batch: OutcomeBatch, i: number): void {
    const now = this.#now;
    const kind = batch.kind[i]!;
    if (kind === OutcomeKind.mapFail) now[0]!++;
    now[1] = batch.bounceUsed[i]! * SLOT_BYTES;
    now[2] = batch.bounceTotal[i]! * SLOT_BYTES;
    now[3] = batch.hostEntries[i]!;
    now[4] = batch.hostStale[i]!;
    now[5] = batch.hostPinned[i]!;
    const domain = batch.domain[i]!;
    // Domain 0 is none: such a row says nothing about a domain.
    if (domain === 0 || domain >= this.#granules.length) return;
    const at = PER_MACHINE + domain * PER_DOMAIN;
    const granule = this.#granules[domain]!;
    const lives = kind !== OutcomeKind.domainDestroy;
    now[at] = lives ? batch.livePages[i]! * granule : 0;
    now[at + 1] = lives ? batch.queuedPages[i]! * granule : 0;
    now[at + 2] = lives ? batch.cachedPages[i]! * granule : 0;
    now[at + 3] = lives ? batch.low32Pages[i]! * granule : 0;
    now[at + 4] = lives ? batch.liveMappings[i]! : 0;
    now[at + 5] = lives ? batch.queuedEntries[i]! : 0;
    if (kind === OutcomeKind.flush) now[at + FLUSHES]!++;
    if (kind === OutcomeKind.sync) now[at + INVALIDATIONS]!++;
  }

  /** Writes what has changed up to the moment reached. */
  #settle(): void {
    if (this.#domain < 0) return;
    this.#packet.timestamp = Math.round(this.#origin + this.#time);
    this.#machineKinds.forEach((kind, i) => {
      if (kind !== null) this.#value(i);
    });
    const domain = this.#domain;
    if (domain === 0 || domain >= this.#granules.length) return;
    if (this.#announced[domain] === 0) this.#announce(domain);
    const at = PER_MACHINE + domain * PER_DOMAIN;
    for (let i = at; i < at + PER_DOMAIN; i++) this.#value(i);
  }

  #value(index: number): void {
    const value = this.#now[index]!;
    if (value === this.#written[index]) return;
    this.#written[index] = value;
    this.#event.trackUuid = this.#uuid(index);
    this.#event.counterValue = value;
    this.#write(this.#packet);
  }

  #begin(label: string): void {
    const { trustedPacketSequenceId } = this.#packet;
    const name = `dmalab: ${label}`;
    const timestamp = Math.round(this.#origin);
    this.#write({
      trustedPacketSequenceId,
      sequenceFlags: STATE_CLEARED,
      trackDescriptor: { uuid: this.#root, name },
    });
    if (this.#clock > 0) {
      const clocks = [{ clockId: this.#clock, timestamp }];
      const clockSnapshot = { clocks, primaryTraceClock: this.#clock };
      this.#write({ trustedPacketSequenceId, clockSnapshot });
    }
    this.#machineKinds.forEach((kind, i) => {
      if (kind !== null) this.#describe(kind, i, this.#root);
    });
  }

  #announce(domain: number): void {
    this.#announced[domain] = 1;
    const { trustedPacketSequenceId } = this.#packet;
    const first = PER_MACHINE + domain * PER_DOMAIN;
    const uuid = this.#uuid(this.#now.length + domain);
    const trackDescriptor = { uuid, parentUuid: this.#root, name: this.#titles[domain] ?? '' };
    this.#write({ trustedPacketSequenceId, trackDescriptor });
    DOMAIN_COUNTERS.forEach((kind, i) => {
      this.#describe(kind, first + i, uuid);
    });
  }

  #describe({ name, unit, unitName }: CounterKind, index: number, parentUuid: number): void {
    const { trustedPacketSequenceId } = this.#packet;
    const counter = { unit, ...(unitName === undefined ? {} : { unitName }) };
    const trackDescriptor = { uuid: this.#uuid(index), parentUuid, name, counter };
    this.#write({ trustedPacketSequenceId, trackDescriptor });
  }

  #uuid(index: number): number {
    return this.#root + 1 + index;
  }

  #write(packet: object): void {
    this.#trace.encode({ packet: [packet] }, this.#writer);
  }

  #takeBytes(): Uint8Array {
    const bytes = this.#writer.finish();
    this.#writer.reset();
    return bytes;
  }
}
