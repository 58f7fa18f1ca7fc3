// The dmalab command: parses, dispatches, prints errors, sets the exit code.
//
// Exit codes: 0 done, 1 bad input or failed check, 2 bad usage. Only this file prints errors.

import { fileURLToPath } from 'node:url';
import type { PolicyError } from '@dmalab/replay';
import { TraceError } from '@dmalab/trace';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { addCommands } from './commands.ts';
import type { Default } from './config-file.ts';
import { InputError } from './input-error.ts';
import { coloured, print, printable, progressDone } from './output.ts';
import { refuseNegations } from './refused-negations.ts';
import { endCleanlyOnSignals } from './signals.ts';
import { keepStandardInput } from './trace-files.ts';
import { UsageError } from './usage-error.ts';
import { toolVersion } from './version.ts';

/** First word when a shell asks for completions; see completion.ts. */
const COMPLETE = '--get-completions';
const PACKAGES = new URL('../../', import.meta.url).href;

// A reader that went away (`dmalab info x | head`) is not an error; a full disk is one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.exit(say(`standard output: cannot write: ${error.message}`, 1));
});

endCleanlyOnSignals();
const words = hideBin(process.argv);
if (words[0] === COMPLETE) await complete(words.slice(1));
else await main(keepStandardInput(words));

async function complete(typed: readonly string[]): Promise<void> {
  const { completionsOf } = await import('./completion.ts');
  for (const word of await completionsOf(typed)) print(word);
}

async function main(words: string[]): Promise<void> {
  let defaults: ReadonlyMap<string, Default> = new Map();
  try {
    const y = yargs(words);
    keepNoHelp(y);
    await addCommands(y, words);
    defaults = await defaultsFor(words);
    y.config(Object.fromEntries([...defaults].map(([name, { value }]) => [name, value])));
    await y
      .scriptName('dmalab')
      .usage('$0 COMMAND\n\nReplays recorded Linux DMA traces through models of the kernel.')
      .demandCommand(1, 'No command was named: see dmalab --help')
      .recommendCommands()
      .strict()
      .middleware(() => refuseNegations(y, words))
      .locale('en')
      .wrap(Math.min(100, process.stdout.columns ?? 100))
      .version(toolVersion())
      .option('config', {
        describe: 'File of defaults for options (YAML or JSON); what is typed wins',
        type: 'string',
        requiresArg: true,
      })
      .help()
      .alias('h', 'help')
      .epilogue(
        'Every command takes --json. Exit codes: 0 done, 1 bad input or failed check, 2 bad usage.',
      )
      .exitProcess(false)
      .fail((message, error) => {
        // A handler's own error comes as `error`, a wrong command line as `message`, with or without
        // yargs' own error.
        throw error === undefined || error.name === 'YError' ? new UsageError(message) : error;
      })
      .parseAsync();
  } catch (error) {
    progressDone();
    process.exitCode = await exitCodeOf(placed(error, defaults, words));
  }
}

/**
 * Once a handler waits, yargs makes the help of its command, to have it for a failure: a twentieth of a second, and no failure
 * shows it here. Its types do not name the hook.
 */
function keepNoHelp(y: object): void {
  const inner = y as { getInternalMethods(): { getUsageInstance(): { cacheHelpMessage(): void } } };
  inner.getInternalMethods().getUsageInstance().cacheHelpMessage = () => {};
}

async function defaultsFor(words: readonly string[]): Promise<ReadonlyMap<string, Default>> {
  if (!words.some((word) => word.startsWith('--config'))) return new Map();
  const { configNamed, readConfig } = await import('./config-file.ts');
  const file = configNamed(words);
  return file === null ? new Map() : await readConfig(file, words[0] ?? '');
}

/** A wrong value of an option with the place in the file of defaults, where it came from there. */
function placed(
  error: unknown,
  defaults: ReadonlyMap<string, Default>,
  words: readonly string[],
): unknown {
  if (!(error instanceof UsageError)) return error;
  const option = /^--([\w-]+):/.exec(error.message)?.[1] ?? '';
  const found = defaults.get(option);
  const typed = words.some((word) => word === `--${option}` || word.startsWith(`--${option}=`));
  return found === undefined || typed ? error : new UsageError(`${found.where}: ${error.message}`);
}

async function exitCodeOf(error: unknown): Promise<number> {
  if (!(error instanceof Error)) throw error;
  if (error instanceof TraceError || error instanceof InputError) return say(error.message, 1);
  if (error instanceof UsageError) return say(error.message, 2);
  // Loaded only now: most commands need no models.
  const { PolicyError } = await import('@dmalab/replay');
  if (error instanceof PolicyError) return sayOfPolicy(error);
  const place = placeOutside(error);
  if (place !== null)
    return say(`${place}: ${error.message} (thrown by this file, not by dmalab)`, 1);
  // Not foreseen: a fault of dmalab itself, so the stack is what helps.
  return say(`internal error, please report it: ${error.stack ?? error.message}`, 1);
}

// A RangeError is about the parameters; anything else a built-in policy throws is a fault of dmalab.
function sayOfPolicy({ message, cause }: PolicyError): number {
  const place = cause instanceof Error ? placeOutside(cause) : null;
  if (place !== null) return say(`${place}: ${message}`, 1);
  if (cause instanceof Error && !(cause instanceof RangeError))
    return say(`internal error, please report it: ${cause.stack ?? message}`, 1);
  return say(message, 1);
}

/** Where a policy of the user threw, as FILE:LINE; null when it was dmalab or what it is built on. */
function placeOutside(error: Error): string | null {
  const found = /^ +at .*?(file:[^\s()]+):(\d+):\d+\)?$/m.exec(error.stack ?? '');
  if (found === null) return null;
  const [, url = '', line] = found;
  if (url.startsWith(PACKAGES) || url.includes('/node_modules/')) return null;
  return `${fileURLToPath(url)}:${line}`;
}

function say(message: string, code: number): number {
  process.stderr.write(`${coloured('dmalab:', process.stderr)} ${printable(message)}\n`);
  return code;
}
