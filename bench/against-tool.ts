// Reading a binary trace beside the tool that wrote it: one run of each in turns, the best of some rounds.
//
// Events and requests are read in this process, which is warm; `dmalab info`, to requests and their summary, is a
// process like the tool, with its start and its compilation.

import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openTrace, readCapture } from '@dmalab/trace';

const DMALAB = fileURLToPath(new URL('../packages/cli/bin/dmalab.mjs', import.meta.url));

/** A tool that prints a trace. */
export interface Tool {
  readonly label: string;
  /** Debian's package. */
  readonly package: string;
  /** The command that prints `file`; its output is thrown away. */
  words(file: string): readonly string[];
}

/** Reads `file` and has the tool print it, in turns; prints the best of `rounds`, and the ratios. */
export async function compareWithTool(file: string, rounds: number, tool: Tool): Promise<void> {
  const { label, package: source, words } = tool;
  const [command = '', ...rest] = words(file);
  const events = await readEvents(file);
  await readRequests(file);
  const ours: number[] = [];
  const requests: number[] = [];
  const processes: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(await timed(() => readEvents(file)));
    requests.push(await timed(() => readRequests(file)));
    processes.push(await timed(() => runs(process.execPath, [DMALAB, 'info', file])));
    const seconds = await timed(() => runs(command, rest));
    if (seconds > 0) theirs.push(seconds);
  }
  console.log(`${events} events, ${(statSync(file).size / 1e6).toFixed(0)} MB, best of ${rounds}`);
  const best = theirs.length === 0 ? Number.NaN : Math.min(...theirs);
  print(label, events, best, best);
  print('to events', events, Math.min(...ours), best);
  print('to requests', events, Math.min(...requests), best);
  print('dmalab info FILE', events, Math.min(...processes), best);
  if (theirs.length === 0) console.log(`${command} is not installed: apt install ${source}`);
}

function print(what: string, events: number, seconds: number, theirs: number): void {
  const rate = (events / seconds / 1e6).toFixed(2);
  const ratio = Number.isNaN(theirs) ? '' : `${(theirs / seconds).toFixed(1).padStart(6)} x`;
  if (!Number.isNaN(seconds)) {
    console.log(`${what.padEnd(18)} ${rate.padStart(6)} million events/s ${ratio}`);
  }
}

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  const done = await work();
  return done === false ? 0 : (performance.now() - start) / 1000;
}

async function readEvents(file: string): Promise<number> {
  const reader = await openTrace(file);
  let events = 0;
  for await (const { length } of reader.batches()) events += length;
  return events;
}

async function readRequests(file: string): Promise<void> {
  const capture = await readCapture(file);
  capture.close();
}

/** False where the command is not installed, or fails. */
function runs(command: string, words: readonly string[]): boolean {
  return spawnSync(command, words, { stdio: 'ignore' }).status === 0;
}
