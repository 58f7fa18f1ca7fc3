// dmalab report: results as one HTML file that opens offline, or as Markdown with SVG charts.

import { basename, dirname, join } from 'node:path';
import {
  charts,
  groupByTrace,
  type LabelledResult,
  reasonOfEmpty,
  renderReportFragment,
  renderReportHtml,
  renderReportMarkdown,
  renderSvg,
} from '@dmalab/analysis';
import type { Argv, CommandModule } from 'yargs';
import { print, printJson, progress, progressDone } from '../output.ts';
import { writeOutput } from '../output-file.ts';
import { byRun, findResults } from '../result-folder.ts';
import { folderName } from '../run-name.ts';
import { UsageError } from '../usage-error.ts';

interface ReportArguments {
  folders: string[];
  out: string;
  fragment: boolean;
  json: boolean;
}

export const report: CommandModule<object, ReportArguments> = {
  command: 'report <folders..>',
  describe: 'Write a report of results: one HTML file, or Markdown with SVG charts',
  builder: (y: Argv) =>
    y
      .positional('folders', {
        describe: 'Result folders, as dmalab replay -o writes them',
        type: 'string',
        array: true,
        demandOption: true,
      })
      .option('out', {
        alias: 'o',
        describe: 'File to write: .html or .md',
        type: 'string',
        requiresArg: true,
        demandOption: true,
      })
      .option('fragment', {
        describe: 'Only the part to put into another HTML page',
        type: 'boolean',
        default: false,
      })
      .option('json', { describe: 'Say in JSON what was written', type: 'boolean', default: false })
      .example(
        '$0 report out -o report.html',
        'one page that opens offline, with all runs in out',
      ) as unknown as Argv<ReportArguments>,
  handler: runReport,
};

async function runReport({ folders, out, fragment, json }: ReportArguments): Promise<void> {
  if (!out.endsWith('.html') && !out.endsWith('.md')) {
    throw new UsageError(`${out}: the ending says the format: .html or .md`);
  }
  if (fragment && !out.endsWith('.html')) {
    throw new UsageError(`${out}: --fragment makes HTML, so FILE has to end in .html`);
  }
  const results = byRun(findResults(folders));
  progress(`drawing ${charts.length} charts of ${results.length} runs`);
  const files = await reportFiles(out, results, fragment);
  progressDone();
  for (const [file, content] of files) writeOutput(file, content);
  const written = files.map(([file]) => file);
  if (json)
    printJson({ schema: 'dmalab.report/1', runs: results.map(({ label }) => label), written });
  else print(`wrote ${written.join(', ')}`);
}

async function reportFiles(
  out: string,
  results: LabelledResult[],
  isFragment: boolean,
): Promise<[string, string][]> {
  const render = isFragment ? renderReportFragment : renderReportHtml;
  if (out.endsWith('.html')) return [[out, await render(results)]];
  const folder = `${basename(out, '.md')}-charts`;
  const drawn = groupByTrace(results).flatMap((group) =>
    charts.flatMap(({ name, make }): Promise<[string, string]>[] => {
      const spec = make(group.results);
      if (reasonOfEmpty(spec) !== null) return [];
      const file = join(dirname(out), folder, chartFile(name, group.name));
      return [renderSvg(spec).then((svg) => [file, svg])];
    }),
  );
  return [
    [out, renderReportMarkdown(results, (name, trace) => `${folder}/${chartFile(name, trace)}`)],
    ...(await Promise.all(drawn)),
  ];
}

/** Charts of several traces lie side by side. */
function chartFile(chart: string, trace: string): string {
  return `${folderName(trace)}-${chart}.svg`;
}
