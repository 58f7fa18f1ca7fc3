// Files beside the summary of a replay: outcomes and series as tables, counters as a Perfetto trace.
//
// Outcomes and counters are written while the replay goes on, so that none is kept. What was cut short is removed.

import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  OUTCOME_COLUMNS,
  outcomeChunks,
  outcomeMetadata,
  perfettoCounters,
  type RunContext,
  type RunResult,
  seriesTable,
} from '@dmalab/analysis';
import type { OutcomeBatch } from '@dmalab/replay';
import { beginFile, createTable, type TableFormatName } from '@dmalab/trace';
import { makeFolder, tried } from './output-file.ts';

/** Which files a replay writes, and as what. */
export interface OutcomeFiles {
  readonly outcomes: TableFormatName | undefined;
  readonly series: TableFormatName | undefined;
  readonly perfetto: boolean;
}

/** A file that is made of the batches of a replay. */
interface BatchFile {
  write(batch: OutcomeBatch): void;
  finish(): void;
  discard(): void;
}

/** Passes the batches of a replay on, and writes those files of `folder` that are made of them. */
export async function writingOutcomes(
  folder: string,
  files: OutcomeFiles,
  context: RunContext,
  batches: Iterable<OutcomeBatch>,
  run: string,
): Promise<Iterable<OutcomeBatch>> {
  const { outcomes, perfetto } = files;
  if (outcomes === undefined && !perfetto) return batches;
  makeFolder(folder);
  const opened: BatchFile[] = [];
  if (outcomes !== undefined) opened.push(outcomeFile(folder, outcomes, context));
  if (perfetto) opened.push(await counterFile(folder, context, run));
  return passing(opened, batches);
}

function* passing(
  files: readonly BatchFile[],
  batches: Iterable<OutcomeBatch>,
): Generator<OutcomeBatch, void, undefined> {
  let isWhole = false;
  try {
    for (const batch of batches) {
      for (const file of files) file.write(batch);
      yield batch;
    }
    for (const file of files) file.finish();
    isWhole = true;
  } finally {
    if (!isWhole) for (const file of files) file.discard();
  }
}

function outcomeFile(folder: string, format: TableFormatName, context: RunContext): BatchFile {
  const path = join(folder, `outcomes.${format}`);
  const table = createTable(path, format, OUTCOME_COLUMNS, outcomeMetadata(context));
  const toChunk = outcomeChunks(context);
  return {
    write: (batch) => table.write(toChunk(batch)),
    finish: () => table.finish(),
    discard: () => table.discard(),
  };
}

async function counterFile(folder: string, context: RunContext, run: string): Promise<BatchFile> {
  const path = join(folder, 'counters.perfetto-trace');
  const counters = await perfettoCounters(context, `${context.name ?? 'trace'}, ${run}`);
  const begun = beginFile(path);
  const file = tried(path, () => openSync(begun.path, 'w'));
  return {
    write: (batch) => tried(path, () => writeFileSync(file, counters.bytesOf(batch))),
    finish() {
      tried(path, () => writeFileSync(file, counters.finish()));
      closeSync(file);
      tried(path, () => begun.commit());
    },
    discard() {
      closeSync(file);
      begun.discard();
    },
  };
}

/** Writes the series of a result into `folder`. */
export function writeSeries(
  folder: string,
  { series: format }: OutcomeFiles,
  context: RunContext,
  result: RunResult,
): void {
  if (format === undefined) return;
  makeFolder(folder);
  const { columns, chunk } = seriesTable(result.series);
  const metadata = outcomeMetadata(context, 'dmalab.series-table/1', columns);
  const table = createTable(join(folder, `series.${format}`), format, columns, metadata);
  table.write(chunk);
  table.finish();
}
