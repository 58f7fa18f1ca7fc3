// The built-in policies, one line each: the source of help, validation and conformance.

import { none } from './bounce/none.ts';
import { percpu } from './flush/percpu.ts';
import { single } from './flush/single.ts';
import { strict } from './flush/strict.ts';
import { aperture } from './host/aperture.ts';
import { pinned } from './host/pinned.ts';
import { unlimited } from './host/unlimited.ts';
import { vfio } from './host/vfio.ts';
import type { HostPolicy } from './host-policy.ts';
import { linux } from './iova/linux.ts';
import type { PolicyChoice } from './machine.ts';
import { completeParameters } from './parameters.ts';
import type { BouncePolicy, FlushPolicy, IovaPolicy, ParameterList, PolicyKind } from './policy.ts';

/** Built-in IOVA allocators; the first is the default. */
export const iovaPolicies: readonly IovaPolicy[] = [linux];
/** Built-in flush queues. */
export const flushPolicies: readonly FlushPolicy[] = [strict, percpu, single];
/** Built-in kinds of bounce memory (swiotlb). */
export const bouncePolicies: readonly BouncePolicy[] = [none];
/** Built-in hosts behind a page table; the first is the default. */
export const hostPolicies: readonly HostPolicy[] = [unlimited, vfio, pinned, aperture];

/** What help texts show of a policy. */
export interface PolicyDescription {
  readonly kind: PolicyKind;
  readonly name: string;
  readonly summary: string;
  readonly parameters: ParameterList;
}

/** All built-in policies, in the order of their lists. */
export function describePolicies(): PolicyDescription[] {
  return [...iovaPolicies, ...flushPolicies, ...bouncePolicies, ...hostPolicies].map(
    ({ kind, name, summary, parameters }) => ({ kind, name, summary, parameters }),
  );
}

/** The IOVA policy called `name`; a RangeError lists the known ones. */
export function iovaPolicy(name: string): IovaPolicy {
  return byName('IOVA', iovaPolicies, name);
}

/** The flush policy called `name`; a RangeError lists the known ones. */
export function flushPolicy(name: string): FlushPolicy {
  return byName('flush', flushPolicies, name);
}

/** The bounce policy called `name`; a RangeError lists the known ones. */
export function bouncePolicy(name: string): BouncePolicy {
  return byName('bounce', bouncePolicies, name);
}

/** The host policy called `name`; a RangeError lists the known ones. */
export function hostPolicy(name: string): HostPolicy {
  return byName('host', hostPolicies, name);
}

/** The choice with every parameter checked and filled in. */
export function completeChoice(kind: PolicyKind, choice: PolicyChoice): PolicyChoice {
  const policy = policyOf(kind, choice.name);
  const parameters = completeParameters(policy.name, policy.parameters, choice.parameters);
  return { name: policy.name, parameters };
}

function policyOf(
  kind: PolicyKind,
  name: string,
): { readonly name: string; readonly parameters: ParameterList } {
  if (kind === 'iova') return iovaPolicy(name);
  if (kind === 'flush') return flushPolicy(name);
  return kind === 'bounce' ? bouncePolicy(name) : hostPolicy(name);
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
