// Hashes of what a result is made of: the only thing that tells whether it has to be made again.

import type { InputHashes } from '@dmalab/analysis/results';
import { hashOfFile, hashOfText } from '../file-hashes.ts';
import type { Run } from '../machine-runs.ts';

/** SHA-256 of what makes a machine of facts: overrides, files with policies, and how traces are read. */
export function hashOfMachine(
  { overrides }: Run,
  policies: readonly string[],
  reading: object,
): string {
  const files = policies.map(hashOfFile);
  return hashOfText(JSON.stringify(sorted({ overrides, policies: files, reading })));
}

/** True where both were made of the same. */
export function sameInputs(a: InputHashes | null | undefined, b: InputHashes): boolean {
  return a?.trace === b.trace && a.meta === b.meta && a.machine === b.machine;
}

/** The same value with the keys of its objects in order, so that the spelling of a machine file does not matter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
