// How much memory reading takes: peak resident size of a process that reads a synthetic trace.
//
//   node bench/read-memory.ts [MEGABYTES]
//
// The trace is written to the temporary directory and read by a process of its own.

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTrace } from '@dmalab/trace';
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
  const reader = await openTrace(path);
  let events = 0;
  for await (const { length } of reader.batches()) events += length;
  const peak = process.resourceUsage().maxRSS / 1024;
  console.log(
    `${(reader.counts.bytes / 1e6).toFixed(0)} MB, ${events} events: peak RSS ${peak.toFixed(0)} MiB`,
  );
}
