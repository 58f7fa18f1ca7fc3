// dmalab policies: the policies that a replay can use, with their parameters.

import {
  COSTS,
  describePolicies,
  type Parameter,
  type PolicyDescription,
  type PolicyKind,
} from '@dmalab/replay';
import type { Argv, CommandModule } from 'yargs';
import { formatNumber, print, printJson } from '../output.ts';
import { loadRegistry, type PolicyArguments, policyOption } from '../policy-file.ts';
import { UsageError } from '../usage-error.ts';

interface PoliciesArguments extends PolicyArguments {
  names: string[];
  json: boolean;
}

/** How a policy of each kind is chosen, and what the kind is called. */
const KINDS: Readonly<Record<PolicyKind, { readonly option: string; readonly title: string }>> = {
  iova: { option: '--allocator', title: 'IOVA allocators: where a mapping gets its addresses' },
  flush: {
    option: '--flush',
    title: 'Flush queues: when an unmapped range is invalidated and free',
  },
  bounce: { option: '--bounce', title: 'Bounce memory: swiotlb, for what a device cannot reach' },
  host: { option: '--host', title: 'Hosts: what a hypervisor lets its guests map' },
};
const WIDTH = 100;

export const policies: CommandModule<object, PoliciesArguments> = {
  command: 'policies [names..]',
  describe: 'List the policies and their parameters, or show some in detail',
  builder: (y: Argv) =>
    policyOption(
      y
        .positional('names', {
          describe: 'Policies to show in detail; all in short where none is named',
          type: 'string',
          array: true,
          default: [],
        })
        .option('json', { describe: 'One JSON document', type: 'boolean', default: false }),
    )
      .example('$0 policies percpu', 'what the parameters of one policy mean')
      .example(
        '$0 policies --policy ./mine.ts',
        'checks a file with policies of your own and lists them too',
      ) as unknown as Argv<PoliciesArguments>,
  handler: runPolicies,
};

async function runPolicies({ names, policy, json }: PoliciesArguments): Promise<void> {
  const all = describePolicies(await loadRegistry(policy));
  const unknown = names.find((name) => !all.some((known) => known.name === name));
  if (unknown !== undefined) {
    const known = all.map(({ name }) => name).join(', ');
    throw new UsageError(`Unknown policy "${unknown}", expected one of: ${known}`);
  }
  const shown = names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
  if (json) printJson({ schema: 'dmalab.policies/1', policies: shown, costs: COSTS });
  else if (names.length > 0) print(shown.map(detailText).join('\n\n'));
  else print(listText(all));
}

function listText(all: readonly PolicyDescription[]): string {
  const kinds = Object.entries(KINDS).map(([kind, { option, title }]) => {
    const lines = all
      .filter((policy) => policy.kind === kind)
      .map((policy) => [
        `  ${option} ${policy.name}`,
        ...paragraph(policy.summary, '      '),
        ...wrapped(policy.parameters.map(assignment), '  ', '        '),
      ]);
    return [title, ...lines.flat()].join('\n');
  });
  return [
    ...kinds,
    costsText(),
    'Parameters follow the name: --flush percpu:size=512,timeoutMs=20. What is shown are the defaults.\nWhat one means: dmalab policies NAME. Policies of your own: --policy FILE (docs/writing-a-policy.md).',
  ].join('\n\n');
}

function costsText(): string {
  const lines = COSTS.flatMap(({ name, default: ns, unit, work, source }) => [
    `  ${name}=${ns} ${unit}`,
    ...paragraph(`${work}; ${source}`, '      '),
  ]);
  return [
    'Costs: what work is assumed to take, never measured (cost: in a machine file)',
    ...lines,
  ].join('\n');
}

function detailText(policy: PolicyDescription): string {
  const { kind, name, summary, parameters } = policy;
  const [first] = parameters;
  const use = `${KINDS[kind].option} ${name}${first === undefined ? '' : `:${first.name}=${first.default}`}`;
  return [
    `${name}  (${kind} policy, ${use})`,
    ...paragraph(summary, '  '),
    ...(parameters.length === 0 ? ['', '  no parameters'] : parameters.flatMap(parameterLines)),
  ].join('\n');
}

function parameterLines(parameter: Parameter): string[] {
  return [
    '',
    `  ${assignment(parameter)}`,
    ...paragraph(parameter.summary, '      '),
    ...paragraph(expected(parameter), '      '),
  ];
}

function assignment({ name, default: value, unit }: Parameter): string {
  return `${name}=${value}${unit === undefined ? '' : ` ${unit}`}`;
}

function expected({ type, range, choices, powerOfTwo, unit }: Parameter): string {
  if (type === 'choice') return `one of: ${choices?.join(', ')}`;
  if (type === 'boolean') return 'true or false';
  const number = powerOfTwo ? 'a power of two' : type === 'integer' ? 'a whole number' : 'a number';
  const of = unit === undefined ? '' : ` ${unit}`;
  if (range === undefined) return `${number}${unit === undefined ? '' : ` of${of}`}`;
  return `${number} from ${formatNumber(range[0])} to ${formatNumber(range[1])}${of}`;
}

/** Words, or parts that stay in one piece, with `gap` between them in lines that fit a terminal. */
function wrapped(parts: readonly string[], gap: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const part of parts) {
    const longer = line === '' ? indent + part : line + gap + part;
    if (longer.length > WIDTH && line !== '') {
      lines.push(line);
      line = indent + part;
    } else line = longer;
  }
  return line === '' ? lines : [...lines, line];
}

function paragraph(text: string, indent: string): string[] {
  return wrapped(text.split(' '), ' ', indent);
}
