// dmalab minimise: the smallest list of requests that still shows an event, as CSV that replays.

import {
  CONDITION_FIELDS,
  conditionSearch,
  divergenceSearch,
  type EventSearch,
  formatCount,
  formatDuration,
  type Minimised,
  minimise as minimiseTrace,
} from '@dmalab/analysis';
import { type Capture, readCapture, writeRequests } from '@dmalab/trace';
import type { Argv, CommandModule } from 'yargs';
import { type FactArguments, factOptions, readOptions } from '../fact-options.ts';
import { InputError } from '../input-error.ts';
import { type MachineArguments, machineOptions } from '../machine-options.ts';
import { type Run, runsOf } from '../machine-runs.ts';
import { print, printJson, progress, progressDone } from '../output.ts';
import { machineOfRun } from '../run-machine.ts';
import { traceFile } from '../trace-files.ts';
import { UsageError } from '../usage-error.ts';

const DIVERGE = 'diverge';

interface MinimiseArguments extends MachineArguments, FactArguments {
  file: string;
  until: string;
  out: string | undefined;
  replays: number;
  json: boolean;
}

export const minimise: CommandModule<object, MinimiseArguments> = {
  command: 'minimise <file>',
  describe: 'Cut a trace to the smallest list of requests that still shows an event',
  builder: (y: Argv) =>
    factOptions(machineOptions(y))
      .positional('file', {
        describe: 'Trace; - is standard input',
        type: 'string',
        demandOption: true,
        coerce: traceFile,
      })
      .option('until', {
        describe: `A condition on a row of the replay, or ${DIVERGE}: two machines differ. Names: ${CONDITION_FIELDS.map(({ name }) => name).join(', ')}`,
        type: 'string',
        demandOption: true,
        requiresArg: true,
      })
      .option('out', {
        alias: 'o',
        describe: 'CSV file for the requests that are left; every command reads it',
        type: 'string',
        requiresArg: true,
      })
      .option('replays', {
        describe: 'Replays at most',
        type: 'number',
        default: 20_000,
        requiresArg: true,
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example(
        "$0 minimise trace.txt --until 'steps > 1000' -o small.csv",
        'what made one search walk so far',
      )
      .example(
        '$0 minimise trace.txt --until diverge -m a.yaml -m b.yaml -o small.csv',
        'the least that two machines answer differently',
      ) as unknown as Argv<MinimiseArguments>,
  handler: runMinimise,
};

async function runMinimise(options: MinimiseArguments): Promise<void> {
  const { file, until, out, replays, json } = options;
  if (!(Number.isInteger(replays) && replays >= 1)) {
    throw new UsageError(`--replays: got ${replays}, expected a whole number from 1 on`);
  }
  const runs = await runsOf(options);
  const capture = await readCapture(file, readOptions(file, options));
  try {
    const { search, load } = searchOf(capture, runs, until);
    const found = minimiseTrace(capture, load, search, {
      replays,
      progress: (done, left) =>
        progress(
          `${file}: replay ${done}${left === 0 ? '' : `, ${formatCount(left)} pieces left`}`,
        ),
    });
    if (found === null) throw new InputError(file, `"${until}" never holds in the replay`);
    if (out !== undefined) await write(out, found, search, until);
    progressDone();
    if (json) printJson(documentOf(options, found));
    else print(textOf(options, found));
  } finally {
    capture.close();
  }
}

/** The search that `until` asks for, and the load under which the requests come. */
function searchOf(
  capture: Capture,
  runs: readonly Run[],
  until: string,
): { search: EventSearch; load: Parameters<typeof minimiseTrace>[1] } {
  const machines = runs.map((run) => machineOfRun(capture, run));
  const [a, b, more] = machines;
  const registry = runs[0]?.registry;
  if (until.trim() === DIVERGE) {
    if (a === undefined || b === undefined || more !== undefined) {
      throw new UsageError(
        `--until ${DIVERGE}: got ${machines.length} machines, expected two (-m A -m B, or --flush twice)`,
      );
    }
    return { search: divergenceSearch(a, b, registry), load: a };
  }
  if (a === undefined || b !== undefined) {
    throw new UsageError(`--until: got ${machines.length} machines, expected one`);
  }
  try {
    return { search: conditionSearch(until, a, registry), load: a };
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--until: ${error.message}`);
    throw error;
  }
}

/** Writes what is left, and replays the file as it now lies on disk. */
async function write(
  out: string,
  { capture: left }: Minimised,
  search: EventSearch,
  until: string,
): Promise<void> {
  writeRequests(left, out, 'csv');
  const written = await readCapture(out);
  const again = search(written);
  written.close();
  if (again === null) throw new InputError(out, `"${until}" does not hold in the file as written`);
}

function documentOf({ file, until, out }: MinimiseArguments, found: Minimised): object {
  const { event, eventLeft, before, left, replays, minimal } = found;
  return {
    schema: 'dmalab.minimise/1',
    source: file,
    until,
    event,
    eventLeft,
    before,
    left,
    replays,
    minimal,
    written: out ?? null,
  };
}

function textOf({ file, out }: MinimiseArguments, found: Minimised): string {
  const { event, eventLeft, before, left, replays, minimal } = found;
  const at = (name: string, { time, line, what }: typeof event): string =>
    `${name} ${formatDuration(time)}${line === 0 ? '' : `, line ${formatCount(line)}`}: ${what}`;
  return [
    file,
    at('  in the trace at', event),
    at('  in what is left at', eventLeft),
    `  ${formatCount(before)} requests up to the event, ${formatCount(left)} left, after ${formatCount(replays)} replays`,
    minimal
      ? '  no request can be left out'
      : '  the budget of replays ended first: less may be enough (--replays)',
    ...(out === undefined ? [] : [`  ${out} shows it too; next: dmalab replay ${out}`]),
  ].join('\n');
}
