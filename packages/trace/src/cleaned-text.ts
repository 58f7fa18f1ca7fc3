// A text as the tracer wrote it, below what other programs made of it on the way.
//
// Undone: UTF-16 (an editor, a PowerShell redirect), colour codes (a pager, a terminal log), and a prefix on
// every line (dmesg, syslog, journald, grep -n). Each is told by the first bytes and reported once. Lines
// stay lines, so their numbers are those of the file.

import type { ByteSource } from './byte-source.ts';
import type { EventSink } from './event-sink.ts';
import { MAX_LINE } from './lines.ts';

type Chunks = AsyncIterable<Uint8Array>;

/** Share of the first lines that have to begin in the same way. */
const PREFIXED = 0.9;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of terminals begin with this one
const ESCAPES = /\x1b\[[0-9;?]*[ -/]*[@-~]/g;
const DMESG = String.raw`\[ {0,5}\d{1,10}\.\d{1,9}\](?:\[ {0,6}[TC]\d{1,10}\])? ?`;
const PREFIXES: readonly RegExp[] = [
  new RegExp(String.raw`^(?:<\d{1,3}>)?${DMESG}`),
  new RegExp(
    String.raw`^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S{1,64} [^\s:]{1,64}: (?:${DMESG})?`,
  ),
  new RegExp(String.raw`^\d{4}-\d\d-\d\d[T ]\S{8,24} \S{1,64} [^\s:]{1,64}: (?:${DMESG})?`),
  /^kernel: /,
  /^\d{1,10}[:-]/,
  /^[^\s:]{1,255}:\d{1,10}:/,
];

/** The text of `source` as UTF-8 and without colours; `source` itself where it is that. */
export async function cleanText(source: ByteSource): Promise<ByteSource> {
  const { head } = source;
  let clean = source;
  const encoding = encodingOf(head);
  if (encoding !== '') {
    const undo = (chunks: Chunks): Chunks => toUtf8(chunks, encoding);
    clean = await undone(clean, 'UTF16', 'UTF-16 text is read as UTF-8', undo);
  }
  if (clean.head.includes(0x1b) && latin1(clean.head).search(ESCAPES) >= 0) {
    const undo = (chunks: Chunks): Chunks => eachLine(chunks, (line) => line.replace(ESCAPES, ''));
    clean = await undone(clean, 'NOISE', 'colour codes of a terminal are left out', undo);
  }
  return clean;
}

/** The text without the prefix that nearly every line has; null where lines have none. */
export async function withoutPrefix(source: ByteSource): Promise<ByteSource | null> {
  const lines = latin1(source.head)
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.trim() !== '');
  const isOn = (prefix: RegExp): boolean =>
    lines.filter((line) => prefix.test(line)).length >= PREFIXED * lines.length;
  const prefix = lines.length === 0 ? undefined : PREFIXES.find(isOn);
  if (prefix === undefined) return null;
  const undo = (chunks: Chunks): Chunks => eachLine(chunks, (line) => line.replace(prefix, ''));
  return undone(source, 'PREFIX', 'what another program put before each line is left out', undo);
}

async function undone(
  source: ByteSource,
  code: string,
  message: string,
  undo: (chunks: Chunks) => Chunks,
): Promise<ByteSource> {
  const pieces: Uint8Array[] = [];
  for await (const piece of undo(one(source.head))) pieces.push(Uint8Array.from(piece));
  return {
    ...source,
    head: Buffer.concat(pieces),
    async *chunks(sink: EventSink) {
      sink.line = 1;
      sink.diagnose(code, message);
      sink.line = 0;
      yield* undo(source.chunks(sink));
    },
  };
}

async function* one(chunk: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield chunk;
}

function encodingOf(head: Uint8Array): string {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  return head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : '';
}

async function* toUtf8(
  chunks: Chunks,
  encoding: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    if (text !== '') yield Buffer.from(text);
  }
  const rest = decoder.decode();
  if (rest !== '') yield Buffer.from(rest);
}

/** The lines of `chunks` after `change`. A line that is too long to be read passes in pieces. */
async function* eachLine(
  chunks: Chunks,
  change: (line: string) => string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + latin1(chunk)).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield Buffer.from(`${lines.map(change).join('\n')}\n`, 'latin1');
    if (rest.length <= MAX_LINE) continue;
    yield Buffer.from(rest, 'latin1');
    rest = '';
  }
  if (rest !== '') yield Buffer.from(change(rest), 'latin1');
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
