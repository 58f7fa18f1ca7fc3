// Writes what stands at the top of the folder of a batch: tables, the aggregate report, and the reports of the results that
// it leads to. The JSON table comes last, by rename: where it is, the batch was finished.

import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type BatchTable,
  batchColumns,
  batchCsv,
  batchJson,
  linkedFolders,
  RESULT_FILES,
  readResult,
  renderBatchHtml,
  renderBatchText,
  renderReportHtml,
} from '@dmalab/analysis';
import { createTable } from '@dmalab/trace';
import { progress } from '../output.ts';
import { tried, writeOutput } from '../output-file.ts';
import { BATCH_FILES, BATCH_TABLE, OWN_REPORT } from './batch-files.ts';

/** Writes all of it. */
export async function writeBatch(out: string, table: BatchTable): Promise<void> {
  await writeOwnReports(out, table);
  writeWhole(join(out, BATCH_FILES.csv), batchCsv(table));
  writeParquet(join(out, BATCH_FILES.parquet), table);
  writeWhole(join(out, BATCH_FILES.text), renderBatchText(table));
  writeWhole(join(out, BATCH_FILES.html), renderBatchHtml(table, linkTo));
  writeWhole(join(out, BATCH_TABLE), batchJson(table));
}

/** Writes a file so that it is whole or not there. */
export function writeWhole(file: string, content: string): void {
  writeOutput(`${file}.part`, content);
  tried(file, () => renameSync(`${file}.part`, file));
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
async function writeOwnReports(out: string, table: BatchTable): Promise<void> {
  const linked = new Set(linkedFolders(table));
  for (const { folder } of table.rows) {
    if (folder !== null && !linked.has(folder))
      rmSync(join(out, folder, OWN_REPORT), { force: true });
  }
  let done = 0;
  for (const folder of linked) {
    progress(`report ${++done} of ${linked.size}`);
    const file = join(out, folder, OWN_REPORT);
    if (existsSync(file)) continue;
    const read = (name: string): string => readFileSync(join(out, folder, name), 'utf8');
    const result = readResult({
      summary: read(RESULT_FILES.summary),
      series: read(RESULT_FILES.series),
      distributions: read(RESULT_FILES.distributions),
    });
    const label = folder.slice(folder.lastIndexOf('/') + 1);
    writeWhole(file, await renderReportHtml([{ label, result }]));
  }
}

function linkTo(folder: string): string {
  return `${folder.split('/').map(encodeURIComponent).join('/')}/${OWN_REPORT}`;
}
