// dmalab policies: the policies that a replay can use, with their parameters.

import { describePolicies, type Parameter, type PolicyDescription } from '@dmalab/replay';
import type { Argv, CommandModule } from 'yargs';
import { print, printJson } from '../output.ts';

interface PoliciesArguments {
  json: boolean;
}

const options = {
  iova: '--allocator',
  flush: '--flush',
  bounce: '--bounce',
  host: '--host',
} as const;

export const policies: CommandModule<object, PoliciesArguments> = {
  command: 'policies',
  describe: 'List the policies and their parameters',
  builder: (y: Argv) =>
    y.option('json', {
      describe: 'One JSON document',
      type: 'boolean',
      default: false,
    }) as Argv<PoliciesArguments>,
  handler: ({ json }) => {
    const list = describePolicies();
    if (json) printJson({ schema: 'dmalab.policies/1', policies: list });
    else print(list.map(policyText).join('\n'));
  },
};

function policyText({ kind, name, summary, parameters }: PolicyDescription): string {
  return [`${options[kind]} ${name}`, `  ${summary}`, ...parameters.map(parameterText), ''].join(
    '\n',
  );
}

function parameterText(parameter: Parameter): string {
  const unit = parameter.unit === undefined ? '' : ` ${parameter.unit}`;
  const range = parameter.choices?.join(' | ') ?? parameter.range?.join(' to ') ?? parameter.type;
  return `    ${parameter.name}=${parameter.default}${unit}  (${range})  ${parameter.summary}`;
}
