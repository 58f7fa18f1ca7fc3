// Ends the process when one case runs for too long: a hang cannot be noticed from within.

import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

const { cell, limitMs } = workerData as { cell: Int32Array; limitMs: number };

for (;;) {
  const seed = Atomics.load(cell, 0);
  if (Atomics.wait(cell, 0, seed, limitMs) === 'timed-out') {
    writeSync(2, `seed ${seed >>> 0}: still running after ${limitMs / 1000} s\n`);
    process.kill(process.pid, 'SIGKILL');
  }
}
