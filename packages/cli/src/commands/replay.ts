// dmalab replay: traces through machines; prints how the runs compare, keeps results with -o.

import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  comparisonText,
  costSensitivity,
  costSensitivityText,
  distinctWarnings,
  formatCount,
  formatDuration,
  type LabelledResult,
  mailLines,
  OutcomeStats,
  type RunContext,
  type RunResult,
} from '@dmalab/analysis';
import { type OutcomeBatch, replay as replayRequests } from '@dmalab/replay';
import { type Capture, type ReadOptions, TABLE_FORMATS, type TableFormatName } from '@dmalab/trace';
import type { Argv, CommandModule } from 'yargs';
import { type FactArguments, factOptions, readOptions } from '../fact-options.ts';
import { type MachineArguments, machineOptions } from '../machine-options.ts';
import { type Run, runsOf } from '../machine-runs.ts';
import { type OutcomeFiles, writeSeries, writingOutcomes } from '../outcome-files.ts';
import { print, printJson, progress, progressDone } from '../output.ts';
import { makeFolder } from '../output-file.ts';
import { tracedTime, watched } from '../progress-meter.ts';
import { requireRequests } from '../require-requests.ts';
import { writeResultFolder } from '../result-folder.ts';
import { machineOfRun } from '../run-machine.ts';
import { folderName, traceNames, unique } from '../run-name.ts';
import { type CacheArguments, cacheOf, cacheOptions } from '../trace-cache/cache-options.ts';
import { readTrace } from '../trace-cache/read-trace.ts';
import type { TraceCache } from '../trace-cache/trace-cache.ts';
import { traceFiles } from '../trace-files.ts';
import { UsageError } from '../usage-error.ts';
import { toolVersion } from '../version.ts';

interface ReplayArguments extends MachineArguments, FactArguments, CacheArguments {
  files: string[];
  out: string | undefined;
  outcomes: TableFormatName | undefined;
  series: TableFormatName | undefined;
  perfetto: boolean;
  json: boolean;
}

export const replay: CommandModule<object, ReplayArguments> = {
  command: 'replay <files..>',
  describe: 'Replay traces and print what it cost, how full it got and what failed',
  builder: (y: Argv) =>
    cacheOptions(factOptions(machineOptions(traceFiles(y))))
      .option('out', {
        alias: 'o',
        describe: 'Folder for the results: one folder for each trace and run',
        type: 'string',
        requiresArg: true,
      })
      .option('outcomes', {
        describe: 'Write every outcome into the folder of its run, as a table of this format',
        choices: TABLE_FORMATS,
        requiresArg: true,
      })
      .option('series', {
        describe: 'Write the levels over time into the folder of their run, as such a table',
        choices: TABLE_FORMATS,
        requiresArg: true,
      })
      .option('perfetto', {
        describe: 'Write the levels as counters.perfetto-trace into the folder of their run',
        type: 'boolean',
        default: false,
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example(
        '$0 replay trace.txt --flush strict --flush percpu',
        'compares two queues on one trace',
      )
      .example(
        '$0 replay trace.txt -m vm.yaml -o out',
        'repeats a run of a machine file',
      ) as unknown as Argv<ReplayArguments>,
  handler: runReplay,
};

async function runReplay(options: ReplayArguments): Promise<void> {
  const { files, out, json } = options;
  if (out === undefined) refuseFilesWithoutFolder(options);
  const runs = await runsOf(options);
  const names = traceNames(files);
  const folders = unique(names.map(folderName));
  const documents: object[] = [];
  if (out !== undefined) makeFolder(out);
  for (const [i, file] of files.entries()) {
    const trace = names[i] ?? file;
    const keep: Keep | null =
      out === undefined ? null : { folder: join(out, folders[i] ?? ''), files: options };
    const read = readOptions(trace, options);
    const results = await replayTrace(file, trace, runs, read, cacheOf(options), keep);
    progressDone();
    for (const { label, result } of results) {
      if (json) documents.push({ run: label, ...result.summary });
    }
    if (!json)
      print(`${trace}\n${comparisonText(results)}\n${costText(results)}${warningsText(results)}`);
  }
  if (json)
    printJson(
      documents.length === 1 ? documents[0] : { schema: 'dmalab.summaries/1', runs: documents },
    );
  else if (out !== undefined)
    print(`results are in ${out}; next: dmalab report ${out} -o report.html`);
}

/** Where the results of a trace are kept, and what besides the summary. */
interface Keep {
  readonly folder: string;
  readonly files: OutcomeFiles;
}

function refuseFilesWithoutFolder(files: OutcomeFiles): void {
  for (const option of ['outcomes', 'series', 'perfetto'] as const) {
    if (files[option] !== undefined && files[option] !== false) {
      throw new UsageError(`--${option} needs -o FOLDER: where to write the file`);
    }
  }
}

async function replayTrace(
  file: string,
  trace: string,
  runs: readonly Run[],
  read: ReadOptions,
  cache: TraceCache | null,
  keep: Keep | null,
): Promise<LabelledResult[]> {
  progress(`${trace}: reading`);
  const capture = await readTrace(file, read, cache);
  try {
    requireRequests(capture, file);
    const results: LabelledResult[] = [];
    for (const run of runs) {
      progress(`${trace}: replaying ${run.name}`);
      results.push({ label: run.name, result: await replayCapture(capture, run, trace, keep) });
    }
    return results;
  } finally {
    capture.close();
  }
}

/** Takes the batches with a turn for signals after each: Ctrl-C finds the files that are being written. */
async function summarised(
  context: RunContext,
  outcomes: Iterable<OutcomeBatch>,
): Promise<RunResult> {
  const stats = new OutcomeStats(context);
  for (const batch of outcomes) {
    stats.accumulate(batch);
    await setImmediate();
  }
  return stats.result();
}

async function replayCapture(
  capture: Capture,
  run: Run,
  name: string,
  keep: Keep | null,
): Promise<RunResult> {
  const machine = machineOfRun(capture, run);
  const { report, facts } = capture;
  const context = { report, facts, machine, version: toolVersion(), name };
  const outcomes = watched(
    replayRequests(machine, capture, null, run.registry),
    `${name}: replaying ${run.name}`,
    tracedTime(capture, machine),
  );
  if (keep === null) return await summarised(context, outcomes);
  const folder = join(keep.folder, folderName(run.name));
  const result = await summarised(
    context,
    await writingOutcomes(folder, keep.files, context, outcomes, run.name),
  );
  writeSeries(folder, keep.files, context, result);
  writeResultFolder(folder, result);
  return result;
}

/** What the modelled figures rest on, beside what was measured. */
function costText(results: readonly LabelledResult[]): string {
  const runs = results.map(({ label, result: { summary } }) => ({
    label,
    work: summary.modelledWork,
    cost: summary.machine.cost,
  }));
  const measured = (results[0]?.result.summary.measuredLatency ?? []).map(
    ({ function: name, duration: { count, p50, p99 } }) =>
      `measured ${name}: p50 ${formatDuration(p50 ?? 0)}, p99 ${formatDuration(p99 ?? 0)} (${formatCount(count)} calls)`,
  );
  const ranking = runs.length > 1 ? [costSensitivityText(costSensitivity(runs))] : [];
  const lines = [...ranking, ...measured].flatMap((text) => mailLines(text));
  return lines.length === 0 ? '' : `${lines.join('\n')}\n\n`;
}

function warningsText(results: readonly LabelledResult[]): string {
  return distinctWarnings(results)
    .map(({ warning, runs }) => `warning: ${warning.text} ${warning.meaning} (${runs})\n`)
    .join('');
}
