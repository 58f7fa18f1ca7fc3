// Mappings that a dump of dma-debug shows to be live when the trace begins.
//
// The dump has no time. What the trace itself unmaps without a map is known already. An entry whose address the
// trace maps first was made after the trace began, and is dropped; all others are live from before the first
// event to after the last one.

import { DomainClass, EventKind, Flag, Op, type RequestBatch } from './batch.ts';
import type { EventReader } from './event-reader.ts';
import { DMA_DEBUG } from './formats/dma-debug.ts';
import { pageOf } from './pairing/address.ts';
import { writeDraft } from './pairing/rows.ts';
import { evidence, type Pairing } from './pairing/state.ts';
import { openTrace } from './read-trace.ts';
import { BLOCK_MASK } from './request-store.ts';
import { TraceError } from './trace-error.ts';

/** One mapping of a dump. */
export interface LiveMapping {
  readonly device: string;
  readonly addressLow: number;
  readonly addressHigh: number;
  readonly physLow: number;
  readonly physHigh: number;
  /** Bytes. */
  readonly size: number;
  readonly direction: number;
  readonly line: number;
}

/** Reads a dump of dma-debug; an empty one says nothing. */
export async function readLiveMappings(path: string): Promise<LiveMapping[]> {
  let reader: EventReader;
  try {
    reader = await openTrace(path);
  } catch (error) {
    // dma-debug that ran out of memory switches itself off and shows an empty file.
    if (error instanceof TraceError && error.message.includes(': NO_EVENTS: ')) return [];
    throw error;
  }
  if (reader.format !== DMA_DEBUG) {
    throw new TraceError(
      path,
      null,
      `UNKNOWN_FORMAT: expected a ${DMA_DEBUG}, found ${reader.format}`,
    );
  }
  const live: LiveMapping[] = [];
  for await (const b of reader.batches()) {
    for (let i = 0; i < b.length; i++) {
      if (b.kind[i] !== EventKind.dmaMap) continue;
      live.push({
        device: reader.devices[b.device[i]!]!,
        addressLow: b.addressLow[i]!,
        addressHigh: b.addressHigh[i]!,
        physLow: b.physLow[i]!,
        physHigh: b.physHigh[i]!,
        size: b.size[i]!,
        direction: b.direction[i]!,
        line: b.line[i]!,
      });
    }
  }
  return live;
}

/** Adds the mappings that were live before the trace to the preloaded ones; returns the devices, with new ones at the end. */
export function preloadMappings(
  p: Pairing,
  devices: readonly string[],
  live: readonly LiveMapping[],
): readonly string[] {
  const names = [...devices];
  const seen = new Seen(live, names);
  for (const batch of p.preloaded.batches(() => {})) seen.take(batch, true);
  for (const batch of p.store.batches(() => {})) seen.take(batch, false);
  live.forEach((mapping, i) => {
    if (seen.known[i] === 0) preload(p, mapping, deviceOf(names, mapping.device));
  });
  return names;
}

function deviceOf(names: string[], name: string): number {
  const known = names.indexOf(name);
  return known >= 0 ? known : names.push(name) - 1;
}

function preload(p: Pairing, mapping: LiveMapping, device: number): void {
  const { addressLow, addressHigh, physLow, physHigh } = mapping;
  const isTranslated = addressLow !== physLow || addressHigh !== physHigh;
  const d = p.draft;
  d.row = p.preloaded.reserve();
  d.op = Op.map;
  d.device = device;
  d.domain = isTranslated ? p.attribution.ofTranslated(device) : 0;
  d.domainClass = DomainClass.B;
  d.size = mapping.size;
  d.addressLow = addressLow;
  d.addressHigh = addressHigh;
  d.physLow = physLow;
  d.physHigh = physHigh;
  d.direction = mapping.direction;
  d.limit = 0;
  d.segments = 1;
  d.flags = Flag.openStart | Flag.openEnd | (isTranslated ? 0 : Flag.direct);
  d.line = mapping.line;
  writeDraft(p.preloaded, d, ++p.nextId);
  p.preloaded.block(d.row).tid[d.row & BLOCK_MASK] = -1;
  const known = evidence(p, device);
  if (isTranslated) known.translated++;
  else known.untranslated++;
  p.counts.openStart++;
  p.counts.openEnd++;
}

/** Which entries of a dump the trace tells of, found by the page of their address. */
class Seen {
  /** By entry: 1 where the trace has the mapping, or made it later. */
  readonly known: Uint8Array;
  private readonly live: readonly LiveMapping[];
  private readonly names: readonly string[];
  private readonly byPage = new Map<number, number[]>();

  constructor(live: readonly LiveMapping[], names: readonly string[]) {
    this.known = new Uint8Array(live.length);
    this.live = live;
    this.names = names;
    live.forEach(({ addressLow, addressHigh }, i) => {
      const page = pageOf(addressLow, addressHigh);
      const same = this.byPage.get(page);
      if (same === undefined) this.byPage.set(page, [i]);
      else same.push(i);
    });
  }

  /** Takes the mappings of a batch: those from before the trace with all elements of a list, others by their address. */
  take(batch: RequestBatch, isWhole: boolean): void {
    for (let i = 0; i < batch.length; i++) {
      if (batch.op[i] !== Op.map && batch.op[i] !== Op.alloc) continue;
      if ((batch.flags[i]! & Flag.failed) !== 0) continue;
      const first = pageOf(batch.addressLow[i]!, batch.addressHigh[i]!);
      const pages = isWhole
        ? Math.ceil((batch.size[i]! + (batch.addressLow[i]! % 4096)) / 4096)
        : 1;
      for (let page = first; page < first + Math.max(1, pages); page++) {
        for (const entry of this.byPage.get(page) ?? []) this.match(entry, batch, i, isWhole);
      }
    }
  }

  private match(entry: number, batch: RequestBatch, i: number, isWhole: boolean): void {
    const { device, addressLow, addressHigh } = this.live[entry]!;
    const isSame = addressLow === batch.addressLow[i] && addressHigh === batch.addressHigh[i];
    const name = this.names[batch.device[i]!];
    if ((isSame || isWhole) && (name === '' || name === device)) this.known[entry] = 1;
  }
}
