// How the options of a command are grouped in its help.

import type { Argv } from 'yargs';

/** Adds a group of shared options, to be listed after what the command has of its own. */
export function sharedGroup<T>(y: Argv<T>, title: string, names: readonly string[]): Argv<T> {
  // yargs lists groups in the order in which they are named first.
  return y.group([], 'Positionals:').group([], 'Options:').group(names, `${title}:`);
}
