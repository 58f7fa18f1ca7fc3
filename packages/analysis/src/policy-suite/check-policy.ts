// Runs a policy against the rules of its kind, with its defaults and with small sizes.

import {
  completeParameters,
  type ParameterList,
  type Parameters,
  type Policy,
  type PolicyKind,
} from '@dmalab/replay';
import { bounceSuite } from './bounce-suite.ts';
import { flushSuite } from './flush-suite.ts';
import { hostSuite } from './host-suite.ts';
import { iovaSuite } from './iova-suite.ts';
import { type PolicyFailure, runSeed, type Suite } from './suite.ts';

/** What came out of the rules of one policy. */
export interface PolicyReport {
  readonly kind: PolicyKind;
  readonly name: string;
  readonly runs: number;
  readonly operations: number;
  /** The first broken rule, null where all held. */
  readonly failure: (PolicyFailure & { readonly parameters: Parameters }) | null;
}

/** Small values that bring the borders of a policy within reach of short streams. */
const SMALL: Parameters = { size: 8, slots: 512, areas: 2, entries: 64, pages: 48 };

/** Runs `seeds` seeds from `seed` on with each set of parameters; the first broken rule ends it. */
export function checkPolicyRules(
  policy: Policy,
  seeds: number = 40,
  seed: number = 1,
): PolicyReport {
  let runs = 0;
  let operations = 0;
  for (const parameters of parameterSets(policy.name, policy.parameters)) {
    for (let i = 0; i < seeds; i++, runs++) {
      const result = runPolicySeed(policy, parameters, seed + i);
      operations += result.operations;
      if (result.failure === null) continue;
      const failure = { ...result.failure, parameters };
      return { kind: policy.kind, name: policy.name, runs: runs + 1, operations, failure };
    }
  }
  return { kind: policy.kind, name: policy.name, runs, operations, failure: null };
}

function runPolicySeed(
  policy: Policy,
  parameters: Parameters,
  seed: number,
): { readonly operations: number; readonly failure: PolicyFailure | null } {
  switch (policy.kind) {
    case 'iova':
      return runSeed(guarded(iovaSuite(policy, parameters)), seed);
    case 'flush':
      return runSeed(guarded(flushSuite(policy, parameters)), seed);
    case 'bounce':
      return runSeed(guarded(bounceSuite(policy, parameters)), seed);
    case 'host':
      return runSeed(guarded(hostSuite(policy, parameters)), seed);
  }
}

/** An exception of the policy breaks a rule, too. */
function guarded<Operation>(suite: Suite<Operation>): Suite<Operation> {
  return {
    ...suite,
    run: (operations) => {
      try {
        return suite.run(operations);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        return { rule: 'no exception', message, at: operations.length - 1 };
      }
    },
  };
}

/** The defaults, and small sizes where the policy has such parameters. */
function parameterSets(name: string, list: ParameterList): Parameters[] {
  const first = ofList(list, { startPfn: 16 });
  const small = ofList(list, SMALL);
  const sets = Object.keys(small).length === 0 ? [first] : [first, { ...first, ...small }];
  return sets.map((given) => completeParameters(name, list, given));
}

function ofList(list: ParameterList, values: Parameters): Parameters {
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => list.some((parameter) => parameter.name === name)),
  );
}
