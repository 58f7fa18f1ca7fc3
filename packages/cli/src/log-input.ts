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
// A time of the kernel, or what syslog or journald put in front.
const LOG_LINE =
  /^(?:<\d+>)?\s*\[ *\+?\d+\.\d{6}\](?: |$)|^\w{3} +\d+ [\d:]{8} \S+ |^\S+T[\d:.,+-]+ \S+ kernel:|^kernel: /;

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
  if (plain === null || plain.includes(0)) return null;
  const text = plain.toString('utf8');
  const lines = text.split('\n', LOOKED_AT).filter((line) => line.trim() !== '');
  const fit = lines.filter((line) => LOG_LINE.test(line) || parseKernelLog(line).length > 0);
  const sure = fit.length > 0 && fit.length >= ENOUGH * lines.length;
  return sure || parseKernelLog(text).length > 0 ? { name, text, sure } : null;
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
