// What `explain` is given: a kernel log or a trace, told by content; a pasted line; or standard input.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { parseKernelLog } from '@dmalab/trace';
import { InputError } from './input-error.ts';

/** Larger files are no logs that one explains. */
const MOST_BYTES = 256 * 2 ** 20;
/** Lines that are looked at to tell a log, and the share of them that has to look like one. */
const LOOKED_AT = 200;
const ENOUGH = 0.5;
// A time of the kernel or of dmesg -T, or what syslog or journald put in front; "driver device: "; quoted, coloured.
const LOG_LINE = new RegExp(
  `^(?:${String.fromCharCode(27)}\\[[\\d;]*m|[>|]|&gt;|\\s)*(?:<\\d+>|kern *: *\\w+ *: ?)?` +
    '(?:\\s*\\[ *\\+?\\d+\\.\\d{6}\\]' +
    '|\\[[^\\][]{0,12}\\w{3} +\\d+ \\d\\d:\\d\\d(?::\\d\\d \\d{4})?\\]' +
    '|[^\\s:[\\]]{2,7} +\\d{1,2} [\\d:]{8} \\S+ ' +
    '|\\d{4}-\\d\\d-\\d\\d[T ][\\d:.,+Z-]+ (?:\\S+ )?kernel:' +
    '|\\[\\d{4}-\\d\\d-\\d\\d[T ][\\d:.,]+\\] ' +
    '|qemu[\\w-]*: |[A-Za-z][\\w-]+ [\\w.@-]*\\d[\\w:.@-]*: ' +
    '|kernel: )',
);
// Events as ftrace, trace-cmd and perf print them.
const TRACE_LINE = /^# tracer: |^.{1,40} \[\d{3,}\] .{0,12}\d+\.\d{6,9}: +\S+:/;

/** How files of trace-cmd and of perf begin. */
const BINARY = Buffer.from([0x17, 0x08, 0x44]);
const PERF = 'PERFILE2';

/** A text that may be a kernel log. */
export interface LogText {
  readonly name: string;
  readonly text: string;
  /** True: it looks like one all over. False: it has lines of one, and may be a trace. */
  readonly sure: boolean;
}

/** The log that `word` names or is; null where it can only be a trace. */
export function logInput(word: string): LogText | null {
  if (!existsSync(word)) {
    if (parseKernelLog(word).length > 0) return { name: 'argument', text: word, sure: true };
    throw new InputError(word, 'no such file, and not a line of a kernel log');
  }
  const stat = statSync(word);
  if (!stat.isFile() || stat.size > MOST_BYTES) return null;
  return logOf(word, readFileSync(word));
}

/** All of standard input. */
export function standardInput(): Buffer {
  try {
    return readFileSync(0);
  } catch (error) {
    throw new InputError('-', `cannot read: ${(error as Error).message}`);
  }
}

/** The log that these bytes are, plain, gzip or zstd; null where they are none. */
export function logOf(name: string, bytes: Buffer): LogText | null {
  const plain = unpacked(bytes);
  const text = plain === null ? null : textOf(plain);
  if (text === null) return null;
  const lines = text.split('\n', LOOKED_AT).filter((line) => line.trim() !== '');
  if (lines.some((line) => TRACE_LINE.test(line))) return null;
  const fit = lines.filter((line) => LOG_LINE.test(line) || parseKernelLog(line).length > 0);
  const sure = fit.length > 0 && fit.length >= ENOUGH * lines.length;
  return sure || parseKernelLog(text).length > 0 ? { name, text, sure } : null;
}

/** Null for what is no text: a file of perf or of trace-cmd. A journal may have zeros where a machine died. */
function textOf(plain: Buffer): string | null {
  if (plain[0] === 0xff && plain[1] === 0xfe) return plain.toString('utf16le').slice(1);
  if (plain.subarray(0, BINARY.length).equals(BINARY)) return null;
  if (plain.subarray(0, PERF.length).toString() === PERF) return null;
  const text = plain.toString('utf8');
  return plain.includes(0) ? text.replaceAll('\0', '') : text;
}

function unpacked(bytes: Buffer): Buffer | null {
  const limit = { maxOutputLength: MOST_BYTES };
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes, limit);
    if (bytes.length > 4 && bytes.readUInt32LE(0) === 0xfd2fb528)
      return zstdDecompressSync(bytes, limit);
  } catch {
    return null;
  }
  return bytes;
}
