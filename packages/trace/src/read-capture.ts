// Reads a whole trace once: events are paired as they come, requests go to a store that spills to disk.

import type { Capture, Diagnostic, ReadReport } from './capture.ts';
import { DurationLog } from './durations/duration-log.ts';
import { ProbeDurations } from './durations/probe-durations.ts';
import type { EventReader, ReadProgress } from './event-reader.ts';
import { collectFacts, type FactOptions, isTranslated } from './facts.ts';
import { requestFinisher } from './finish-requests.ts';
import { type LiveMapping, preloadMappings, readLiveMappings } from './initial-state.ts';
import { type Meta, readMeta } from './meta.ts';
import { closeAll } from './pairing/ending.ts';
import { pairEvents } from './pairing/pair-events.ts';
import { createPairing, type Pairing } from './pairing/state.ts';
import { type OpenOptions, openTrace } from './read-trace.ts';
import { RequestStore } from './request-store.ts';
import { SegmentStore } from './segment-store.ts';
import { TraceError } from './trace-error.ts';

/** ns that the line of an unmap may come late. */
const REORDER_WINDOW = 50_000;

/** How a capture is read. What is stated here wins over what the capture says. */
export interface ReadOptions extends OpenOptions, FactOptions {
  /** Read requests as if the probes of the IOVA and DMA layer had not been recorded. Default false. */
  readonly ignoreProbes?: boolean;
  /** Dump of dma-debug (debugfs: dma-api/dump) that was taken when the trace began. */
  readonly initialState?: string;
  /** Called after each batch of events, and after each block of a table. */
  readonly progress?: ReadProgress;
}

/** Reads a trace ("-" for standard input) and pairs it into requests. Close the capture when done. */
export async function readCapture(path: string, options: ReadOptions = {}): Promise<Capture> {
  const live =
    options.initialState === undefined ? [] : await readLiveMappings(options.initialState);
  const reader = await openTrace(path, options);
  const requests = (await reader.capture?.(options, options.progress)) ?? null;
  if (requests !== null) return asStored(path, requests, options);
  return pairCapture(reader, await readMeta(path, reader.counts.diagnostics), options, live);
}

// What pairing would do differently cannot be done to requests that are paired already.
function asStored(path: string, requests: Capture, options: ReadOptions): Capture {
  if (options.ignoreProbes !== true && options.initialState === undefined) return requests;
  requests.close();
  const problem = 'NO_EVENTS: expected events to pair, found a table of requests';
  throw new TraceError(path, null, `${problem}; read the original trace`);
}

/** Pairs the events of a reader into a capture; `live` are mappings from before its first event. */
export async function pairCapture(
  reader: EventReader,
  meta: Meta | null = null,
  options: ReadOptions = {},
  live: readonly LiveMapping[] = [],
): Promise<Capture> {
  const store = new RequestStore(reader.source);
  const preloaded = new RequestStore(reader.source, 2);
  const lists = new SegmentStore(reader.source);
  const p = createPairing(
    store,
    preloaded,
    lists,
    reader.names,
    reader.tokens,
    options.ignoreProbes ?? false,
  );
  p.unit = (options.granule ?? meta?.granule ?? 4096) / 4096;
  const durations = reader.durations ?? new DurationLog();
  const probes = new ProbeDurations(durations);
  let seen = reader;
  try {
    for await (const batch of reader.batches()) {
      p.reorderWindow = REORDER_WINDOW + reader.counts.resolution;
      pairEvents(p, batch);
      probes.accumulate(batch);
      options.progress?.(reader.counts.taken, reader.counts.size);
    }
    closeAll(p);
    p.lifetimes.finish();
    houseDevices(p, reader);
    if (live.length > 0) seen = { ...reader, devices: preloadMappings(p, reader.devices, live) };
  } catch (error) {
    store.close();
    preloaded.close();
    lists.close();
    throw error;
  }
  const facts = collectFacts(seen, p, meta, options);
  const finish = requestFinisher(p, facts, meta);
  return {
    facts,
    report: reportOf(reader, p, durations),
    tasks: reader.tasks,
    lists,
    openStart: () => preloaded.batches(finish),
    requests: () => store.batches(finish),
    close() {
      store.close();
      preloaded.close();
      lists.close();
    },
  };
}

// Every translated device has a domain, also one whose domain no event showed.
function houseDevices(p: Pairing, reader: EventReader): void {
  for (let device = 1; device < reader.devices.length; device++) {
    const known = p.devices[device];
    if (known === undefined || p.attribution.firstDomain[device] !== undefined) continue;
    if (isTranslated(known, p.tableEvents)) p.attribution.ofTranslated(device);
  }
}

function reportOf(reader: EventReader, p: Pairing, durations: DurationLog): ReadReport {
  const { counts } = reader;
  return {
    source: reader.source,
    format: reader.format,
    compression: reader.compression,
    bytes: counts.bytes,
    lines: counts.lines,
    sha256: counts.sha256,
    events: eventCounts(reader),
    lost: counts.lost,
    lostUnknown: counts.lostUnknown,
    lostByCpu: Object.fromEntries([...counts.lostByCpu].map(([cpu, lost]) => [String(cpu), lost])),
    unparsed: counts.unparsed,
    diagnostics: counts.diagnostics satisfies readonly Diagnostic[],
    firstTime: counts.firstTime,
    duration: Math.max(0, counts.lastTime - counts.firstTime),
    resolution: counts.resolution,
    requests: { ...p.counts },
    pairing: p.oddities.toRecord(),
    calls: durations.calls(),
    table: null,
  };
}

function eventCounts(reader: EventReader): Record<string, number> {
  const events: Record<string, number> = Object.create(null);
  reader.names.forEach((name, i) => {
    const count = reader.counts.byName[i] ?? 0;
    if (count > 0) events[name] = (events[name] ?? 0) + count;
  });
  return events;
}
