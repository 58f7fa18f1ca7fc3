// Files of defaults: options for every command that has them, and sections for one command, in YAML or JSON.
//
//   kernel: '6.12'
//   replay:
//     flush: [percpu, single]
//
// What is typed on the command line wins.

import { readFileSync } from 'node:fs';
import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { allOptions, type CommandOption, optionsOf } from './command-options.ts';
import { COMMAND_NAMES } from './commands.ts';
import { InputError } from './input-error.ts';
import { UsageError } from './usage-error.ts';

/** A value of an option, and where it stands. */
export interface Default {
  readonly value: string | number | boolean | (string | number)[];
  /** "file:line". */
  readonly where: string;
}

/** The file that `words` name with --config, or null. */
export function configNamed(words: readonly string[]): string | null {
  const end = words.indexOf('--');
  const ours = end < 0 ? words : words.slice(0, end);
  const at = ours.findLastIndex((word) => word === '--config' || word.startsWith('--config='));
  if (at < 0) return null;
  const word = ours[at]!;
  const file = word === '--config' ? ours[at + 1] : word.slice('--config='.length);
  if (file === undefined || file === '') throw new UsageError('--config: expected a file');
  return file;
}

/** The defaults that a file has for `command`, by option; an InputError names the line of what is wrong. */
export async function readConfig(path: string, command: string): Promise<Map<string, Default>> {
  return await parseConfig(path, textOf(path), command);
}

/** The same of a text; `path` names it in errors. */
export async function parseConfig(
  path: string,
  text: string,
  command: string,
): Promise<Map<string, Default>> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'error' });
  const [error] = document.errors;
  if (error !== undefined) {
    const [problem] = error.message.split('\n');
    throw new InputError(
      `${path}:${error.linePos?.[0].line ?? 1}`,
      `not valid YAML or JSON: ${problem}`,
    );
  }
  if (document.contents === null) return new Map();
  const place = (node: unknown): string => {
    const offset = (node as Node | null)?.range?.[0] ?? 0;
    return `${path}:${lines.linePos(offset).line}`;
  };
  if (!isMap(document.contents)) {
    throw new InputError(place(document.contents), 'expected options, as in "kernel: \'6.12\'"');
  }
  return await defaultsOf(document.contents, command, place);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InputError(path, `cannot read the file of defaults: ${(error as Error).message}`);
  }
}

type Place = (node: unknown) => string;

async function defaultsOf(
  map: YAMLMap,
  command: string,
  place: Place,
): Promise<Map<string, Default>> {
  const found = new Map<string, Default>();
  const own = byName(await optionsOf(command));
  const sections: [string, YAMLMap][] = [];
  for (const pair of map.items) {
    const key = keyOf(pair);
    if (COMMAND_NAMES.includes(key)) sections.push([key, sectionOf(pair, place)]);
    else await take(found, pair, own, true, place);
  }
  for (const [name, section] of sections) {
    const options = name === command ? own : byName(await optionsOf(name));
    const taken = name === command ? found : new Map<string, Default>();
    for (const pair of section.items) await take(taken, pair, options, false, place);
  }
  return found;
}

function byName(options: readonly CommandOption[]): Map<string, CommandOption> {
  return new Map(options.map((option) => [option.name, option]));
}

function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function sectionOf({ key, value }: Pair, place: Place): YAMLMap {
  if (isMap(value)) return value;
  throw new InputError(place(value ?? key), `"${String(key)}": expected options of this command`);
}

/** Takes one option; at the top one that another command has is passed over. */
async function take(
  found: Map<string, Default>,
  pair: Pair,
  options: ReadonlyMap<string, CommandOption>,
  anyCommand: boolean,
  place: Place,
): Promise<void> {
  const name = keyOf(pair);
  const option = options.get(name) ?? (anyCommand ? (await allOptions()).get(name) : undefined);
  if (option === undefined) {
    const known = [...options.keys()].join(', ');
    throw new InputError(place(pair.key), `"${name}": unknown option, expected one of: ${known}`);
  }
  const where = place(pair.value ?? pair.key);
  const value = valueFrom(option, pair.value, where);
  if (options.has(name)) found.set(name, { value, where });
}

function valueFrom(option: CommandOption, node: unknown, where: string): Default['value'] {
  if (isSeq(node)) {
    if (!option.list)
      throw new InputError(where, `"${option.name}": got a list, expected one value`);
    return node.items.map((item) => {
      const value = scalarOf(option, item, where);
      return typeof value === 'boolean' ? String(value) : value;
    });
  }
  const value = scalarOf(option, node, where);
  return option.list && typeof value !== 'boolean' ? [value] : value;
}

function scalarOf(option: CommandOption, node: unknown, where: string): string | number | boolean {
  const { name, type, choices } = option;
  const wrong = (expected: string): InputError =>
    new InputError(
      where,
      `"${name}": got ${isScalar(node) ? (node.source ?? node.value) : node}, expected ${expected}`,
    );
  if (!isScalar(node) || node.value === null) throw wrong(`a ${type}`);
  // 6.10 without quotes is a number to YAML, and would be 6.1.
  const value = type === 'string' ? (node.source ?? String(node.value)) : node.value;
  if (choices.length > 0 && !choices.includes(String(value)))
    throw wrong(`one of: ${choices.join(', ')}`);
  if (typeof value !== type) throw wrong(type === 'boolean' ? 'true or false' : `a ${type}`);
  return value as string | number | boolean;
}
