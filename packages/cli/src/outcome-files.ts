// Files beside the summary of a replay: its outcomes and its series as tables for other tools.
//
// Outcomes are written while the replay goes on, so that none is kept. What was cut short is removed.

import { join } from 'node:path';
import {
  OUTCOME_COLUMNS,
  outcomeChunks,
  outcomeMetadata,
  type RunContext,
  type RunResult,
  seriesTable,
} from '@dmalab/analysis';
import type { OutcomeBatch } from '@dmalab/replay';
import { createTable, type TableFormatName } from '@dmalab/trace';
import { makeFolder } from './output-file.ts';

/** Which files a replay writes, and as what. */
export interface OutcomeFiles {
  readonly outcomes: TableFormatName | undefined;
  readonly series: TableFormatName | undefined;
}

/** Passes the batches of a replay on, and writes those files of `folder` that are made of them. */
export function* writingOutcomes(
  folder: string,
  { outcomes: format }: OutcomeFiles,
  context: RunContext,
  batches: Iterable<OutcomeBatch>,
): Generator<OutcomeBatch, void, undefined> {
  if (format === undefined) {
    yield* batches;
    return;
  }
  makeFolder(folder);
  const path = join(folder, `outcomes.${format}`);
  const table = createTable(path, format, OUTCOME_COLUMNS, outcomeMetadata(context));
  let isWhole = false;
  try {
    const toChunk = outcomeChunks(context);
    for (const batch of batches) {
      table.write(toChunk(batch));
      yield batch;
    }
    table.finish();
    isWhole = true;
  } finally {
    if (!isWhole) table.discard();
  }
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
  const metadata = outcomeMetadata(context, 'dmalab.series-table/1');
  const table = createTable(join(folder, `series.${format}`), format, columns, metadata);
  table.write(chunk);
  table.finish();
}
