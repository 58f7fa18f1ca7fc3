// dmalab guests: several traces on one host, in one virtual time.

import { join } from 'node:path';
import {
  distinctWarnings,
  type GuestContext,
  guestsText,
  type LabelledResult,
  summariseGuests,
} from '@dmalab/analysis';
import { type Guest, machineFromFacts, replayGuests, SharedPinBudget } from '@dmalab/replay';
import { type Capture, readCapture } from '@dmalab/trace';
import type { Argv, CommandModule } from 'yargs';
import { type HostFile, type HostGuest, readHostFile } from '../host-file.ts';
import { InputError } from '../input-error.ts';
import { print, printJson, progress, progressDone } from '../output.ts';
import { makeFolder } from '../output-file.ts';
import { loadRegistry, type PolicyArguments, policyOption } from '../policy-file.ts';
import { writeResultFolder } from '../result-folder.ts';
import { folderName, traceNames, unique } from '../run-name.ts';
import { toolVersion } from '../version.ts';

interface GuestsArguments extends PolicyArguments {
  host: string;
  out: string | undefined;
  json: boolean;
}

export const guests: CommandModule<object, GuestsArguments> = {
  command: 'guests <host>',
  describe: 'Replay the traces of several guests together on one host, and say who blocked whom',
  builder: (y: Argv) =>
    policyOption(
      y.positional('host', {
        describe: 'Host file (YAML or JSON): the guests, and the pages that they may pin together',
        type: 'string',
        demandOption: true,
      }),
    )
      .option('out', {
        alias: 'o',
        describe: 'Folder for the results: one folder for each guest',
        type: 'string',
        requiresArg: true,
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example(
        '$0 guests host.yaml',
        'shows the guests side by side',
      ) as unknown as Argv<GuestsArguments>,
  handler: runGuests,
};

async function runGuests(options: GuestsArguments): Promise<void> {
  const { host: file, out, json } = options;
  const registry = await loadRegistry(options.policy);
  const host = readHostFile(file, registry);
  const captures: Capture[] = [];
  try {
    for (const { trace } of host.guests) {
      progress(`${trace}: reading`);
      captures.push(await readCapture(trace));
    }
    const contexts = host.guests.map((guest, i) =>
      contextOf(file, guest, captures[i]!, namesOf(host)[i]!, (facts) =>
        machineFromFacts(facts, guest.overrides, registry),
      ),
    );
    progress(`${file}: replaying`);
    const budget = new SharedPinBudget(host.pages);
    const replayed = contexts.map(
      ({ context, offset }, i): Guest => ({
        machine: context.machine,
        source: captures[i]!,
        offset,
      }),
    );
    const shared = host.pages > 0 ? budget : null;
    const outcomes = replayGuests(replayed, shared, registry);
    const { results, summary } = summariseGuests(contexts, budget, outcomes);
    progressDone();
    if (out !== undefined) writeResults(out, results);
    if (json) printJson(summary);
    else print(`${guestsText(results, summary)}${warningsText(results)}`);
  } finally {
    for (const capture of captures) capture.close();
  }
}

function namesOf({ guests }: HostFile): string[] {
  const traces = traceNames(guests.map(({ trace }) => trace));
  return unique(guests.map(({ name }, i) => name ?? traces[i] ?? ''));
}

function contextOf(
  file: string,
  { offsetMs }: HostGuest,
  { report, facts }: Capture,
  name: string,
  machineOf: (facts: Capture['facts']) => ReturnType<typeof machineFromFacts>,
): GuestContext {
  try {
    const machine = machineOf(facts);
    const context = { report, facts, machine, version: toolVersion(), name };
    return { name, offset: offsetMs * 1e6, context };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(file, `guest ${name}: ${error.message}`);
  }
}

function writeResults(out: string, results: readonly LabelledResult[]): void {
  makeFolder(out);
  const folders = unique(results.map(({ label }) => folderName(label)));
  results.forEach(({ result }, i) => {
    writeResultFolder(join(out, folders[i] ?? '', 'together'), result);
  });
}

function warningsText(results: readonly LabelledResult[]): string {
  return distinctWarnings(results)
    .map(({ warning, runs }) => `warning: ${warning.text} ${warning.meaning} (${runs})\n`)
    .join('');
}
