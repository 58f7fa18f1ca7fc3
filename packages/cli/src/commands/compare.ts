// dmalab compare: machines on traces, or results in folders, against each other.

import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import {
  type ComparedTrace,
  compareMarkdown,
  compareRuns,
  compareText,
  type LabelledResult,
  waitingTimes,
  walkRuns,
} from '@dmalab/analysis';
import type { Argv, CommandModule } from 'yargs';
import { type FactArguments, factOptions, readOptions } from '../fact-options.ts';
import { InputError } from '../input-error.ts';
import { type MachineArguments, machineOptions } from '../machine-options.ts';
import { type Run, runsOf } from '../machine-runs.ts';
import { print, printJson, progress, progressDone } from '../output.ts';
import { tracedTime, watched } from '../progress-meter.ts';
import { requireRequests } from '../require-requests.ts';
import { type FoundResult, findResults } from '../result-folder.ts';
import { machineOfRun } from '../run-machine.ts';
import { traceNames, unique } from '../run-name.ts';
import { type CacheArguments, cacheOf, cacheOptions } from '../trace-cache/cache-options.ts';
import { readTrace } from '../trace-cache/read-trace.ts';
import { traceFiles } from '../trace-files.ts';
import { UsageError } from '../usage-error.ts';
import { toolVersion } from '../version.ts';

interface CompareArguments extends MachineArguments, FactArguments, CacheArguments {
  files: string[];
  format: 'mail' | 'markdown' | 'json';
  failOnDifference: boolean;
  waiting: boolean;
  json: boolean;
}

export const compare: CommandModule<object, CompareArguments> = {
  command: 'compare <files..>',
  describe: 'Compare machines on traces, or results in folders: where they part, and every figure',
  builder: (y: Argv) =>
    cacheOptions(factOptions(machineOptions(traceFiles(y))))
      .option('format', {
        describe: 'Plain text of at most 72 columns, Markdown for a pull request, or JSON',
        choices: ['mail', 'markdown', 'json'] as const,
        default: 'mail' as const,
        requiresArg: true,
      })
      .option('fail-on-difference', {
        describe: 'Exit code 1 where anything differs',
        type: 'boolean',
        default: false,
      })
      .option('waiting', {
        describe:
          'Rank by modelled time with waiting as well: replays with each cost halved and doubled, about twenty times as many',
        type: 'boolean',
        default: false,
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example(
        '$0 compare trace.txt -m old.yaml -m new.yaml',
        'the first request that ends differently, and what it costs',
      )
      .example(
        '$0 compare before after --format markdown',
        'two folders that dmalab replay -o wrote',
      ) as unknown as Argv<CompareArguments>,
  handler: runCompare,
};

async function runCompare(options: CompareArguments): Promise<void> {
  const { files, format, json, failOnDifference } = options;
  const folders = files.filter(isResultFolder);
  if (folders.length > 0 && folders.length < files.length) throw mixed(files, folders);
  const traces = folders.length > 0 ? comparedFolders(files) : await comparedTraces(options);
  progressDone();
  const result = compareRuns(traces);
  if (json || format === 'json') printJson(result);
  else print(format === 'markdown' ? compareMarkdown(result) : compareText(result));
  if (failOnDifference && result.differs) process.exitCode = 1;
}

/** Some are result folders, some are not. */
function mixed(files: readonly string[], folders: readonly string[]): InputError {
  const other = files.find((file) => !folders.includes(file))!;
  const what = existsSync(other) ? 'is not one' : 'is not there';
  return new InputError(
    other,
    `${what}, while ${folders[0]} is a result folder (dmalab replay -o); give result folders only, or traces only`,
  );
}

async function comparedTraces(options: CompareArguments): Promise<ComparedTrace[]> {
  const { files } = options;
  const runs = await runsOf(options);
  if (runs.length < 2) {
    throw new UsageError(
      'compare needs two machines or more, as in -m old.yaml -m new.yaml or --flush strict --flush percpu; or two result folders',
    );
  }
  const names = traceNames(files);
  const traces: ComparedTrace[] = [];
  for (const [i, file] of files.entries()) {
    traces.push(await comparedTrace(file, names[i] ?? file, runs, options));
  }
  return traces;
}

async function comparedTrace(
  file: string,
  name: string,
  runs: readonly Run[],
  options: CompareArguments,
): Promise<ComparedTrace> {
  progress(`${name}: reading`);
  const capture = await readTrace(file, readOptions(name, options), cacheOf(options));
  try {
    requireRequests(capture, file);
    const machines = runs.map((run) => ({
      label: run.name,
      machine: machineOfRun(capture, run),
      registry: run.registry,
    }));
    const { facts, report } = capture;
    const context = { facts, report, version: toolVersion(), name };
    const label = `${name}: replaying ${runs.length} machines`;
    const walked = walkRuns(capture, machines, context, (outcomes) =>
      watched(outcomes, label, tracedTime(capture, machines[0]!.machine)),
    );
    if (!options.waiting) return { name, ...walked };
    progress(`${name}: replaying with other costs`);
    const waiting = waitingTimes(capture, machines, (cost) =>
      walked.results.some(({ result }) => result.summary.modelledWork[cost] > 0),
    );
    return { name, ...walked, waiting };
  } finally {
    capture.close();
  }
}

function isResultFolder(path: string): boolean {
  if (!existsSync(path) || !statSync(path).isDirectory()) return false;
  try {
    return findResults([path]).length > 0;
  } catch (error) {
    if (error instanceof InputError && /no result folder/.test(error.message)) return false;
    throw error;
  }
}

/** One folder has several runs; several folders have one run each, or the same runs, which get the folder's name in front. */
function comparedFolders(roots: readonly string[]): ComparedTrace[] {
  const names = unique(roots.map((root) => basename(resolve(root))));
  const found = roots.flatMap((root, i) =>
    findResults([root]).map((result) => ({
      ...result,
      label: labelOf(result, root, names[i]!, roots),
    })),
  );
  const traces = [...new Set(found.map(({ result }) => result.summary.trace.name))];
  const runs = [...new Set(found.map(({ label }) => label))];
  if (runs.length < 2)
    throw new InputError(roots.join(', '), `one run only (${runs[0]}); compare needs two or more`);
  return traces.map((name) => {
    const results = runs.map((label): LabelledResult => {
      const all = found.filter(
        (each) => each.label === label && each.result.summary.trace.name === name,
      );
      if (all.length === 1) return { label, result: all[0]!.result };
      const problem = all.length === 0 ? 'no result' : `${all.length} results`;
      throw new InputError(
        roots.join(', '),
        `run "${label}" has ${problem} of trace "${name}", expected one: only results of the same traces are compared`,
      );
    });
    return { name, results, requests: null, divergences: null };
  });
}

function labelOf(
  { run }: FoundResult,
  root: string,
  name: string,
  roots: readonly string[],
): string {
  if (roots.length === 1) return run;
  const runs = new Set(findResults([root]).map((found) => found.run));
  return runs.size === 1 ? name : `${name}/${run}`;
}
