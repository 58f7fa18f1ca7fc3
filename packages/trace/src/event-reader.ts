// What a format reader offers: event batches, the tables they index, and what was counted on the way.

import type { EventBatch } from './batch.ts';
import type { Capture, Diagnostic } from './capture.ts';
import type { DurationLog } from './durations/duration-log.ts';
import type { FactOptions } from './facts.ts';

/** Counts that grow while the batches are read; complete after the last one. */
export interface EventCounts {
  /** Bytes of the input, as it lies on disk, that were taken so far, and of how many: 0 where that is not known (a pipe). */
  taken: number;
  size: number;
  /** Decompressed bytes and lines. */
  bytes: number;
  lines: number;
  /** Events by index into `names`. */
  readonly byName: number[];
  lost: number;
  lostUnknown: boolean;
  /** By CPU number, -1 = unknown CPU. */
  readonly lostByCpu: Map<number, number>;
  unparsed: number;
  readonly diagnostics: Diagnostic[];
  /** Printed ns of the first and the last event since the clock's zero (rounded beyond 2^53). */
  firstTime: number;
  lastTime: number;
  /** ns; 0 where the clock counts ticks, which stand for ns then. */
  resolution: number;
  /** CPU count of the header, 0 where it has none. */
  headerCpus: number;
  /** The highest CPU number of an event. */
  maxCpu: number;
  /** Kernel release and trace clock, where the file itself names them; else empty. */
  kernel: string;
  clock: string;
  /** SHA-256 of the file as it lies on disk, hex; set at the end. */
  sha256: string;
}

/** Hears while a trace is read how many of its bytes on disk were taken, and of how many: 0 where that is not known. */
export type ReadProgress = (taken: number, size: number) => void;

/** One pass over the events of a trace. */
export interface EventReader {
  /** Path, or "-" for standard input. */
  readonly source: string;
  readonly format: string;
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** Interned tables; they grow while reading. Index 0 is the empty string. */
  readonly names: readonly string[];
  readonly tasks: readonly string[];
  readonly devices: readonly string[];
  readonly tokens: readonly string[];
  readonly counts: EventCounts;
  /** Durations that the trace itself states (function_graph), complete after the last batch; absent where the format has none. */
  readonly durations?: DurationLog;
  /** The events in trace order. Each batch is valid until the next. May be called once. */
  batches(): AsyncGenerator<EventBatch, void, undefined>;
  /** Tables only: the capture where the table holds requests, null where it holds events. */
  capture?(options: FactOptions, progress?: ReadProgress): Promise<Capture | null>;
}
