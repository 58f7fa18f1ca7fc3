// How much memory a trace takes: peak resident size of a process that reads and replays a synthetic one.
//
//   node bench/memory.ts [MEGABYTES]
//
// The trace is written to the temporary directory and read by a process of its own, to its summary.

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { summarise } from '@dmalab/analysis';
import { machineFromFacts, replay } from '@dmalab/replay';
import { readCapture } from '@dmalab/trace';
import { generateTrace } from './generate-trace.ts';

if (process.argv[2] === '--child') await read(process.argv[3]!);
else measure(Number(process.argv[2] ?? 1000));

function measure(megabytes: number): void {
  const directory = mkdtempSync(join(tmpdir(), 'dmalab-bench-'));
  const path = join(directory, 'trace.txt');
  const file = openSync(path, 'w');
  for (const block of generateTrace(megabytes * 1e6, 1)) writeSync(file, block);
  closeSync(file);
  spawnSync(process.execPath, [import.meta.filename, '--child', path], { stdio: 'inherit' });
  rmSync(directory, { recursive: true });
}

async function read(path: string): Promise<void> {
  const capture = await readCapture(path);
  const { facts, report } = capture;
  const afterReading = peakMiB();
  const machine = machineFromFacts(facts);
  const { summary } = summarise({ report, facts, machine, version: '' }, replay(machine, capture));
  console.log(
    `${(report.bytes / 1e6).toFixed(0)} MB, ${summary.trace.eventsTotal} events, ${summary.requests.mapped} maps: ` +
      `peak RSS ${afterReading} MiB after reading, ${peakMiB()} MiB after the replay and its summary`,
  );
  capture.close();
}

function peakMiB(): string {
  return (process.resourceUsage().maxRSS / 1024).toFixed(0);
}
