// Ends the process when one input is read for too long, and saves the input: a hang cannot be noticed from within.

import { writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { workerData } from 'node:worker_threads';

const { cell, shared, limitMs, folder, reader } = workerData as {
  cell: Int32Array;
  shared: Uint8Array;
  limitMs: number;
  folder: string;
  reader: string;
};
const POLL_MS = 500;

// Time is counted in polls, so that a process that was stopped, or a machine that slept, is no hang.
let last = 0;
let polls = 0;
for (;;) {
  Atomics.wait(cell, 3, 0, POLL_MS);
  const readings = Atomics.load(cell, 0);
  polls = readings === last && readings !== 0 ? polls + 1 : 0;
  last = readings;
  if (polls * POLL_MS <= limitMs) continue;
  const execution = Atomics.load(cell, 2);
  const file = join(folder, `${reader}-hang.bin`);
  writeFileSync(file, shared.slice(0, Atomics.load(cell, 1)));
  writeSync(2, `execution ${execution}: still reading after ${limitMs / 1000} s: ${file}\n`);
  process.kill(process.pid, 'SIGKILL');
}
