// One trace of a batch on all its machines: read once, replayed on each, each result in a folder of its own.
//
// A job names files and machines only, so it can be sent to another thread or computer. It can be done any number of
// times: a result is complete when its summary.json is there, with the hashes of what it was made of; then it is left alone.

import { existsSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type BatchMachine,
  type BatchRow,
  type InputHashes,
  RESULT_FILES,
  readResult,
  rowOfFailure,
  rowOfResult,
  type Summary,
  summarise,
} from '@dmalab/analysis';
import { replay } from '@dmalab/replay';
import { type Capture, type ReadOptions, readCapture } from '@dmalab/trace';
import { type FactArguments, readOptions } from '../fact-options.ts';
import { kernelReadOptions } from '../kernel-options.ts';
import { type MachineArguments, type Run, runsOf } from '../machine-options.ts';
import { requireRequests } from '../require-requests.ts';
import { writeResultFolder } from '../result-folder.ts';
import { machineOfRun } from '../run-machine.ts';
import { toolVersion } from '../version.ts';
import { runFolders, traceFolder } from './batch-files.ts';
import { pathOfTrace } from './find-traces.ts';
import { hashOfFile, hashOfMachine, hashOfMeta, hashOfTrace, sameInputs } from './input-hashes.ts';

/** Options of machines and of reading, as the command line gives them: names and files, no code. */
export type JobOptions = MachineArguments & FactArguments;

/** One trace to be replayed. */
export interface BatchJob {
  /** Folder of the traces, and path of this one below it. */
  readonly root: string;
  readonly trace: string;
  /** Folder of the results. */
  readonly out: string;
  readonly options: JobOptions;
}

/** What became of it. */
export interface JobResult {
  readonly trace: string;
  /** One row for each machine, in their order; one row alone where the trace could not be read. */
  readonly rows: readonly BatchRow[];
  /** Results that were there already, and complete. */
  readonly kept: number;
}

/** A run, where its result goes, and what its result is made of. */
interface Planned {
  readonly run: Run;
  readonly folder: string;
  readonly machine: string;
}

/** Does it. Whatever the trace is like, it is told in the rows. */
export async function runJob(job: BatchJob): Promise<JobResult> {
  const { root, trace } = job;
  const path = pathOfTrace(root, trace);
  try {
    const planned = await plannedRuns(job);
    const trace256 = hashOfTrace(path);
    const meta = hashOfMeta(path);
    const inputs = planned.map(({ machine }) => ({ trace: trace256, meta, machine }));
    const rows = planned.map((plan, i) => keptRow(job, plan, inputs[i]!));
    const kept = rows.filter((row) => row !== null).length;
    if (kept < planned.length) await replayMissing(job, path, planned, inputs, rows);
    return { trace, rows: rows.filter((row) => row !== null), kept };
  } catch (error) {
    return { trace, rows: [rowOfFailure(trace, null, messageOf(error, path, trace))], kept: 0 };
  }
}

/** The machines of the options; throws where they cannot be made. */
export async function machinesOf(options: JobOptions): Promise<BatchMachine[]> {
  readOptionsOf(options);
  return (await hashedRuns(options)).map(({ run, machine }) => ({
    name: run.name,
    sha256: machine,
  }));
}

let known: { key: string; runs: Promise<Omit<Planned, 'folder'>[]> } | null = null;

/** The runs of the options, made once for all jobs that have the same. */
async function plannedRuns({ trace, options }: BatchJob): Promise<Planned[]> {
  const key = JSON.stringify(options);
  if (known?.key !== key) known = { key, runs: hashedRuns(options) };
  const runs = await known.runs;
  const folders = runFolders(runs.map(({ run }) => run.name));
  return runs.map((each, i) => ({ ...each, folder: `${traceFolder(trace)}/${folders[i]}` }));
}

async function hashedRuns(options: JobOptions): Promise<Omit<Planned, 'folder'>[]> {
  const reading = readingOf(options);
  return (await runsOf(options)).map((run) => ({
    run,
    machine: hashOfMachine(run, options.policy ?? [], reading),
  }));
}

/** How traces are read, with the content of the initial state in place of its name. */
function readingOf(options: JobOptions): object {
  const { granule, maskBits, forcedac, columns, initialState } = options;
  const state = initialState === undefined ? null : hashOfFile(initialState);
  return { granule, maskBits, forcedac, columns, state, ...kernelReadOptions(options) };
}

/** The row of a result that is complete and was made of the same; null where it has to be made. */
function keptRow({ out, trace }: BatchJob, plan: Planned, inputs: InputHashes): BatchRow | null {
  const folder = join(out, plan.folder);
  const summary = readSummary(folder);
  if (summary === null || summary.tool.version !== toolVersion()) return null;
  if (!sameInputs(summary.inputs, inputs)) return null;
  return rowOfResult(trace, plan.run.name, plan.folder, summary);
}

/** null where there is none, or none that can be understood. */
function readSummary(folder: string): Summary | null {
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  try {
    return readResult({
      summary: read(RESULT_FILES.summary),
      series: read(RESULT_FILES.series),
      distributions: read(RESULT_FILES.distributions),
    }).summary;
  } catch {
    return null;
  }
}

/** Fills the rows that are null. */
async function replayMissing(
  job: BatchJob,
  path: string,
  planned: readonly Planned[],
  inputs: readonly InputHashes[],
  rows: (BatchRow | null)[],
): Promise<void> {
  // From here on nothing of what is made anew may look complete.
  planned.forEach(({ folder }, i) => {
    if (rows[i] === null) rmSync(join(job.out, folder), { recursive: true, force: true });
  });
  const capture = await readCapture(path, readOptionsOf(job.options));
  try {
    requireRequests(capture, path);
    planned.forEach((plan, i) => {
      rows[i] ??= replayOn(job, capture, plan, inputs[i]!, path);
    });
  } finally {
    capture.close();
  }
}

function replayOn(
  { out, trace }: BatchJob,
  capture: Capture,
  { run, folder }: Planned,
  inputs: InputHashes,
  path: string,
): BatchRow {
  const { report, facts } = capture;
  try {
    const machine = machineOfRun(capture, run);
    const context = { report, facts, machine, version: toolVersion(), name: trace, inputs };
    const result = summarise(context, replay(machine, capture, null, run.registry));
    writeResultFolder(join(out, folder), result);
    return rowOfResult(trace, run.name, folder, result.summary);
  } catch (error) {
    return rowOfFailure(trace, run.name, messageOf(error, path, trace));
  }
}

function readOptionsOf(options: JobOptions): ReadOptions {
  const { progress: _, ...read } = readOptions('', options);
  return read;
}

/** Removes the folders of the job's results that are not complete, and those that are empty then. */
export async function removeIncomplete(job: BatchJob): Promise<void> {
  const { out, trace } = job;
  for (const { folder } of await plannedRuns(job)) {
    if (!existsSync(join(out, folder, RESULT_FILES.summary))) {
      rmSync(join(out, folder), { recursive: true, force: true });
    }
  }
  for (let folder = traceFolder(trace); folder !== '.'; folder = dirname(folder)) {
    try {
      rmdirSync(join(out, folder));
    } catch {
      return;
    }
  }
}

/** The message with the path below the folder of the batch: the same wherever that folder lies. */
function messageOf(error: unknown, path: string, trace: string): string {
  if (!(error instanceof Error)) return String(error);
  const isForeseen = /^(?:TraceError|InputError|UsageError)$/.test(error.name);
  const message = error.message.replaceAll(path, trace);
  return isForeseen ? message : `unexpected ${error.name}: ${message}`;
}
