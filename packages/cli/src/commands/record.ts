// dmalab record: records a trace with the kernel it runs on, or prints the commands for another.

import { cpus, freemem, release } from 'node:os';
import type { Argv, CommandModule } from 'yargs';
import { formatNumber, print } from '../output.ts';
import { isAtLeast, kernelVersion } from '../recording/kernel-release.ts';
import { FIRST_WITH_DMA_EVENTS, type Recipe, recipeFor, TRACEFS } from '../recording/recipe.ts';
import { type Recording, record as runRecording } from '../recording/record-run.ts';
import { traceCmdScript, tracefsScript } from '../recording/recording-script.ts';
import { lostOf } from '../recording/ring-buffer-stats.ts';
import { offerOf, openTracefs } from '../recording/tracefs.ts';
import { UsageError } from '../usage-error.ts';

interface RecordArguments {
  command: string[];
  out: string;
  duration: number;
  with: 'tracefs' | 'trace-cmd';
  print: boolean;
  kernel: string | undefined;
  tracefs: string;
  'buffer-kb': number;
  clock: string;
  sync: boolean;
}

const CLOCKS = ['mono', 'boot', 'mono_raw', 'tai', 'global', 'local', 'perf'];

export const record: CommandModule<object, RecordArguments> = {
  command: 'record [command..]',
  describe: 'Record a trace on this machine (Linux, root), or print the commands for another',
  builder: (y: Argv) =>
    y
      .positional('command', {
        describe: 'Runs while recording (after --); without it, see --duration',
        type: 'string',
        array: true,
        default: [],
      })
      .option('out', {
        alias: 'o',
        describe: 'Folder for trace and meta.json',
        type: 'string',
        default: 'capture',
      })
      .option('duration', {
        describe: 'Seconds to record without a command; 0 is until Ctrl-C',
        type: 'number',
        default: 0,
      })
      .option('with', {
        describe: 'trace-cmd keeps nanoseconds, and does not need to hold the trace in memory',
        choices: ['tracefs', 'trace-cmd'] as const,
        default: 'tracefs',
      })
      .option('buffer-kb', {
        describe: 'Ring buffer of each CPU in KiB; at most a quarter of the free memory in all',
        type: 'number',
        default: 65_536,
      })
      .option('clock', { describe: 'Trace clock', choices: CLOCKS, default: 'mono' })
      .option('sync', {
        describe: 'Record dma_sync_* too, which may be many',
        type: 'boolean',
        default: false,
      })
      .option('print', {
        describe: 'Print a shell script that does it, and record nothing',
        type: 'boolean',
        default: false,
      })
      .option('kernel', {
        describe: 'Release (uname -r) to print for; this machine without it',
        type: 'string',
      })
      .option('tracefs', { describe: 'Where tracefs is mounted', type: 'string', default: TRACEFS })
      .example('sudo $0 record -o capture -- fio job.fio', 'records while fio runs')
      .example('$0 record --print --kernel 6.12', 'a script for a machine without dmalab')
      .epilogue(
        'Uses an ftrace instance of its own. It and the probes are removed at the end, also on Ctrl-C. Exit code 1 if events were lost.',
      ) as unknown as Argv<RecordArguments>,
  handler: runRecord,
};

async function runRecord(options: RecordArguments): Promise<void> {
  checkUsage(options);
  const kernel = options.kernel ?? release();
  const version = kernelVersion(kernel);
  const fixed = {
    release: kernel,
    sync: options.sync,
    clock: options.clock,
    bufferKb: options['buffer-kb'],
    output: options.out,
    tracefs: options.tracefs,
    command: commandWords(options),
    seconds: options.duration,
  };
  if (options.print) {
    const recipe: Recipe = { ...fixed, ...recipeFor(version) };
    process.stdout.write(
      options.with === 'tracefs' ? tracefsScript(recipe) : traceCmdScript(recipe),
    );
    return;
  }
  const tracefs = openTracefs(options.tracefs, options.tracefs === TRACEFS);
  const { missing, ...offer } = offerOf(tracefs, version);
  const recipe: Recipe = { ...fixed, ...offer, bufferKb: affordable(fixed.bufferKb) };
  if (recipe.bufferKb < fixed.bufferKb) {
    note(`ring buffers of ${formatNumber(recipe.bufferKb)} KiB each: memory is short`);
  }
  if (recipe.style === 'kprobe' && recipe.probes.length > 0) {
    note(
      'no fprobes on this kernel: kprobes miss calls of interrupts, see kprobe_profile in meta.json',
    );
  }
  if (!isAtLeast(version, FIRST_WITH_DMA_EVENTS) && !recipe.systems.includes('dma')) {
    note('no dma:* events on this kernel: devices come from the probes, directions are unknown');
  }
  if (recipe.command.length === 0) {
    note(recipe.seconds > 0 ? `recording for ${recipe.seconds} s` : 'recording until Ctrl-C');
  }
  tell(await runRecording(tracefs, recipe, missing, options.with), recipe);
}

/** What follows "--" is taken as it is: yargs would read its options and numbers. */
function commandWords({ command }: RecordArguments): string[] {
  const separator = process.argv.indexOf('--');
  return separator < 0 ? command : process.argv.slice(separator + 1);
}

function checkUsage(options: RecordArguments): void {
  const { kernel, duration } = options;
  if (kernel !== undefined && !options.print) {
    throw new UsageError('--kernel goes with --print: a recording is always of the running kernel');
  }
  if (!(duration >= 0)) throw new UsageError(`--duration ${duration}: expected 0 or more seconds`);
  if (!(options['buffer-kb'] >= 4)) {
    throw new UsageError(`--buffer-kb ${options['buffer-kb']}: expected 4 or more`);
  }
  if (options.with === 'trace-cmd' && commandWords(options).length === 0 && duration === 0) {
    throw new UsageError('trace-cmd needs a command to run, or --duration');
  }
}

/** At most a quarter of the free memory for all ring buffers. */
function affordable(bufferKb: number): number {
  const all = freemem() / 1024 / 4;
  return Math.max(4, Math.min(bufferKb, Math.floor(all / cpus().length)));
}

function tell({ trace, stats, missing, workload }: Recording, { command }: Recipe): void {
  if (missing.length > 0) note(`left out, not to be probed here: ${missing.join(' ')}`);
  if (command.length > 0 && !workload.interrupted && workload.code !== 0) {
    note(`the command ended with ${workload.code ?? 'a signal'}`);
  }
  const lost = lostOf(stats);
  const entries = stats.entries > 0 ? `${formatNumber(stats.entries)} events, ` : '';
  const losses = trace.endsWith('.dat')
    ? 'losses: see dmalab info'
    : lost === 0
      ? 'none lost'
      : `${formatNumber(lost)} LOST: record for less time, or with a larger --buffer-kb`;
  print(`${trace}: ${entries}${losses}\nNext: dmalab info ${trace}`);
  if (lost > 0) process.exitCode = 1;
}

function note(text: string): void {
  process.stderr.write(`dmalab: ${text}\n`);
}
