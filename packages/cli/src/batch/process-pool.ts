// Processes that run jobs (workerpool), and the first of them, started before anything else.
//
// A process needs a third of a second to load what it runs, and so does the command line: a batch has both done at once, where
// there is a second core. Nothing that takes long to load is imported here.

import module from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import workerpool, { type Pool } from 'workerpool';

/** More than anybody asks for: who uses a pool begins no more tasks at once than there are to be processes. */
const MOST_PROCESSES = 1024;
const MIB = 1024 * 1024;
/** V8's helpers of garbage collection and compiling take a tenth to a fifth more CPU time, and the cores are for the other jobs. */
const ONE_THREAD = '--single-threaded';
/** With these words a batch needs no process, or another one. */
const NOT_EARLY = /^(?:-h|--(?:help|version|dry-run|redis|memory-limit)(?:=.*)?)$/;

/** A pool whose first process is started at once, and others as they are needed; `memory` bounds their heaps, in bytes (null: Node's own bound). */
export function processPool(memory: number | null): Pool {
  return workerpool.pool(fileURLToPath(new URL('./job-process.ts', import.meta.url)), {
    workerType: 'process',
    minWorkers: 1,
    maxWorkers: MOST_PROCESSES,
    emitStdStreams: true,
    forkOpts: {
      // A Ctrl-C is for this process, which then ends the others or lets them finish.
      detached: true,
      env: { ...process.env, ...compileCache() },
      execArgv: [ONE_THREAD, ...(memory === null ? [] : [heapBound(memory)])],
    },
  });
}

let early: Pool | null = null;

/** Starts the first process of the batch that the words of a command line ask for, where they do. */
export function startEarly([command, ...words]: readonly string[]): void {
  if (command === 'batch' && !words.some((word) => NOT_EARLY.test(word))) early = processPool(null);
}

/** The pool that was started early, for the first who asks; its heaps are not bounded. */
export function takeEarly(): Pool | null {
  const taken = early;
  early = null;
  return taken;
}

/** Ends a pool that was started early and never taken. */
export async function endEarly(): Promise<void> {
  await takeEarly()?.terminate(true);
}

function heapBound(memory: number): string {
  return `--max-old-space-size=${Math.ceil(memory / MIB)}`;
}

/** Code that this process has compiled need not be compiled again. */
function compileCache(): { NODE_COMPILE_CACHE?: string } {
  const folder = module.getCompileCacheDir?.();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}
