// Reads a trace, from the cache where it was converted before, and converts it for the next one where it was not.
//
// What comes from the cache is the capture as it was read from the trace: the same facts, report and requests, and so the same
// bytes of every result. The key is made of all that they depend on: the bytes of the trace and of its meta.json, its name
// (findings have it), how it is read, and the reader itself.

import { statSync } from 'node:fs';
import { basename } from 'node:path';
import {
  type Capture,
  inFolderOf,
  type ReadOptions,
  readCapture,
  writeRequests,
} from '@dmalab/trace';
import { hashOfFile, hashOfMeta, hashOfText, hashOfTrace } from '../file-hashes.ts';
import { InputError } from '../input-error.ts';
import { progressDone } from '../output.ts';
import { readerVersion } from './reader-version.ts';
import type { TraceCache } from './trace-cache.ts';

/** SHA-256 of a trace and of its meta.json. */
export interface TraceHashes {
  readonly trace: string;
  readonly meta: string | null;
}

/** The hashes of a trace. */
export function traceHashes(path: string): TraceHashes {
  return { trace: hashOfTrace(path), meta: hashOfMeta(path) };
}

/** Reads a trace ("-" for standard input, which is never cached); `hashes` where they are known already. */
export async function readTrace(
  path: string,
  options: ReadOptions,
  cache: TraceCache | null,
  hashes: TraceHashes | null = null,
): Promise<Capture> {
  if (path === '-' || (cache === null && hashes === null)) return readCapture(path, options);
  const before = stamp(path);
  const known = hashes ?? traceHashes(path);
  const isFile = !statSync(path).isDirectory();
  const reading = { ...options, ...(isFile ? { sha256: known.trace } : {}) };
  if (cache === null) return unchanged(path, before, await readCapture(path, reading));
  const key = keyOf(path, known, options);
  const found = await fromCache(cache, key, path);
  if (found !== null) return found;
  const capture = unchanged(path, before, await readCapture(path, reading));
  const problem = cache.add(key, (file) => writeRequests(capture, file, 'parquet'));
  if (problem !== null) tellOnce(problem);
  return capture;
}

/** null where there is no entry, or one that cannot be read. */
async function fromCache(cache: TraceCache, key: string, path: string): Promise<Capture | null> {
  const file = cache.find(key);
  if (file === null) return null;
  try {
    const capture = await readCapture(file, { sha256: basename(file) });
    return { ...capture, report: { ...inFolderOf(capture.report, path), table: null } };
  } catch {
    cache.remove(file);
    return null;
  }
}

function keyOf(path: string, hashes: TraceHashes, options: ReadOptions): string {
  const { granule, maskBits, forcedac, kernel, cpus, hz, columns, ignoreProbes } = options;
  const { initialState } = options;
  const state = initialState === undefined ? null : hashOfFile(initialState);
  const reading = { granule, maskBits, forcedac, kernel, cpus, hz, columns, ignoreProbes, state };
  return hashOfText(JSON.stringify([readerVersion(), hashes, basename(path), reading]));
}

/** Size and time of the last change. */
function stamp(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return `${size} ${mtimeMs}`;
}

/** What was hashed must be what was read. */
function unchanged(path: string, before: string, capture: Capture): Capture {
  if (stamp(path) === before) return capture;
  capture.close();
  throw new InputError(path, 'the trace changed while it was read; copy it first');
}

let told = false;

function tellOnce(problem: string): void {
  if (told) return;
  told = true;
  progressDone();
  process.stderr.write(`dmalab: the cache takes no entry, and is done without: ${problem}\n`);
}
