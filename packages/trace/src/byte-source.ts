// The bytes of an input: a file or standard input, gzip and zstd unwrapped, hashed as they lie on disk.
//
// The wrapping is told by content, not by name; several gzip members or zstd frames are one text.
// A wrapping that breaks off or is damaged gives what could be decoded, with a diagnostic. A chunk is
// valid until the next one is asked for.

import { createHash, type Hash } from 'node:crypto';
import { close, createReadStream, fstat, open, read, readSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import type { EventSink } from './event-sink.ts';
import { type FileHash, hashFile } from './file-hash.ts';
import { fileAccess, memoryAccess, type RandomAccess, spooled } from './random-access.ts';
import { TraceError } from './trace-error.ts';
import { type Damage, type Unwrapping, unwrap } from './unwrap.ts';

/** How much of an input is looked at to tell its format. */
const HEAD = 64 * 1024;

/** Files above this size are hashed on a thread of their own. */
const LARGE = 16 * 1024 * 1024;

/** How far a file was read. */
interface Taking {
  taken: number;
  grew: boolean;
}

// Bare descriptors: a FileHandle that is never read to its end would end the process.
const openFd = promisify(open);
const readFd = promisify(read);
const statFd = promisify(fstat);
const closeFd = promisify(close);

type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

/** An input whose first bytes are known and whose chunks can be read once. */
export interface ByteSource {
  readonly compression: 'none' | Unwrapping;
  /** The first bytes, unwrapped: 64 KiB where there are so many. */
  readonly head: Uint8Array;
  /** What was wrong with the wrapping so far. */
  readonly damage: Damage;
  /** All bytes from the first on, unwrapped. Byte count, hash and damage go to `sink`. */
  chunks(sink: EventSink): Chunks;
  /** The same bytes for positioned reads, instead of `chunks`: unwrapped inputs and pipes are copied first. */
  randomAccess(sink: EventSink): Promise<RandomAccess>;
  /** Completes the hash after positioned reads. */
  finish(sink: EventSink): Promise<void>;
  /** Gives the file back. */
  close(): Promise<void>;
}

/**
 * Opens a path, or standard input for "-", in pieces of `chunkSize` bytes; `known` is its SHA-256 where it need not be computed,
 * and `mayAside` allows a thread for it.
 */
export async function openBytes(
  path: string,
  chunkSize: number,
  known = '',
  mayAside = true,
): Promise<ByteSource> {
  const file = path === '-' ? null : await openFile(path);
  const taking: Taking = { taken: 0, grew: false };
  const raw = file === null ? standardInput(chunkSize) : fileChunks(file, path, chunkSize, taking);
  const wrapped = await peek(raw, 4);
  const compression = compressionOf(wrapped.head);
  const onDisk = file === null ? 0 : (await statFd(file)).size;
  const size = compression === 'none' ? onDisk : 0;
  const hash = createHash('sha256');
  const isAside = mayAside && known === '' && size > LARGE;
  const bytes = isAside || known !== '' ? wrapped.all() : hashed(wrapped.all(), hash);
  const { damage, head, all } = await unwrapped(path, bytes, compression);
  let aside: FileHash | null = null;
  let closed = false;
  const source: ByteSource = {
    compression,
    head,
    damage,
    async randomAccess(sink) {
      if (file === null || size === 0)
        return counted(await spooled(path, source.chunks(sink)), sink, onDisk);
      if (isAside) {
        aside = hashFile(path, size);
        aside.reached(size);
      } else if (known === '') for await (const _ of source.chunks(sink));
      else sink.counts.sha256 = known;
      sink.counts.bytes = size;
      return counted(fileAccess(path, file, size), sink, onDisk);
    },
    async finish(sink) {
      if (sink.counts.sha256 === '' && aside !== null) sink.counts.sha256 = await aside.digest();
    },
    async *chunks(sink) {
      if (isAside) aside = hashFile(path, size);
      sink.counts.size = onDisk;
      for await (const chunk of all()) {
        sink.counts.taken = taking.taken;
        sink.counts.bytes += chunk.length;
        aside?.reached(sink.counts.bytes);
        yield chunk;
      }
      sink.counts.sha256 = aside === null ? known || hash.digest('hex') : await aside.digest();
      tellDamage(sink, damage);
      if (taking.grew) sink.diagnose('GROWING', 'the file grew: it is read up to its first size');
    },
    async close() {
      aside?.close();
      if (file !== null && !closed) await closeFd(file);
      closed = true;
    },
  };
  return source;
}

/** Positioned reads count as what was taken of the `onDisk` bytes that the input has: in proportion, where it is a copy. */
function counted(access: RandomAccess, { counts }: EventSink, onDisk: number): RandomAccess {
  counts.taken = 0;
  counts.size = onDisk;
  const share = access.size === 0 ? 0 : onDisk / access.size;
  return {
    ...access,
    into(bytes, position) {
      const got = access.into(bytes, position);
      counts.taken = Math.min(onDisk, counts.taken + got * share);
      return got;
    },
  };
}

/** True for a directory; what cannot be looked at is left to the opening. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Bytes that are in memory already, under a name for errors; read in pieces of `chunkSize` bytes. */
export async function memoryBytes(
  name: string,
  bytes: Uint8Array,
  chunkSize: number,
): Promise<ByteSource> {
  const compression = compressionOf(bytes);
  const { damage, head, all } = await unwrapped(name, piecesOf(bytes, chunkSize), compression);
  const source: ByteSource = {
    compression,
    head,
    damage,
    async randomAccess(sink) {
      const content: Uint8Array[] = [];
      for await (const chunk of source.chunks(sink)) {
        if (compression !== 'none') content.push(Buffer.from(chunk));
      }
      return memoryAccess(name, compression === 'none' ? bytes : Buffer.concat(content));
    },
    async finish() {},
    async *chunks(sink) {
      for await (const chunk of all()) {
        sink.counts.bytes += chunk.length;
        yield chunk;
      }
      sink.counts.sha256 = createHash('sha256').update(bytes).digest('hex');
      tellDamage(sink, damage);
    },
    async close() {},
  };
  return source;
}

interface Unwrapped {
  readonly damage: Damage;
  readonly head: Uint8Array;
  readonly all: () => Chunks;
}

async function unwrapped(
  path: string,
  bytes: Chunks,
  compression: 'none' | Unwrapping,
): Promise<Unwrapped> {
  const damage: Damage = { code: '', message: '' };
  const text = compression === 'none' ? bytes : unwrap(bytes, compression, path, damage);
  const { head, all } = await peek(text, HEAD);
  return { damage, head, all };
}

function tellDamage(sink: EventSink, damage: Damage): void {
  if (damage.code !== '') sink.diagnose(damage.code, damage.message);
  sink.dropsTail = damage.code !== '';
}

async function* piecesOf(bytes: Uint8Array, size: number): Chunks {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function openFile(path: string): Promise<number> {
  try {
    const file = await openFd(path, 'r');
    if (!(await statFd(file)).isDirectory()) return file;
    await closeFd(file);
  } catch (error) {
    throw ioError(path, error);
  }
  throw new TraceError(
    path,
    null,
    'IO: expected a file, found a directory; name a trace inside it',
  );
}

async function* fileChunks(file: number, path: string, chunkSize: number, taking: Taking): Chunks {
  const buffer = Buffer.allocUnsafe(chunkSize);
  try {
    const { size } = await statFd(file);
    // Pipes, devices and files of tracefs have no size: they are read to their end.
    let left = size === 0 ? Infinity : size;
    while (left > 0) {
      const wanted = Math.min(chunkSize, left);
      // A file is read in place: to wake a thread for each piece costs more than the copy.
      const bytesRead =
        size === 0
          ? (await readFd(file, buffer, 0, wanted, null)).bytesRead
          : readSync(file, buffer, 0, wanted, null);
      if (bytesRead === 0) break;
      left -= bytesRead;
      taking.taken += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    taking.grew = size > 0 && (await statFd(file)).size > size;
  } catch (error) {
    throw error instanceof TraceError ? error : ioError(path, error);
  }
}

async function* standardInput(chunkSize: number): Chunks {
  const stream = createReadStream('', { fd: 0, autoClose: false, highWaterMark: chunkSize });
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    throw ioError('-', error);
  }
}

function ioError(path: string, error: unknown): TraceError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'no such file; check the path',
    EACCES: 'no permission to read it; trace files saved by root need "chmod a+r"',
    EPERM: 'no permission to read it; trace files saved by root need "chmod a+r"',
    EISDIR: 'expected a file, found a directory; name a trace inside it',
  };
  const reason = reasons[code] ?? (error instanceof Error ? error.message : String(error));
  return new TraceError(path, null, `IO: ${reason}`);
}

async function* hashed(chunks: Chunks, hash: Hash): Chunks {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

function compressionOf(head: Uint8Array): 'none' | Unwrapping {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd';
  return 'none';
}

/** Reads ahead until `wanted` bytes are there or the chunks end; `all` gives them again, then the rest. */
async function peek(
  chunks: Chunks,
  wanted: number,
): Promise<{ head: Uint8Array; all: () => Chunks }> {
  const pieces: Buffer[] = [];
  let length = 0;
  while (length < wanted) {
    const next = await chunks.next();
    if (next.done === true) break;
    pieces.push(Buffer.from(next.value));
    length += next.value.length;
  }
  const whole = Buffer.concat(pieces);
  const all = async function* (): Chunks {
    if (length > 0) yield whole;
    yield* chunks;
  };
  return { head: whole.subarray(0, wanted), all };
}
