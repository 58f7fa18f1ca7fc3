// The built-in policies, one line each: the source of help, validation and conformance.

import { percpu } from './flush/percpu.ts';
import { single } from './flush/single.ts';
import { strict } from './flush/strict.ts';
import { linux } from './iova/linux.ts';
import type { PolicyChoice } from './machine.ts';
import { completeParameters } from './parameters.ts';
import type { FlushPolicy, IovaPolicy, ParameterList } from './policy.ts';

/** Built-in IOVA allocators; the first is the default. */
export const iovaPolicies: readonly IovaPolicy[] = [linux];
/** Built-in flush queues. */
export const flushPolicies: readonly FlushPolicy[] = [strict, percpu, single];

/** What help texts show of a policy. */
export interface PolicyDescription {
  readonly kind: 'iova' | 'flush';
  readonly name: string;
  readonly summary: string;
  readonly parameters: ParameterList;
}

/** All built-in policies, in the order of their lists. */
export function describePolicies(): PolicyDescription[] {
  return [...iovaPolicies, ...flushPolicies].map(({ kind, name, summary, parameters }) => ({
    kind,
    name,
    summary,
    parameters,
  }));
}

/** The IOVA policy called `name`; a RangeError lists the known ones. */
export function iovaPolicy(name: string): IovaPolicy {
  return byName('IOVA', iovaPolicies, name);
}

/** The flush policy called `name`; a RangeError lists the known ones. */
export function flushPolicy(name: string): FlushPolicy {
  return byName('flush', flushPolicies, name);
}

/** The choice with every parameter checked and filled in. */
export function completeChoice(kind: 'iova' | 'flush', choice: PolicyChoice): PolicyChoice {
  const policy = kind === 'iova' ? iovaPolicy(choice.name) : flushPolicy(choice.name);
  const parameters = completeParameters(policy.name, policy.parameters, choice.parameters);
  return { name: policy.name, parameters };
}

function byName<T extends { readonly name: string }>(
  kind: string,
  policies: readonly T[],
  name: string,
): T {
  const policy = policies.find((candidate) => candidate.name === name);
  if (policy) return policy;
  const names = policies.map((candidate) => candidate.name).join(', ');
  throw new RangeError(`Unknown ${kind} policy "${name}", expected one of: ${names}`);
}
