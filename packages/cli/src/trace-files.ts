// The traces that a command is given, standard input among them.
//
// yargs drops the word "-" among positional arguments, so it travels under another name.

import type { Argv } from 'yargs';
import { distinctFiles } from './distinct-files.ts';

const STANDARD_INPUT = '\u0000standard input';

/** The words of the command line with "-" under a name that yargs keeps. */
export function keepStandardInput(words: readonly string[]): string[] {
  return words.map((word) => (word === '-' ? STANDARD_INPUT : word));
}

/** The name of a file as it was typed: "-" where it is standard input. */
export function traceFile(file: string): string {
  return file === STANDARD_INPUT ? '-' : file;
}

/** Adds the positional argument `files`; "-" is standard input; what is given twice is left out. */
export function traceFiles(y: Argv): Argv<{ files: string[] }> {
  return y.positional('files', {
    describe: 'Trace files, or directories with a file for each CPU; - is standard input',
    type: 'string',
    array: true,
    demandOption: true,
    coerce: (files: string[]) => distinctFiles(files.map(traceFile)),
  }) as unknown as Argv<{ files: string[] }>;
}
