// The thread of file-hash.ts: reads a file, keeps near the parser, answers with the digest.

import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { AHEAD, type HashTask, PIECE } from './file-hash.ts';

/** Bytes that are read at a time. */
const READ = 1024 * 1024;

const { path, size, taken } = workerData as HashTask;
const hash = createHash('sha256');
const buffer = Buffer.allocUnsafe(READ);
const file = openSync(path, 'r');
for (let position = 0; position < size; ) {
  const allowed = Math.floor((position - AHEAD) / PIECE);
  for (let now = Atomics.load(taken, 0); now < allowed; now = Atomics.load(taken, 0)) {
    Atomics.wait(taken, 0, now);
  }
  const length = readSync(file, buffer, 0, Math.min(READ, size - position), position);
  if (length === 0) break;
  hash.update(buffer.subarray(0, length));
  position += length;
}
closeSync(file);
parentPort?.postMessage(hash.digest('hex'));
