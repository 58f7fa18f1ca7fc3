// dmalab sweep: a grid of machines on traces; each trace is read once.

import {
  type Axis,
  parseAxis,
  Sweep,
  type SweepCell,
  sweepCells,
  sweepCsv,
  sweepText,
} from '@dmalab/analysis';
import type { Argv, CommandModule } from 'yargs';
import { type FactArguments, factOptions, readOptions } from '../fact-options.ts';
import { type MachineArguments, machineOptions } from '../machine-options.ts';
import { type Run, runsOf } from '../machine-runs.ts';
import { print, printJson, progress, progressDone } from '../output.ts';
import { stepMeter } from '../progress-meter.ts';
import { requireRequests } from '../require-requests.ts';
import { machineOfRun } from '../run-machine.ts';
import { traceNames } from '../run-name.ts';
import { type CacheArguments, cacheOf, cacheOptions } from '../trace-cache/cache-options.ts';
import { readTrace } from '../trace-cache/read-trace.ts';
import { traceFiles } from '../trace-files.ts';
import { tracesIn } from '../trace-folders.ts';
import { UsageError } from '../usage-error.ts';

interface SweepArguments extends MachineArguments, FactArguments, CacheArguments {
  files: string[];
  vary: string[];
  format: 'text' | 'csv' | 'json';
  json: boolean;
}

export const sweep: CommandModule<object, SweepArguments> = {
  command: 'sweep <files..>',
  describe: 'Replay traces on a grid of machines, and show the Pareto front',
  builder: (y: Argv) =>
    cacheOptions(factOptions(machineOptions(traceFiles(y))))
      .option('vary', {
        describe:
          'What varies, several for a grid: PATH=FROM..TO:xFACTOR, FROM..TO:+STEP or a list, as in flush.size=64..32768:x2 or kernel=6.1,6.12',
        type: 'string',
        array: true,
        nargs: 1,
        demandOption: true,
        requiresArg: true,
      })
      .option('format', {
        describe: 'A table as plain text or CSV, or JSON',
        choices: ['text', 'csv', 'json'] as const,
        default: 'text' as const,
        requiresArg: true,
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example(
        '$0 sweep trace.txt --vary flush=percpu,single --vary flush.size=64..32768:x2',
        'flushes against exposure against peak mappings',
      ) as unknown as Argv<SweepArguments>,
  handler: runSweep,
};

async function runSweep(options: SweepArguments): Promise<void> {
  const { format, json } = options;
  const run = await onlyRun(options);
  const { axes, cells } = gridOf(run, options.vary);
  const files = options.files.flatMap(tracesIn);
  const names = traceNames(files);
  const result = new Sweep(
    axes,
    cells.map(({ values }) => values),
  );
  for (const [i, file] of files.entries()) {
    const name = names[i] ?? file;
    progress(`${name}: reading`);
    const capture = await readTrace(file, readOptions(name, options), cacheOf(options));
    try {
      requireRequests(capture, file);
      const machines = cells.map(({ overrides }) => machineOfRun(capture, { ...run, overrides }));
      const meter = stepMeter('cells', cells.length);
      result.add(name, capture, machines, run.registry, () => meter(`${name}: replaying`));
    } finally {
      capture.close();
    }
  }
  progressDone();
  if (json || format === 'json') printJson(result.result());
  else print(format === 'csv' ? sweepCsv(result.result()) : sweepText(result.result()));
}

async function onlyRun(options: MachineArguments): Promise<Run> {
  const runs = await runsOf(options);
  if (runs.length === 1) return runs[0]!;
  const names = runs.map(({ name }) => name).join(', ');
  throw new UsageError(`sweep takes one machine and --vary, got ${runs.length} machines: ${names}`);
}

/** The axes and their cells, checked before any trace is read. */
function gridOf(
  { overrides, registry }: Run,
  vary: readonly string[],
): { axes: Axis[]; cells: SweepCell[] } {
  try {
    const axes = vary.map(parseAxis);
    return { axes, cells: sweepCells(overrides, axes, registry) };
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--vary: ${error.message}`);
    throw error;
  }
}
