// Host files: guests that are replayed together, and the pages that they may pin.

import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { type MachineOverrides, type PolicyRegistry, parseMachine } from '@dmalab/replay';
import { InputError } from './input-error.ts';
import { decodeYaml, readMachineFile } from './machine-file.ts';

/** A guest as its host file describes it. */
export interface HostGuest {
  readonly name: string | null;
  /** Path of its trace, relative to where the command runs. */
  readonly trace: string;
  /** ms of virtual time at which its trace begins. */
  readonly offsetMs: number;
  readonly overrides: MachineOverrides;
}

/** A host and its guests. */
export interface HostFile {
  /** Pages that all guests together may pin, 0 = no limit. */
  readonly pages: number;
  readonly guests: readonly HostGuest[];
}

/** Reads and checks a host file (YAML or JSON); paths in it are relative to it. */
export function readHostFile(path: string, registry: PolicyRegistry): HostFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new InputError(path, `cannot read the host file: ${(error as Error).message}`);
  }
  return parseHostFile(path, text, registry);
}

/** Checks the text of a host file; `path` names it in errors, and what it names lies beside it. */
export function parseHostFile(path: string, text: string, registry: PolicyRegistry): HostFile {
  try {
    return hostFile(path, decodeYaml(path, text), registry);
  } catch (error) {
    if (error instanceof RangeError) throw new InputError(path, error.message);
    throw error;
  }
}

function hostFile(path: string, value: unknown, registry: PolicyRegistry): HostFile {
  const { pages, guests } = keysOf('host', value, ['pages', 'guests']);
  if (!Array.isArray(guests) || guests.length === 0) {
    throw new RangeError(
      `guests: got ${shown(guests)}, expected a list of guests with a trace each`,
    );
  }
  const limit = number('pages', pages ?? 0, 2 ** 40);
  if (!Number.isInteger(limit))
    throw new RangeError(`pages: got ${limit}, expected a whole number`);
  return {
    pages: limit,
    guests: guests.map((guest, i) => hostGuest(path, `guests[${i}]`, guest, limit, registry)),
  };
}

function hostGuest(
  path: string,
  at: string,
  value: unknown,
  pages: number,
  registry: PolicyRegistry,
): HostGuest {
  const guest = keysOf(at, value, ['name', 'trace', 'offsetMs', 'machine']);
  const { name, trace, offsetMs, machine } = guest;
  if (typeof trace !== 'string') {
    throw new RangeError(`${at}.trace: got ${shown(trace)}, expected the path of a trace`);
  }
  if (name !== undefined && typeof name !== 'string') {
    throw new RangeError(`${at}.name: got ${shown(name)}, expected a string`);
  }
  const stated = machineOf(path, at, machine, registry);
  // A guest of a host with a limit draws on it unless its machine says otherwise.
  const host = pages > 0 ? { host: { name: 'pinned', parameters: { pages } } } : {};
  return {
    name: name ?? null,
    trace: beside(path, trace),
    offsetMs: number(`${at}.offsetMs`, offsetMs ?? 0, 1e9),
    overrides: { ...host, ...stated },
  };
}

function machineOf(
  path: string,
  at: string,
  machine: unknown,
  registry: PolicyRegistry,
): MachineOverrides {
  if (machine === undefined) return {};
  if (typeof machine === 'string') return readMachineFile(beside(path, machine), registry);
  try {
    return parseMachine(machine, registry);
  } catch (error) {
    if (error instanceof RangeError) throw new RangeError(`${at}.machine: ${error.message}`);
    throw error;
  }
}

function beside(path: string, named: string): string {
  return isAbsolute(named) ? named : join(dirname(path), named);
}

function keysOf(at: string, value: unknown, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RangeError(`${at}: got ${shown(value)}, expected keys with values`);
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    throw new RangeError(`Unknown key "${key}" of ${at}, expected one of: ${known.join(', ')}`);
  }
  return value as Record<string, unknown>;
}

function number(at: string, value: unknown, high: number): number {
  if (typeof value === 'number' && value >= 0 && value <= high) return value;
  throw new RangeError(`${at}: got ${shown(value)}, expected a number from 0 to ${high}`);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 60);
}
