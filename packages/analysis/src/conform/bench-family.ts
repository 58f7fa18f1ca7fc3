// What the benchmark needs to know of a family of streams.

import type { Fields } from './scenario.ts';

/** A stream that is decoded and ready; nothing in here is timed. */
export interface BenchStream {
  readonly ops: number;
  /** A fresh model for one round. */
  prepare(kernel: string): BenchRound;
}

/** One round: `run` is what is timed. */
export interface BenchRound {
  run(): void;
  /** After `run`: the pfn (or bounce address) of each allocation in order, 0 for a failed one. */
  pfns(): Float64Array;
  /** After `run`: what native.json counts of the stream too, by the names it uses. */
  counts?(): Readonly<Record<string, number>>;
}

/** One file in this directory exports one of these; `bench.ts` lists them. */
export interface BenchFamily {
  /** As in native.json. */
  readonly name: string;
  /** Decodes the uncompressed bytes of `file`; `domain` is that of native.json, null where it has none. */
  read(file: string, bytes: Uint8Array, domain: Fields | null): BenchStream;
}
