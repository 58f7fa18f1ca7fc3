// The reports of single results that the report of a batch leads to, each in the folder of its result.
//
// Their charts have no pictures for readers without scripts: to draw those takes most of the time of a report.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RESULT_FILES, readResult, renderReportHtml } from '@dmalab/analysis';
import { writeWhole } from '../output-file.ts';
import { OWN_REPORT } from './batch-files.ts';

/** The result in `folder` below `out`. */
export interface ReportTask {
  readonly out: string;
  readonly folder: string;
}

/** Writes the report of a result. */
export async function writeReport({ out, folder }: ReportTask): Promise<void> {
  const read = (name: string): string => readFileSync(join(out, folder, name), 'utf8');
  const result = readResult({
    summary: read(RESULT_FILES.summary),
    series: read(RESULT_FILES.series),
    distributions: read(RESULT_FILES.distributions),
  });
  const label = folder.slice(folder.lastIndexOf('/') + 1);
  const html = await renderReportHtml([{ label, result }], { pictures: false });
  writeWhole(join(out, folder, OWN_REPORT), html);
}
