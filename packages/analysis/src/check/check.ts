// dmalab check: what the kernel's dma-debug would say, from a recorded trace.
//
// Follows kernel/dma/debug.c (Linux 6.12) where a trace can tell: leaks, double maps and unmaps, size
// and direction, syncs. Left out: what needs the memory behind an address (stack buffers, kernel text,
// cache lines that overlap), segments of a list after its first, and calls of two kinds of map.
//
// A finding is certain only if the trace proves it: no loss in between, no trace edge, no late line.
// Memory is bounded by the live mappings and the findings that are kept.

import { type Capture, Flag, Op, type ReadReport, type RequestBatch } from '@dmalab/trace';
import type { Finding } from './finding.ts';
import { type FindingCount, FindingLog } from './finding-log.ts';
import { LeakWatch } from './leaks.ts';
import { Mappings } from './mappings.ts';
import { onDoubleMap } from './maps.ts';
import { onSync } from './syncs.ts';
import { onUnmap, onUnmatched } from './unmaps.ts';

/** How a check is made. */
export interface CheckOptions {
  /** Findings kept of each code and confidence; all are counted. Default 100. */
  readonly limit?: number;
}

/** What a check found. */
export interface CheckResult {
  readonly schema: 'dmalab.check/1';
  readonly source: string;
  readonly sha256: string;
  readonly requests: number;
  /** Events known to be lost; null where their number is not known. */
  readonly lost: number | null;
  /** True where nothing certain or likely was found. */
  readonly passed: boolean;
  readonly counts: readonly FindingCount[];
  /** The surest first; at most `limit` of each code and confidence. */
  readonly findings: readonly Finding[];
}

/** What a check remembers between two rows. */
export interface CheckState {
  readonly capture: Capture;
  readonly log: FindingLog;
  readonly mappings: Mappings;
  readonly leaks: LeakWatch;
  /** ns of two printed times that may be in either order. */
  readonly window: number;
  /** Events were lost, and no row tells where. */
  readonly lostAnywhere: boolean;
  /** Events may have been lost without a sign of it. */
  readonly lossesHidden: boolean;
  /** By device: live scatter lists, of which only the first segment is known. */
  readonly lists: Uint32Array;
  /** Losses and requests so far. */
  losses: number;
  order: number;
}

/** ns that the line of an unmap may come late. */
const LATE = 50_000;

/** Checks the requests of a capture. */
export function checkCapture(capture: Capture, { limit = 100 }: CheckOptions = {}): CheckResult {
  const { report } = capture;
  const s = createState(capture, limit);
  for (const batch of capture.requests()) {
    for (let i = 0; i < batch.length; i++) checkRow(s, batch, i);
  }
  s.leaks.finish(s);
  const counts = s.log.counts();
  return {
    schema: 'dmalab.check/1',
    source: report.source,
    sha256: report.sha256,
    requests: s.order,
    lost: isLossy(report) && (report.lostUnknown || report.lost === 0) ? null : report.lost,
    passed: counts.every(({ certain, likely }) => certain + likely === 0),
    counts,
    findings: s.log.findings(),
  };
}

function createState(capture: Capture, limit: number): CheckState {
  const { report, facts } = capture;
  const { map, unmap, alloc, free, sync } = report.requests;
  return {
    capture,
    log: new FindingLog(capture, limit),
    mappings: new Mappings(),
    leaks: new LeakWatch(facts.devices.length, map + unmap + alloc + free + sync),
    window: LATE + report.resolution,
    lostAnywhere: isLossy(report) && !hasLossRows(capture),
    lossesHidden: hidesLosses(report),
    lists: new Uint32Array(facts.devices.length),
    losses: 0,
    order: 0,
  };
}

// What the recorder's statistics tell may not be in the trace at all.
function isLossy({ lost, lostUnknown, diagnostics }: ReadReport): boolean {
  return lost > 0 || lostUnknown || diagnostics.some(({ code }) => code === 'LOST_WHILE_RECORDING');
}

// perf script shows losses only when it is asked to, and then only where there were some.
function hidesLosses({ format, lost, lostUnknown }: ReadReport): boolean {
  return format === 'perf script' && lost === 0 && !lostUnknown;
}

function hasLossRows(capture: Capture): boolean {
  for (const { length, op } of capture.requests()) {
    for (let i = 0; i < length; i++) if (op[i] === Op.loss) return true;
  }
  return false;
}

function checkRow(s: CheckState, b: RequestBatch, i: number): void {
  switch (b.op[i]) {
    case Op.none:
      if ((b.flags[i]! & Flag.unmatched) !== 0) onUnmatched(s, b, i);
      else if ((b.flags[i]! & Flag.deviceRemoved) !== 0) s.leaks.onRemoval(s, b, i);
      return;
    case Op.loss:
      s.losses++;
      return;
    case Op.domainDestroy:
      s.leaks.onDestroy(s, b, i);
      return;
    case Op.map:
    case Op.alloc:
      s.order++;
      if ((b.flags[i]! & Flag.failed) === 0) onMap(s, b, i);
      return;
    case Op.unmap:
    case Op.free:
      s.order++;
      onUnmap(s, b, i);
      return;
    case Op.sync:
      s.order++;
      onSync(s, b, i);
      return;
  }
}

function onMap(s: CheckState, b: RequestBatch, i: number): void {
  onDoubleMap(s, b, i, s.mappings.add(b, i, s.losses, s.order));
  if (b.segments[i]! > 1) s.lists[b.device[i]!] = s.lists[b.device[i]!]! + 1;
  s.leaks.onMap(s, b, i);
}
