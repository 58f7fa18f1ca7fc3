// Checks policies that come from outside: a record that a file exports, and what it creates.
//
// Types do not hold at run time: a file may be JavaScript, or be run without a type check.

import { completeParameters } from './parameters.ts';
import type { Policy, PolicyRegistry } from './policies.ts';
import type { Parameter, ParameterList, PolicyKind } from './policy.ts';

type Members = Readonly<Record<string, 'function' | 'object' | 'number' | 'string'>>;

const QUEUE: Members = {
  queue: 'function',
  flush: 'function',
  length: 'function',
  queuedEntries: 'function',
};
/** What an object that a policy creates must have, by kind. */
const MEMBERS: Readonly<Record<PolicyKind, Members>> = {
  iova: {
    alloc: 'function',
    free: 'function',
    reserve: 'function',
    occupy: 'function',
    cpuDown: 'function',
    cpuUp: 'function',
    takenPages: 'function',
    cachedPages: 'function',
    low32Pages: 'function',
    work: 'object',
  },
  flush: QUEUE,
  bounce: {
    map: 'function',
    unmap: 'function',
    alloc: 'function',
    free: 'function',
    maxMapping: 'function',
    usedSlots: 'function',
    hiwater: 'function',
    totalSlots: 'function',
    transientSlots: 'function',
    pools: 'function',
    areas: 'function',
    areaUsed: 'function',
    waitingBytes: 'function',
    work: 'object',
  },
  host: {
    outOfResource: 'string',
    entries: 'number',
    staleEntries: 'number',
    refreshMapped: 'function',
    unmapped: 'function',
    refreshUnmapped: 'function',
    refreshAll: 'function',
    undo: 'function',
    adopt: 'function',
    removeDomain: 'function',
  },
};
const KINDS = Object.keys(MEMBERS) as PolicyKind[];
/** A name stands on the command line before a colon, a parameter before an equals sign. */
const NAME = /^[a-z0-9][a-z0-9._-]*$/i;
const TYPES: readonly unknown[] = ['integer', 'number', 'boolean', 'choice'];

/** The record as a policy; a RangeError says what is wrong with it and what was expected. */
export function checkPolicy(value: unknown): Policy {
  const record = recordOf(value);
  const { kind, name, summary, parameters, create } = record;
  if (!KINDS.some((known) => known === kind)) {
    throw wrong('kind', kind, `one of: ${KINDS.join(', ')}`);
  }
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw wrong('name', name, 'a word of letters, digits and -._ as it is typed on a command line');
  }
  if (typeof summary !== 'string' || summary === '') {
    throw wrong(`${name}.summary`, summary, 'a sentence for help texts');
  }
  if (!Array.isArray(parameters)) {
    throw wrong(`${name}.parameters`, parameters, 'a list of parameters, [] for none');
  }
  for (const [i, parameter] of parameters.entries()) {
    checkParameter(`${name}.parameters[${i}]`, parameter);
  }
  if (typeof create !== 'function') {
    throw wrong(`${name}.create`, create, 'a function (parameters, port) => object');
  }
  checkDefaults(name, parameters as ParameterList);
  return value as Policy;
}

/** Checks that `made`, what a policy of this kind created, has all members; else a RangeError. */
export function checkMade({ kind, name }: Policy, made: unknown): void {
  if (kind === 'host' && made === null) return;
  if (typeof made !== 'object' || made === null) {
    throw wrong(`what ${name}.create gives`, made, 'an object');
  }
  for (const [member, type] of Object.entries(MEMBERS[kind])) {
    const found = (made as Record<string, unknown>)[member];
    if (typeof found === type && found !== null) continue;
    const expected = type === 'function' ? `a method ${member}()` : `${member} (${type})`;
    throw new RangeError(
      `what ${name}.create gives has no ${member}: a policy of kind ${kind} makes an object with ${expected}`,
    );
  }
}

/** The registry with more policies in it; a RangeError where a name of a kind is taken. */
export function registryWith(
  registry: PolicyRegistry,
  policies: readonly Policy[],
): PolicyRegistry {
  const lists: Record<PolicyKind, Policy[]> = {
    iova: [...registry.iova],
    flush: [...registry.flush],
    bounce: [...registry.bounce],
    host: [...registry.host],
  };
  for (const policy of policies) {
    const list = lists[policy.kind];
    if (list.some(({ name }) => name === policy.name)) {
      throw new RangeError(
        `a policy of kind ${policy.kind} is called "${policy.name}" already, choose another name`,
      );
    }
    list.push(policy);
  }
  return lists as unknown as PolicyRegistry;
}

function checkParameter(path: string, value: unknown): void {
  const { name, type, summary, range, choices } = recordOf(value, path);
  if (typeof name !== 'string' || !NAME.test(name)) throw wrong(`${path}.name`, name, 'a word');
  if (!TYPES.includes(type)) throw wrong(`${path}.type`, type, `one of: ${TYPES.join(', ')}`);
  if (typeof summary !== 'string') throw wrong(`${path}.summary`, summary, 'a sentence');
  const isRange =
    Array.isArray(range) && range.length === 2 && range.every((end) => typeof end === 'number');
  if (range !== undefined && !isRange) {
    throw wrong(`${path}.range`, range, 'a pair [lowest, highest]');
  }
  const isList = Array.isArray(choices) && choices.every((choice) => typeof choice === 'string');
  if (type === 'choice' && (!isList || choices.length === 0)) {
    throw wrong(`${path}.choices`, choices, 'a list of words');
  }
}

function checkDefaults(name: string, parameters: ParameterList): void {
  const names = parameters.map((parameter: Parameter) => parameter.name);
  const twice = names.find((one, i) => names.indexOf(one) !== i);
  if (twice !== undefined) throw new RangeError(`${name} has two parameters called "${twice}"`);
  try {
    completeParameters(name, parameters, {});
  } catch (error) {
    if (error instanceof RangeError) throw new RangeError(`default of ${error.message}`);
    throw error;
  }
}

function recordOf(value: unknown, path: string = 'the policy'): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw wrong(path, value, 'an object');
}

function wrong(path: string, got: unknown, expected: string): RangeError {
  const shown = typeof got === 'function' ? 'a function' : (JSON.stringify(got) ?? 'nothing');
  return new RangeError(`${path}: got ${shown.slice(0, 60)}, expected ${expected}`);
}
