// Writes what stands at the top of the folder of a batch: tables, the aggregate report, and the reports of the results that
// it leads to. The JSON table comes last, by rename: where it is, the batch was finished.

import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BatchTable,
  batchColumns,
  batchCsv,
  batchJson,
  linkedFolders,
  renderBatchHtml,
  renderBatchText,
} from '@dmalab/analysis';
import { createTable } from '@dmalab/trace';
import { tried, writeWhole } from '../output-file.ts';
import { BATCH_FILES, BATCH_TABLE, OWN_REPORT } from './batch-files.ts';
import { type ReportTask, writeReports } from './batch-reports.ts';

/** Writes all of it; `report` writes those of results. */
export async function writeBatch(
  out: string,
  table: BatchTable,
  report: (task: ReportTask) => Promise<void> = writeReports,
): Promise<void> {
  // Those of results first: other processes write them meanwhile.
  await Promise.all([writeOwnReports(out, table, report), writeOverAll(out, table)]);
  writeWhole(join(out, BATCH_TABLE), batchJson(table));
}

async function writeOverAll(out: string, table: BatchTable): Promise<void> {
  writeWhole(join(out, BATCH_FILES.html), await renderBatchHtml(table, linkTo));
  writeWhole(join(out, BATCH_FILES.text), renderBatchText(table));
  writeWhole(join(out, BATCH_FILES.csv), batchCsv(table));
  writeParquet(join(out, BATCH_FILES.parquet), table);
}

/** Text that is not there is empty, numbers are NaN. */
function writeParquet(file: string, table: BatchTable): void {
  const columns = batchColumns(table);
  const declared = columns.map(({ name, type }) => ({
    name,
    type: type === 'text' ? ('text' as const) : ('float64' as const),
  }));
  const metadata = JSON.stringify({ schema: 'dmalab.batch/1' });
  const written = createTable(`${file}.part`, 'parquet', declared, metadata);
  const values = columns.map(({ type, values: cells }) =>
    type === 'text'
      ? cells.map((cell) => String(cell ?? ''))
      : Float64Array.from(cells, (cell) => (cell === null ? Number.NaN : Number(cell))),
  );
  written.write({ length: table.rows.length, columns: values });
  written.finish();
  tried(file, () => renameSync(`${file}.part`, file));
}

/** Results that the report no longer leads to lose their own. */
async function writeOwnReports(
  out: string,
  table: BatchTable,
  report: (task: ReportTask) => Promise<void>,
): Promise<void> {
  const linked = new Set(linkedFolders(table));
  for (const { folder } of table.rows) {
    if (folder !== null && !linked.has(folder))
      rmSync(join(out, folder, OWN_REPORT), { force: true });
  }
  const folders = [...linked].filter((folder) => !existsSync(join(out, folder, OWN_REPORT)));
  if (folders.length > 0) await report({ out, folders });
}

function linkTo(folder: string): string {
  return `${folder.split('/').map(encodeURIComponent).join('/')}/${OWN_REPORT}`;
}
