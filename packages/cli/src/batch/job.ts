// One trace of a batch on all its machines: read once, replayed on each, each result in a folder of its own.
//
// A job names files and machines only, so it can be sent to another process or computer. It can be done any number of
// times: a result is complete when its summary.json is there, with the hashes of what it was made of; then it is left alone.

import { existsSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs';
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
} from '@dmalab/analysis/results';
import { replay } from '@dmalab/replay';
import { type Capture, type ReadingRoom, type ReadOptions, readingRoom } from '@dmalab/trace';
import { type FactArguments, readOptions } from '../fact-options.ts';
import { hashOfFile, hashOfMeta, hashOfTrace } from '../file-hashes.ts';
import { kernelReadOptions } from '../kernel-options.ts';
import type { MachineArguments } from '../machine-options.ts';
import { type Run, runsOf } from '../machine-runs.ts';
import { requireRequests } from '../require-requests.ts';
import { writeResultFolder } from '../result-folder.ts';
import { machineOfRun } from '../run-machine.ts';
import { type CachePlace, openCache } from '../trace-cache/cache-options.ts';
import { readTrace, type TraceHashes, traceHashes } from '../trace-cache/read-trace.ts';
import { toolVersion } from '../version.ts';
import { OWN_REPORT, runFolders, traceFolder } from './batch-files.ts';
import { pathOfTrace } from './find-traces.ts';
import { hashOfMachine, sameInputs } from './input-hashes.ts';

/** Options of machines and of reading, as the command line gives them: names and files, no code. */
export type JobOptions = MachineArguments & FactArguments;

/** One trace to be replayed. */
export interface BatchJob {
  /** Folder of the traces, and path of this one below it. */
  readonly root: string;
  readonly trace: string;
  /** Folder of the results. */
  readonly out: string;
  /** Where converted traces are kept; null: they are read anew. */
  readonly cache: CachePlace | null;
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

/** Buffers of the readings of this process, which does one job at a time. */
let room: ReadingRoom | null = null;
const parent = process.ppid;

/** Ends a process whose parent was killed: another batch may be at the same results by now. */
function endOrphan(): void {
  if (process.ppid !== parent) process.exit(1);
}

/** Does it. Whatever the trace is like, it is told in the rows. */
export async function runJob(job: BatchJob): Promise<JobResult> {
  const { root, trace } = job;
  const path = pathOfTrace(root, trace);
  try {
    const planned = await plannedRuns(job);
    // Without results to be held against it, and without a cache, the hash is made while the trace is read.
    const isNew = planned.every(({ folder }) => !isComplete(join(job.out, folder)));
    const hashes = isNew && job.cache === null ? null : traceHashes(path);
    const rows = planned.map((plan) => (hashes === null ? null : keptRow(job, plan, hashes)));
    const kept = rows.filter((row) => row !== null).length;
    if (kept < planned.length) await replayMissing(job, path, planned, hashes, rows);
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
function keptRow({ out, trace }: BatchJob, plan: Planned, hashes: TraceHashes): BatchRow | null {
  const folder = join(out, plan.folder);
  const summary = isComplete(folder) ? readSummary(folder) : null;
  if (summary === null || summary.tool.version !== toolVersion()) return null;
  if (!sameInputs(summary.inputs, { ...hashes, machine: plan.machine })) return null;
  return rowOfResult(trace, plan.run.name, plan.folder, summary);
}

function isComplete(folder: string): boolean {
  return existsSync(join(folder, RESULT_FILES.summary));
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
  known: TraceHashes | null,
  rows: (BatchRow | null)[],
): Promise<void> {
  endOrphan();
  // From here on nothing of what is made anew may look complete. Folders stay: another process may be at the same trace, and
  // each of their files comes by rename, with the same bytes from both.
  planned.forEach(({ folder }, i) => {
    if (rows[i] !== null) return;
    for (const file of [RESULT_FILES.summary, OWN_REPORT]) {
      rmSync(join(job.out, folder, file), { force: true });
    }
  });
  const meta = known === null ? hashOfMeta(path) : known.meta;
  room ??= readingRoom();
  // The other cores are for other jobs.
  const read = { ...readOptionsOf(job.options), room, hashAside: false };
  const capture = await readTrace(path, read, openCache(job.cache), known);
  try {
    requireRequests(capture, path);
    const hashes = known ?? { trace: hashOfRead(capture, path), meta };
    planned.forEach((plan, i) => {
      const inputs = { ...hashes, machine: plan.machine };
      rows[i] ??= replayOn(job, capture, plan, inputs, path);
    });
  } finally {
    capture.close();
  }
}

/** That of the reader is of one file, and for a table of requests that of the original. */
function hashOfRead({ report }: Capture, path: string): string {
  const isFile = report.table === null && statSync(path).isFile();
  return isFile ? report.sha256 : hashOfTrace(path);
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
    endOrphan();
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
