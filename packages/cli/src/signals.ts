// Ctrl-C while a file is being written: the file is removed, then the run ends by the signal (130 in a shell; SIGTERM: 143).
//
// While nothing is being written the signals keep their own action, which also ends a long replay at once:
// a handler would have to wait for it. What handles a signal itself (recording) comes first. The run does not exit by
// itself, as Node's exit waits for reads of a pipe that never comes to an end.

import { discardUnfinishedFiles, watchUnfinishedFiles } from '@dmalab/trace';
import { progressDone } from './output.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** See the head of the file. */
export function endCleanlyOnSignals(): void {
  let writing = false;
  let handled = false;
  const handle = (on: boolean): void => {
    if (on === handled) return;
    for (const signal of SIGNALS) process[on ? 'on' : 'off'](signal, end);
    handled = on;
  };
  watchUnfinishedFiles((some) => {
    writing = some;
    if (some) handle(true);
    // A signal that came during the last write is told before this runs.
    else setImmediate(() => handle(writing));
  });
}

function end(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  discardUnfinishedFiles();
  progressDone();
  for (const each of SIGNALS) process.off(each, end);
  process.kill(process.pid, signal);
}
