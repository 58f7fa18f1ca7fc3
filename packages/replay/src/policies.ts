// The built-in policies, one line each: the source of help, validation and conformance.
//
// What a replay may use is a registry, handed along as a value: the built-in policies, or these with a
// user's own.

import { dynamic } from './bounce/dynamic.ts';
import { none } from './bounce/none.ts';
import { restricted } from './bounce/restricted.ts';
import { staticBounce } from './bounce/static.ts';
import { adaptive } from './flush/adaptive.ts';
import { batched } from './flush/batched.ts';
import { deferred } from './flush/deferred.ts';
import { exposureBound } from './flush/exposure-bound.ts';
import { pageSelective } from './flush/page-selective.ts';
import { percpu } from './flush/percpu.ts';
import { single } from './flush/single.ts';
import { strict } from './flush/strict.ts';
import { aperture } from './host/aperture.ts';
import { pinned } from './host/pinned.ts';
import { unlimited } from './host/unlimited.ts';
import { vfio } from './host/vfio.ts';
import type { HostPolicy } from './host-policy.ts';
import { bestFit } from './iova/best-fit.ts';
import { buddy } from './iova/buddy.ts';
import { augmented, firstFit, maple } from './iova/first-fit.ts';
import { linux } from './iova/linux.ts';
import { linuxRbtree } from './iova/linux-rbtree.ts';
import { s390Bitmap } from './iova/s390-bitmap.ts';
import type { PolicyChoice } from './machine.ts';
import { completeParameters } from './parameters.ts';
import type { BouncePolicy, FlushPolicy, IovaPolicy, ParameterList, PolicyKind } from './policy.ts';

/** Built-in IOVA allocators; the first is the default. */
export const iovaPolicies: readonly IovaPolicy[] = [
  linux,
  linuxRbtree,
  firstFit,
  bestFit,
  augmented,
  maple,
  s390Bitmap,
  buddy,
];
/** Built-in flush queues. */
export const flushPolicies: readonly FlushPolicy[] = [
  strict,
  percpu,
  single,
  adaptive,
  exposureBound,
  pageSelective,
  batched,
  deferred,
];
/** Built-in kinds of bounce memory (swiotlb). */
export const bouncePolicies: readonly BouncePolicy[] = [none, staticBounce, restricted, dynamic];
/** Built-in hosts behind a page table; the first is the default. */
export const hostPolicies: readonly HostPolicy[] = [unlimited, vfio, pinned, aperture];

/** A policy of any kind. */
export type Policy = IovaPolicy | FlushPolicy | BouncePolicy | HostPolicy;

/** The policies that a replay may use, by kind. */
export interface PolicyRegistry {
  readonly iova: readonly IovaPolicy[];
  readonly flush: readonly FlushPolicy[];
  readonly bounce: readonly BouncePolicy[];
  readonly host: readonly HostPolicy[];
}
/** The built-in policies. */
export const BUILT_IN: PolicyRegistry = {
  iova: iovaPolicies,
  flush: flushPolicies,
  bounce: bouncePolicies,
  host: hostPolicies,
};

/** What help texts show of a policy. */
export interface PolicyDescription {
  readonly kind: PolicyKind;
  readonly name: string;
  readonly summary: string;
  readonly parameters: ParameterList;
}

/** All policies of a registry, kind by kind, in the order of their lists. */
export function describePolicies(registry: PolicyRegistry = BUILT_IN): PolicyDescription[] {
  return Object.values(registry)
    .flat()
    .map(({ kind, name, summary, parameters }: Policy) => ({ kind, name, summary, parameters }));
}

/** The IOVA policy called `name`; a RangeError lists the known ones. */
export function iovaPolicy(name: string, registry: PolicyRegistry = BUILT_IN): IovaPolicy {
  return byName('IOVA', registry.iova, name);
}

/** The flush policy called `name`; a RangeError lists the known ones. */
export function flushPolicy(name: string, registry: PolicyRegistry = BUILT_IN): FlushPolicy {
  return byName('flush', registry.flush, name);
}

/** The bounce policy called `name`; a RangeError lists the known ones. */
export function bouncePolicy(name: string, registry: PolicyRegistry = BUILT_IN): BouncePolicy {
  return byName('bounce', registry.bounce, name);
}

/** The host policy called `name`; a RangeError lists the known ones. */
export function hostPolicy(name: string, registry: PolicyRegistry = BUILT_IN): HostPolicy {
  return byName('host', registry.host, name);
}

/** The choice with every parameter checked and filled in. */
export function completeChoice(
  kind: PolicyKind,
  choice: PolicyChoice,
  registry: PolicyRegistry = BUILT_IN,
): PolicyChoice {
  const policies: readonly Policy[] = registry[kind];
  const policy = byName(kind === 'iova' ? 'IOVA' : kind, policies, choice.name);
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
