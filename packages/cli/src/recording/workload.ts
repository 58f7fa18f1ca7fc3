// What runs while the recording is on: a command, or time that passes.

import { spawn } from 'node:child_process';
import { InputError } from '../input-error.ts';

const GRACE_MS = 200;

/** How a workload ended. */
export interface WorkloadEnd {
  /** Null where it was interrupted, or where there was no command. */
  readonly code: number | null;
  readonly interrupted: boolean;
}

/**
 * Runs `command`, or waits `seconds` (0: until interrupted). An interrupt ends it early and is no error: what
 * was recorded until then is kept. The command gets
 * the interrupt too; the second one kills it.
 */
export async function runWorkload(
  command: readonly string[],
  seconds: number,
): Promise<WorkloadEnd> {
  let interrupted = false;
  let stop = (): void => {};
  const onSignal = (): void => {
    interrupted = true;
    stop();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const code = await new Promise<number | null>((done, fail) => {
      stop = command.length > 0 ? startCommand(command, done, fail) : startClock(seconds, done);
    });
    return { code: interrupted ? null : code, interrupted };
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

type Done = (code: number | null) => void;

function startCommand(
  command: readonly string[],
  done: Done,
  fail: (e: Error) => void,
): () => void {
  const [file = '', ...words] = command;
  const child = spawn(file, words, { stdio: 'inherit' });
  child.on('error', (error) => fail(new InputError(file, `cannot be run: ${error.message}`)));
  child.on('exit', done);
  let signals = 0;
  return () => {
    // A terminal sends Ctrl-C to both; only a command that did not get it is told, then made to end.
    const signal = signals++ === 0 ? 'SIGINT' : 'SIGKILL';
    setTimeout(() => child.kill(signal), GRACE_MS).unref();
  };
}

function startClock(seconds: number, done: Done): () => void {
  // Without an end the timer only keeps the process alive.
  const ms = seconds > 0 ? seconds * 1000 : 2 ** 31 - 1;
  const timer = setTimeout(() => done(null), ms);
  return () => {
    clearTimeout(timer);
    done(null);
  };
}
