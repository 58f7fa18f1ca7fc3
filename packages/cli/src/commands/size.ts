// dmalab size: the smallest parameter that meets a goal on one or several traces.

import {
  GOAL_HELP,
  type Goal,
  type NamedCapture,
  NO_FAILURES,
  parseGoal,
  type SizedParameter,
  sizedParameter,
  sizedParameters,
  sizeParameter,
  sizeText,
} from '@dmalab/analysis';
import type { Capture } from '@dmalab/trace';
import type { Argv, CommandModule } from 'yargs';
import { type FactArguments, factOptions, readOptions } from '../fact-options.ts';
import { InputError } from '../input-error.ts';
import { type MachineArguments, machineOptions } from '../machine-options.ts';
import { type Run, runsOf } from '../machine-runs.ts';
import { parseBytes } from '../memory-size.ts';
import { print, printJson, progress, progressDone } from '../output.ts';
import { stepMeter } from '../progress-meter.ts';
import { requireRequests } from '../require-requests.ts';
import { traceNames } from '../run-name.ts';
import { type CacheArguments, cacheOf, cacheOptions } from '../trace-cache/cache-options.ts';
import { readTrace } from '../trace-cache/read-trace.ts';
import { traceFiles } from '../trace-files.ts';
import { UsageError } from '../usage-error.ts';

interface SizeArguments extends MachineArguments, FactArguments, CacheArguments {
  files: string[];
  goal: string[] | undefined;
  parameter: string | undefined;
  memory: string | undefined;
  json: boolean;
}

export const size: CommandModule<object, SizeArguments> = {
  command: 'size <files..>',
  describe: 'Find the smallest parameter that meets a goal on all traces, with the curve behind it',
  builder: (y: Argv) =>
    cacheOptions(factOptions(machineOptions(traceFiles(y))))
      .option('goal', {
        describe: `What has to hold on each trace, several together: ${GOAL_HELP}. Default: no-failures`,
        type: 'string',
        array: true,
        nargs: 1,
        requiresArg: true,
      })
      .option('parameter', {
        describe: `What is sized: ${sizedParameters.map(({ name }) => name).join(', ')}. Default: by the policy that is chosen`,
        type: 'string',
        requiresArg: true,
      })
      .option('memory', {
        describe:
          'Memory of the guest, as in 8G: compares with the 6 % that a confidential guest takes by default',
        type: 'string',
        requiresArg: true,
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example(
        '$0 size trace.txt --bounce static --goal no-failures',
        'what goes on the kernel command line',
      )
      .example(
        '$0 size trace.txt --host vfio --flush single --goal "failures<=50ppm"',
        'the host limit that a large queue needs',
      ) as unknown as Argv<SizeArguments>,
  handler: runSize,
};

async function runSize(options: SizeArguments): Promise<void> {
  const { files, json } = options;
  const run = await onlyRun(options);
  const goals = goalsOf(options.goal);
  const stated = options.parameter === undefined ? null : parameterNamed(options.parameter);
  const memory =
    options.memory === undefined ? {} : { memory: parseBytes('memory', options.memory) };
  const names = traceNames(files);
  const captures: Capture[] = [];
  try {
    for (const [i, file] of files.entries()) {
      progress(`${names[i]}: reading`);
      const capture = await readTrace(
        file,
        readOptions(names[i] ?? file, options),
        cacheOf(options),
      );
      captures.push(capture);
      requireRequests(capture, file);
    }
    const traces = captures.map((capture, i) => ({ name: names[i] ?? '', capture }));
    const parameter = stated ?? chosenParameter(run, traces);
    const overrides = { ...run.overrides, ...memory };
    const meter = stepMeter('replays', null);
    const result = sized(run, () =>
      sizeParameter(traces, {
        parameter,
        goals,
        overrides: withPolicy(parameter, overrides, traces),
        registry: run.registry,
        progress: (value) => meter(`${parameter.name} = ${value}`),
      }),
    );
    progressDone();
    if (json) printJson(result);
    else print(sizeText(result));
    if (!result.passes) process.exitCode = 1;
  } finally {
    for (const capture of captures) capture.close();
  }
}

async function onlyRun(options: MachineArguments): Promise<Run> {
  const runs = await runsOf(options);
  if (runs.length > 1) {
    const names = runs.map(({ name }) => name).join(', ');
    throw new UsageError(`size takes one machine, got ${runs.length}: ${names}`);
  }
  return runs[0]!;
}

function goalsOf(typed: readonly string[] | undefined): Goal[] {
  if (typed === undefined) return [NO_FAILURES];
  return typed.map((text) => asUsage('--goal', () => parseGoal(text)));
}

function parameterNamed(name: string): SizedParameter {
  return asUsage('--parameter', () => sizedParameter(name));
}

/** Where none is named: of the policy that was chosen, else of the bounce memory that was recorded. */
function chosenParameter({ overrides }: Run, traces: readonly NamedCapture[]): SizedParameter {
  const { bounce, host, flush } = overrides;
  if (bounce && bounce.name !== 'none') return sizedParameter('bounce.slots');
  if (host && host.name !== 'unlimited') {
    return sizedParameter(host.name === 'pinned' ? 'host.pages' : 'host.entries');
  }
  if (flush) return sizedParameter('flush.size');
  if (traces.every(({ capture }) => capture.facts.bounce !== null)) {
    return sizedParameter('bounce.slots');
  }
  throw new UsageError(
    'nothing to size: choose a policy, as in --bounce static or --host vfio, or a --parameter',
  );
}

/** Sizing bounce memory needs some: static, where neither trace nor flags have any. */
function withPolicy(
  { name }: SizedParameter,
  overrides: Run['overrides'],
  traces: readonly NamedCapture[],
): Run['overrides'] {
  if (!name.startsWith('bounce.') || overrides.bounce !== undefined) return overrides;
  if (traces.every(({ capture }) => capture.facts.bounce !== null)) return overrides;
  return { ...overrides, bounce: { name: 'static', parameters: {} } };
}

function sized<T>({ file }: Run, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw file === null ? new UsageError(error.message) : new InputError(file, error.message);
  }
}

function asUsage<T>(option: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`${option}: ${error.message}`);
    throw error;
  }
}
