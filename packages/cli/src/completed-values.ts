// What the shell offers as the value of an option: policies with their parameters, switches, what can be sized and varied.

import {
  bouncePolicies,
  flushPolicies,
  hostPolicies,
  iovaPolicies,
  type Parameter,
  type Policy,
} from '@dmalab/replay';

type Offer = (begun: string) => readonly string[] | Promise<readonly string[]>;

/** By option. What is missing here takes a file, a number or a free text. */
const OFFERS: Readonly<Record<string, Offer>> = {
  flush: (begun) => [...choices(flushPolicies, begun), 'recorded'],
  bounce: (begun) => choices(bouncePolicies, begun),
  host: (begun) => choices(hostPolicies, begun),
  allocator: (begun) => choices(iovaPolicies, begun),
  switch: () => ['DMA@', 'DMA-FQ@', 'identity@'],
  'failed-requests': () => ['drop', 'retry'],
  parameter: async () => (await import('@dmalab/analysis')).sizedParameters.map(({ name }) => name),
  vary: axes,
};

const VARIED: readonly (readonly [string, readonly Policy[]])[] = [
  ['allocator', iovaPolicies],
  ['flush', flushPolicies],
  ['bounce', bouncePolicies],
  ['host', hostPolicies],
];

/** Values of `option` that may stand in place of what is `begun` of one; more than fit it. */
export async function valuesOf(option: string, begun: string): Promise<readonly string[]> {
  return Object.hasOwn(OFFERS, option) ? await OFFERS[option]!(begun) : [];
}

/** NAME, and behind NAME: the parameters that are not there yet, or the values of the one that is begun. */
function choices(policies: readonly Policy[], begun: string): string[] {
  const [, name, given = '', last = ''] = /^([^:]*):(.*,)?([^,]*)$/.exec(begun) ?? [];
  if (name === undefined) return policies.map((policy) => policy.name);
  const parameters = policies.find((policy) => policy.name === name)?.parameters ?? [];
  const head = `${name}:${given}`;
  const [key = ''] = last.split('=');
  if (last.includes('=')) {
    const parameter = parameters.find((each) => each.name === key);
    return parameter === undefined ? [] : words(parameter).map((word) => `${head}${key}=${word}`);
  }
  const there = new Set(given.split(',').map((pair) => pair.split('=')[0]));
  return parameters.filter((each) => !there.has(each.name)).map((each) => `${head}${each.name}=`);
}

function words({ type, choices: known = [] }: Parameter): readonly string[] {
  return type === 'boolean' ? ['true', 'false'] : known;
}

/** Policies by name, and their parameters by path. */
function axes(begun: string): string[] {
  const path = begun.split('=')[0]!;
  const named = VARIED.find(([kind]) => begun.startsWith(`${kind}=`));
  if (named !== undefined) {
    const head = begun.slice(0, Math.max(path.length + 1, begun.lastIndexOf(',') + 1));
    return named[1].map(({ name }) => `${head}${name}`);
  }
  return VARIED.flatMap(([kind, policies]) => {
    const names = policies.flatMap(({ parameters }) => parameters.map(({ name }) => name));
    return [`${kind}=`, ...[...new Set(names)].map((name) => `${kind}.${name}=`)];
  });
}
