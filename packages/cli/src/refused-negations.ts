// `--no-NAME` is yargs' word for an option that can be on or off. Of an option that takes a value it
// would make the value `false`, which no command expects.

import type { Argv } from 'yargs';
import { keptOptions } from './command-options.ts';
import { UsageError } from './usage-error.ts';

/** Refuses `--no-NAME` for options that take a value, with a {@link UsageError}. */
export function refuseNegations(y: Argv, words: readonly string[]): void {
  const { boolean } = keptOptions(y);
  for (const word of words) {
    if (word === '--') return;
    const name = /^--no-([\w-]+)$/.exec(word)?.[1];
    if (name !== undefined && !boolean.includes(name)) {
      throw new UsageError(`${word}: there is no such option; leave --${name} out`);
    }
  }
}
