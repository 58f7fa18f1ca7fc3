// Policies of a user: a .ts or .js file that exports policy records, loaded as it is.
//
// The file needs no build step and no import but `import type`; see docs/writing-a-policy.md.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  BUILT_IN,
  checkMade,
  checkPolicy,
  completeParameters,
  dryBouncePort,
  dryHostPort,
  dryPort,
  type Policy,
  type PolicyRegistry,
  registryWith,
} from '@dmalab/replay';
import type { Argv } from 'yargs';
import { InputError } from './input-error.ts';

/** What {@link policyOption} gives. */
export interface PolicyArguments {
  policy: string[] | undefined;
}

/** Adds --policy to a command. */
export function policyOption<T>(y: Argv<T>): Argv<T & PolicyArguments> {
  return y.option('policy', {
    describe: 'File (.ts or .js) with policies of your own, to be chosen by name; may be repeated',
    type: 'string',
    array: true,
    nargs: 1,
    requiresArg: true,
  }) as unknown as Argv<T & PolicyArguments>;
}

/** The built-in policies with those of the files; an InputError names the file that is wrong. */
export async function loadRegistry(files: readonly string[] = []): Promise<PolicyRegistry> {
  let registry = BUILT_IN;
  for (const file of files) {
    const policies = await loadPolicies(file);
    registry = blaming(file, () => registryWith(registry, policies));
  }
  return registry;
}

/** The policies that one file exports, checked. */
export async function loadPolicies(file: string): Promise<Policy[]> {
  if (!existsSync(file))
    throw new InputError(file, 'no such file: --policy names a .ts or .js file');
  const exported = await importFile(file);
  // The same record may be exported by name and as the default.
  const records = [...new Set(Object.values(exported).flat().filter(looksLikePolicy))];
  if (records.length === 0) {
    const names = Object.keys(exported).join(', ') || 'nothing';
    throw new InputError(
      file,
      `exports ${names}, expected a policy: a record { kind, name, summary, parameters, create }`,
    );
  }
  return records.map((record) =>
    blaming(file, () => {
      const policy = checkPolicy(record);
      checkMade(policy, dryRun(file, policy));
      return policy;
    }),
  );
}

async function importFile(file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>;
  } catch (error) {
    throw new InputError(placeOf(error, file), `cannot load it: ${messageOf(error)}`);
  }
}

/** FILE:LINE where the stack names one: the frames have the URL, TypeScript that is no such has the path. */
function placeOf(error: unknown, file: string): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const path = resolve(file);
  for (const name of [pathToFileURL(path).href, path]) {
    const line = /^\d+/.exec(stack.split(`${name}:`)[1] ?? '')?.[0];
    if (line !== undefined) return `${file}:${line}`;
  }
  return file;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function looksLikePolicy(value: unknown): value is object {
  return typeof value === 'object' && value !== null && ('create' in value || 'kind' in value);
}

// With the defaults, before any trace is read: what `create` cannot do here it will not do later.
function dryRun(file: string, policy: Policy): unknown {
  const parameters = completeParameters(policy.name, policy.parameters, {});
  try {
    switch (policy.kind) {
      case 'bounce':
        return policy.create(parameters, dryBouncePort());
      case 'host':
        return policy.create(parameters, dryHostPort());
      default:
        return policy.create(parameters, dryPort());
    }
  } catch (error) {
    throw new InputError(
      placeOf(error, file),
      `${policy.name}.create with the defaults failed: ${messageOf(error)}`,
    );
  }
}

function blaming<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof RangeError) throw new InputError(file, error.message);
    throw error;
  }
}
