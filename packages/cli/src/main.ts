// The dmalab command: parses, dispatches, prints errors, sets the exit code.
//
// Exit codes: 0 done, 1 bad input or failed check, 2 bad usage. Only this file prints errors.

import { fileURLToPath } from 'node:url';
import { PolicyError } from '@dmalab/replay';
import { TraceError } from '@dmalab/trace';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { addCommands } from './commands.ts';
import { InputError } from './input-error.ts';
import { printable, progressDone } from './output.ts';
import { endCleanlyOnSignals } from './signals.ts';
import { keepStandardInput } from './trace-files.ts';
import { UsageError } from './usage-error.ts';
import { toolVersion } from './version.ts';

const PACKAGES = new URL('../../', import.meta.url).href;

// A reader that went away (`dmalab info x | head`) is not an error; a full disk is one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.exit(say(`standard output: cannot write: ${error.message}`, 1));
});

endCleanlyOnSignals();
await main(keepStandardInput(hideBin(process.argv)));

async function main(words: string[]): Promise<void> {
  try {
    const y = yargs(words);
    await addCommands(y, words);
    await y
      .scriptName('dmalab')
      .usage('$0 COMMAND\n\nReplays recorded Linux DMA traces through models of the kernel.')
      .demandCommand(1, 'No command was named: see dmalab --help')
      .recommendCommands()
      .strict()
      .locale('en')
      .wrap(Math.min(100, process.stdout.columns ?? 100))
      .version(toolVersion())
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
    process.exitCode = exitCodeOf(error);
  }
}

function exitCodeOf(error: unknown): number {
  if (!(error instanceof Error)) throw error;
  if (error instanceof TraceError || error instanceof InputError) return say(error.message, 1);
  if (error instanceof UsageError) return say(error.message, 2);
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
  process.stderr.write(`dmalab: ${printable(message)}\n`);
  return code;
}
