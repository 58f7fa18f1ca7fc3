// A thread of a process of the pool that ends it when its parent was killed: the main thread may be in a loop that it never
// leaves, and hears of nothing then.

import { setInterval } from 'node:timers';
import { workerData } from 'node:worker_threads';

const LOOK_MS = 1000;
const parent = workerData as number;

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, LOOK_MS);
