// What a batch says on the terminal: which traces it would replay, and how it went.

import { join } from 'node:path';
import { type BatchTable, batchSentence } from '@dmalab/analysis/results';
import { print, printJson } from '../output.ts';
import { BATCH_FILES } from './batch-files.ts';
import type { BatchArguments } from './batch-options.ts';
import { failureLines } from './failure-lines.ts';
import type { FoundTrace } from './find-traces.ts';

/** The plan of a batch. */
export function tellFound(
  traces: readonly FoundTrace[],
  others: readonly string[],
  machines: readonly string[],
  json: boolean,
): void {
  if (json) {
    printJson({ schema: 'dmalab.batch-plan/1', traces, others, machines });
    return;
  }
  for (const { path, bytes } of traces) print(`${path} (${bytes} bytes)`);
  const count = `${traces.length} traces on ${machines.length} machines (${machines.join(', ')})`;
  print(`${count}; ${others.length} files are no traces`);
}

/** Counts of results and traces beside the table. */
export interface BatchCounts {
  readonly kept: number;
  readonly notBegun: number;
  readonly stale: number;
  readonly isShard: boolean;
}

/** Results, failures and what to do next; sets the exit code. */
export function tellDone(
  table: BatchTable,
  { kept, notBegun, stale, isShard }: BatchCounts,
  { out, json, prune }: BatchArguments,
): void {
  const failed = table.rows.filter(({ error }) => error !== null);
  const results = table.rows.length - failed.length;
  if (json) {
    const failures = failed.map(({ trace, machine, error }) => ({ trace, machine, error }));
    const pruned = prune ? stale : 0;
    printJson({
      schema: 'dmalab.batch-run/1',
      out,
      results,
      kept,
      failures,
      notBegun,
      stale: stale - pruned,
      pruned,
    });
  } else {
    const next = isShard
      ? `Next, when all shards are done: dmalab merge ${out}`
      : `The report is ${join(out, BATCH_FILES.html)}`;
    const before = kept === 0 ? '' : `${kept} results were there already. `;
    print(`${batchSentence(table)} ${before}${next}`);
    if (stale > 0) print(staleText(stale, prune));
  }
  for (const line of failureLines(failed)) process.stderr.write(line);
  if (notBegun > 0) process.stderr.write(`dmalab: ${notBegun} traces were not begun\n`);
  if (failed.length > 0) process.exitCode = 1;
}

function staleText(stale: number, isPruned: boolean): string {
  const some = stale === 1 ? '1 result' : `${stale} results`;
  if (isPruned) return `${some} of other machines, or of traces that are gone, removed.`;
  return `${some} of other machines, or of traces that are gone, left in the folder and in no table; --prune removes such.`;
}
