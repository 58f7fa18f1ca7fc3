// What of a run takes how long: reading and pairing, replaying, statistics, and the report.
//
//   node bench/stages.ts [MEGABYTES]
//
// One synthetic trace (generate-trace.ts, seed 1) in one warm process, the stages in turns. Statistics are what
// summarise() takes more than the outcomes alone. First, two runs are held to give the same result.

import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunResult, renderReportHtml, summarise, writeResult } from '@dmalab/analysis';
import { type Machine, machineFromFacts, replay } from '@dmalab/replay';
import { type Capture, readCapture } from '@dmalab/trace';
import { generateTrace } from './generate-trace.ts';

const ROUNDS = 5;
const DEFAULT_MEGABYTES = 50;

const directory = mkdtempSync(join(tmpdir(), 'dmalab-bench-'));
try {
  await main(Number(process.argv[2] ?? DEFAULT_MEGABYTES));
} finally {
  rmSync(directory, { recursive: true });
}

async function main(megabytes: number): Promise<void> {
  const path = join(directory, 'trace.txt');
  const file = openSync(path, 'w');
  for (const block of generateTrace(megabytes * 1e6, 1)) writeSync(file, block);
  closeSync(file);
  const times: Record<string, number[]> = {
    'read and pair': [],
    replay: [],
    statistics: [],
    report: [],
  };
  let first: string | null = null;
  let events = 0;
  // The first round warms up, and is not counted.
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    const capture = await readCapture(path);
    const read = performance.now();
    const machine = machineFromFacts(capture.facts, { flush: { name: 'percpu', parameters: {} } });
    for (const _ of replay(machine, capture));
    const replayed = performance.now();
    const result = summary(capture, machine);
    const summarised = performance.now();
    await renderReportHtml([{ label: 'percpu', result }]);
    const reported = performance.now();
    capture.close();
    const text = JSON.stringify(writeResult(result));
    first ??= text;
    if (text !== first) throw new Error('two runs gave different results');
    events = result.summary.trace.eventsTotal;
    if (round === 0) continue;
    times['read and pair']!.push(read - start);
    times.replay!.push(replayed - read);
    times.statistics!.push(summarised - replayed - (replayed - read));
    times.report!.push(reported - summarised);
  }
  console.log(`${megabytes} MB, ${events} events, ${ROUNDS} rounds (min / max)`);
  for (const [stage, ms] of Object.entries(times)) {
    const [least, most] = [Math.min(...ms), Math.max(...ms)];
    const perEvent = ((1e6 * least) / events).toFixed(0).padStart(6);
    console.log(
      `${stage.padEnd(16)}${least.toFixed(0).padStart(6)} / ${most.toFixed(0)} ms, ${perEvent} ns per event`,
    );
  }
}

function summary(capture: Capture, machine: Machine): RunResult {
  const { facts, report } = capture;
  return summarise({ report, facts, machine, version: '' }, replay(machine, capture));
}
