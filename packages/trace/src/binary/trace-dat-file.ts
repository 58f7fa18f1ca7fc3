// What the front of a trace.dat file says: formats, names, options, and where the data of each CPU lies.

import type { Packing } from './page-source.ts';
import type { Recording } from './trace-dat-options.ts';
import type { FormatText } from './tracing-data.ts';

/** Data of one CPU: bytes `start` to `end` of the file, which may be beyond its end. */
export interface CpuData {
  readonly cpu: number;
  readonly start: number;
  readonly end: number;
}

/** The ring buffers of the top level or of one instance. */
export interface BufferData {
  /** Empty for the top level. */
  readonly name: string;
  /** Empty where it is not said. */
  readonly clock: string;
  /** Bytes of a page; 0 for that of the file. */
  readonly pageSize: number;
  readonly packing: Packing;
  readonly cpus: readonly CpuData[];
}

/** A part of the file that holds the kernel's text instead of pages. */
export interface TextData {
  readonly start: number;
  readonly end: number;
  readonly packing: Packing;
}

/** All of it. */
export interface TraceDatFile {
  readonly version: string;
  readonly little: boolean;
  readonly pageSize: number;
  readonly longSize: number;
  readonly headerPage: string;
  readonly formats: readonly FormatText[];
  readonly commandLines: string;
  /** Reads the symbols of the kernel; empty where there are none. */
  readonly kallsyms: () => string;
  readonly recording: Recording;
  readonly buffers: readonly BufferData[];
  readonly texts: readonly TextData[];
  /** Data of CPUs begins here at the earliest. */
  readonly headEnd: number;
}
