// Text that a trace.dat file holds instead of pages (latency format), for the reader of its layout.

import type { EventBatch } from '../batch.ts';
import type { EventSink } from '../event-sink.ts';
import type { TraceFormat } from '../formats/format.ts';
import { ftraceText } from '../formats/ftrace.ts';
import { ftraceBare } from '../formats/ftrace-bare.ts';
import { ftraceFields } from '../formats/ftrace-fields.ts';
import { ftraceLatency } from '../formats/ftrace-latency.ts';
import { functionGraph } from '../formats/function-graph.ts';
import type { RandomAccess } from '../random-access.ts';
import type { TextWindow } from '../text-window.ts';
import { errorAt } from './byte-cursor.ts';
import { unpack } from './page-source.ts';
import type { TextData, TraceDatFile } from './trace-dat-file.ts';

const CHUNK = 256 * 1024;
const HEAD = 64 * 1024;
const MAX_CHUNK = 16 * 1024 * 1024;
const LAYOUTS: readonly TraceFormat[] = [ftraceLatency, ftraceFields, functionGraph, ftraceBare];

/** Reads all texts of a file. */
export async function* readTexts(
  file: RandomAccess,
  { texts, little }: TraceDatFile,
  window: TextWindow,
  sink: EventSink,
): AsyncGenerator<EventBatch, void, undefined> {
  for (const text of texts) {
    const format = formatOf(headOf(file, text, little));
    yield* format.read(readText(file, text, little), window, sink, {});
    sink.restart();
  }
}

/** The layout of a text of the kernel. */
function formatOf(head: Uint8Array): TraceFormat {
  const text = Buffer.from(head).toString('latin1');
  return LAYOUTS.find((format) => format.matches(head, text, {})) ?? ftraceText;
}

// The text from its start to its end or that of the file.
function* chunksOf(
  file: RandomAccess,
  { start, end, packing }: TextData,
  little: boolean,
): Generator<Uint8Array, void, undefined> {
  const stop = Math.min(end, file.size);
  if (packing === 'none') {
    const bytes = Buffer.alloc(CHUNK);
    for (let at = start; at < stop; at += CHUNK) {
      const wanted = bytes.subarray(0, Math.min(CHUNK, stop - at));
      yield wanted.subarray(0, file.into(wanted, at));
    }
    return;
  }
  const head = Buffer.alloc(8);
  const word = (at: number): number => (little ? head.readUInt32LE(at) : head.readUInt32BE(at));
  file.into(head.subarray(0, 4), start);
  let at = start + 4;
  for (let left = word(0); left > 0 && at + 8 <= stop; left--) {
    file.into(head, at);
    const packed = word(0);
    const size = word(4);
    const isSane = packed <= stop - at - 8 && size <= MAX_CHUNK;
    const bytes = Buffer.alloc(isSane ? packed : 0);
    file.into(bytes, at + 8);
    const text = isSane ? unpack(bytes, size, packing) : null;
    if (text === null) throw errorAt(file.source, at, 'BAD_BLOCK: text that cannot be unpacked');
    yield text;
    at += 8 + packed;
  }
}

/** The first bytes of the text, which tell its layout. */
function headOf(file: RandomAccess, text: TextData, little: boolean): Uint8Array {
  for (const chunk of chunksOf(file, text, little)) return Buffer.from(chunk.subarray(0, HEAD));
  return new Uint8Array(0);
}

/** All of the text. */
async function* readText(
  file: RandomAccess,
  text: TextData,
  little: boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunksOf(file, text, little);
}
