// The reports of single results that the report of a batch leads to, each in the folder of its result.
//
// Their charts have no pictures for readers without scripts: to draw those takes most of the time of a report.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RESULT_FILES, readResult } from '@dmalab/analysis/results';
import { writeWhole } from '../output-file.ts';
import { OWN_REPORT } from './batch-files.ts';

/** The results in `folders` below `out`. */
export interface ReportTask {
  readonly out: string;
  readonly folders: readonly string[];
}

/** Writes a report for each result. */
export async function writeReports({ out, folders }: ReportTask): Promise<void> {
  for (const folder of folders) await writeReport(out, folder);
}

async function writeReport(out: string, folder: string): Promise<void> {
  const read = (name: string): string => readFileSync(join(out, folder, name), 'utf8');
  const result = readResult({
    summary: read(RESULT_FILES.summary),
    series: read(RESULT_FILES.series),
    distributions: read(RESULT_FILES.distributions),
  });
  const label = folder.slice(folder.lastIndexOf('/') + 1);
  // Loaded for the first report: to replay takes less.
  const { renderReportHtml } = await import('@dmalab/analysis');
  const html = await renderReportHtml([{ label, result }], { pictures: false });
  writeWhole(join(out, folder, OWN_REPORT), html);
}
