// Makes what a policy creates; where that fails, the error names the policy and its parameters.

import type { ParameterList, Parameters, PolicyKind, PolicyRecord } from './policy.ts';

/** A policy could not be created: `cause` is what its `create` threw. */
export class PolicyError extends Error {
  constructor(kind: PolicyKind, name: string, given: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`${kind} policy "${name}" cannot be created with ${given}: ${why}`, { cause });
    this.name = 'PolicyError';
  }
}

/** What `policy` makes of complete parameters on this port; a {@link PolicyError} where it throws. */
export function createPolicy<Made, Offered>(
  policy: PolicyRecord<PolicyKind, Made, Offered>,
  parameters: Parameters,
  port: Offered,
): Made {
  try {
    return policy.create(parameters, port);
  } catch (error) {
    const given = givenText(policy.parameters, parameters);
    throw new PolicyError(policy.kind, policy.name, given, error);
  }
}

function givenText(list: ParameterList, parameters: Parameters): string {
  const given = list.filter((parameter) => parameters[parameter.name] !== parameter.default);
  if (given.length === 0) return 'its defaults';
  return given.map(({ name }) => `${name}=${parameters[name]}`).join(',');
}
