// The commands, in the order of the help. A command is loaded when it is the one that was asked for: most of
// what one needs (tables, charts, YAML) no other needs, and to load all takes longer than to read a small trace.

import type { Argv } from 'yargs';

const ADDED: Readonly<Record<string, (y: Argv) => Promise<unknown>>> = {
  info: async (y) => y.command((await import('./commands/info.ts')).info),
  convert: async (y) => y.command((await import('./commands/convert.ts')).convert),
  replay: async (y) => y.command((await import('./commands/replay.ts')).replay),
  batch: async (y) => y.command((await import('./commands/batch.ts')).batch),
  worker: async (y) => y.command((await import('./commands/worker.ts')).worker),
  merge: async (y) => y.command((await import('./commands/merge.ts')).merge),
  guests: async (y) => y.command((await import('./commands/guests.ts')).guests),
  compare: async (y) => y.command((await import('./commands/compare.ts')).compare),
  sweep: async (y) => y.command((await import('./commands/sweep.ts')).sweep),
  size: async (y) => y.command((await import('./commands/size.ts')).size),
  verify: async (y) => y.command((await import('./commands/verify.ts')).verify),
  check: async (y) => y.command((await import('./commands/check.ts')).check),
  explain: async (y) => y.command((await import('./commands/explain.ts')).explain),
  minimise: async (y) => y.command((await import('./commands/minimise.ts')).minimise),
  calibrate: async (y) => y.command((await import('./commands/calibrate.ts')).calibrate),
  record: async (y) => y.command((await import('./commands/record.ts')).record),
  conform: async (y) => y.command((await import('./commands/conform.ts')).conform),
  report: async (y) => y.command((await import('./commands/report.ts')).report),
  chart: async (y) => y.command((await import('./commands/chart.ts')).chart),
  policies: async (y) => y.command((await import('./commands/policies.ts')).policies),
  completion: async (y) => y.command((await import('./commands/completion.ts')).completion),
};

/** Names of all commands. */
export const COMMAND_NAMES: readonly string[] = Object.keys(ADDED);

/** Adds the command of this name to `y`, where there is one. */
export async function addCommand(y: Argv, name: string): Promise<void> {
  if (Object.hasOwn(ADDED, name)) await ADDED[name]?.(y);
}

/** Adds the command that `words` begin with to `y`; all commands where they begin with none, but for the version alone. */
export async function addCommands(y: Argv, words: readonly string[]): Promise<void> {
  const [first = ''] = words;
  if (first === '--version' && words.length === 1) return;
  const add = Object.hasOwn(ADDED, first) ? ADDED[first] : undefined;
  if (add !== undefined) await add(y);
  else for (const addNext of Object.values(ADDED)) await addNext(y);
}
