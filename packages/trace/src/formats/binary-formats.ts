// The binary formats: how each is recognised, and its reader, which is loaded with the first file of it.

import type { BinaryFormat } from './format.ts';

const TRACE_DAT = '\x17\x08\x44tracing';
/** Both byte orders, and the format of perf before 3.0, which is refused by its reader. */
const PERF = ['PERFILE2', '2ELIFREP', 'PERFFILE'] as const;

/** What `trace-cmd record` and `extract` write. */
const traceDat: BinaryFormat = {
  name: 'trace.dat',
  matches: (head) => startOf(head) === TRACE_DAT,
  async *read(file, window, sink) {
    const { readTraceDat } = await import('../binary/trace-dat.ts');
    yield* readTraceDat(file, window, sink);
  },
};

/** What `perf record` writes. */
const perfData: BinaryFormat = {
  name: 'perf.data',
  matches: (head) => PERF.some((magic) => startOf(head).startsWith(magic)),
  async *read(file, window, sink) {
    const { readPerfData } = await import('./perf-data.ts');
    const { roomFor } = await import('./perf-data-pending.ts');
    yield* readPerfData(file, window, sink, roomFor(file.size));
  },
};

/** All of them; the first match wins. */
export const binaryFormats: readonly BinaryFormat[] = [traceDat, perfData];

function startOf(head: Uint8Array): string {
  return Buffer.from(head.subarray(0, TRACE_DAT.length)).toString('latin1');
}
