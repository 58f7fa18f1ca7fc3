// The options of a command as its builder states them, for completion and for files of defaults.

import type { Argv, CommandModule } from 'yargs';
import yargs from 'yargs';
import { addCommand, COMMAND_NAMES } from './commands.ts';

/** One option: how it is typed and what it takes. */
export interface CommandOption {
  /** As typed, without dashes: "mask-bits". */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: 'boolean' | 'number' | 'string';
  readonly list: boolean;
  /** Its only values; empty where there are others. */
  readonly choices: readonly string[];
}

/** What yargs keeps of the options. */
interface KeptOptions {
  readonly key: Readonly<Record<string, unknown>>;
  readonly alias: Readonly<Record<string, readonly string[]>>;
  readonly array: readonly string[];
  readonly boolean: readonly string[];
  readonly number: readonly string[];
  readonly choices: Readonly<Record<string, readonly unknown[]>>;
}

const NO_OPTIONS = new Set(['help', 'version', 'h']);

/** The options that a parser has been given; the types of yargs do not name it. */
export function keptOptions(y: Argv): KeptOptions {
  return (y as unknown as { getOptions(): KeptOptions }).getOptions();
}

const asked = new Map<string, Promise<readonly CommandOption[]>>();

/** The options of the command `name`; none where there is no such command. Positional arguments are left out. */
export function optionsOf(name: string): Promise<readonly CommandOption[]> {
  const options = asked.get(name) ?? builtOptions(name);
  asked.set(name, options);
  return options;
}

async function builtOptions(name: string): Promise<readonly CommandOption[]> {
  const module = await moduleOf(name);
  if (module === null) return [];
  const y = yargs([]);
  if (typeof module.builder === 'function') await module.builder(y);
  const kept = keptOptions(y);
  const positional = new Set(
    [...String(module.command).matchAll(/[<[]([\w-]+)/g)].map(([, word = '']) => word),
  );
  const aliases = new Set(Object.values(kept.alias).flat());
  return Object.keys(kept.key)
    .filter((key) => !positional.has(key) && !NO_OPTIONS.has(key) && !aliases.has(key))
    .map((key) => ({
      name: key,
      aliases: (kept.alias[key] ?? []).filter((alias) => alias.length === 1),
      type: kept.boolean.includes(key)
        ? 'boolean'
        : kept.number.includes(key)
          ? 'number'
          : 'string',
      list: kept.array.includes(key),
      choices: (kept.choices[key] ?? []).map(String),
    }));
}

/** Options of any command, by name. */
export async function allOptions(): Promise<Map<string, CommandOption>> {
  const all = new Map<string, CommandOption>();
  for (const command of COMMAND_NAMES) {
    for (const option of await optionsOf(command)) all.set(option.name, option);
  }
  return all;
}

async function moduleOf(name: string): Promise<CommandModule | null> {
  let found: CommandModule | null = null;
  const catcher = {
    command(module: CommandModule) {
      found = module;
      return catcher;
    },
  };
  await addCommand(catcher as unknown as Argv, name);
  return found;
}
