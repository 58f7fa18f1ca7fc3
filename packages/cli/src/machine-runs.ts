// The machines that the options of a command line ask for, one run each.

import { basename, extname } from 'node:path';
import {
  completeChoice,
  type MachineOverrides,
  type PolicyKind,
  type PolicyRegistry,
  parseMachine,
  type TypeSwitch,
} from '@dmalab/replay';
import { kernelReadOptions } from './kernel-options.ts';
import type { MachineArguments } from './machine-options.ts';
import { parsePolicyArgument } from './policy-argument.ts';
import { loadRegistry } from './policy-file.ts';
import { unique } from './run-name.ts';
import { UsageError } from './usage-error.ts';

/** One machine to replay on, as what differs from the recorded one. */
export interface Run {
  readonly name: string;
  /** The machine file, null where flags alone make the machine. */
  readonly file: string | null;
  readonly overrides: MachineOverrides;
  /** What its policies are chosen from. */
  readonly registry: PolicyRegistry;
}

/** Every machine file with every --flush, --bounce and --host; one run as recorded where none is given. */
export async function runsOf(options: MachineArguments): Promise<Run[]> {
  const registry = await loadRegistry(options.policy);
  const flags = flagOverrides(options, registry);
  const files = options.machine ?? [];
  const machines: Run[] =
    files.length === 0
      ? [{ name: '', file: null, overrides: {}, registry }]
      : await Promise.all(
          files.map(async (file) => ({
            name: basename(file, extname(file)),
            file,
            overrides: await machineOf(file, options.machineTexts?.[file], registry),
            registry,
          })),
        );
  const runs = machines.map((run) => ({ ...run, overrides: combined(run.overrides, flags) }));
  const varied = VARIED.reduce(
    (made, { option, overrides }) => multiplied(made, options[option] ?? [], overrides),
    runs,
  ).map((run) => ({ ...run, name: run.name || 'recorded' }));
  const names = unique(varied.map(({ name }) => name));
  return varied.map((run, i) => ({ ...run, name: names[i] ?? '' }));
}

async function machineOf(
  file: string,
  text: string | undefined,
  registry: PolicyRegistry,
): Promise<MachineOverrides> {
  // Only now: without a machine file nobody needs YAML.
  const { parseMachineFile, readMachineFile } = await import('./machine-file.ts');
  return text === undefined
    ? readMachineFile(file, registry)
    : parseMachineFile(file, text, registry);
}

/** Options that make one run for each of their values. */
const VARIED: readonly {
  readonly option: 'flush' | 'bounce' | 'host';
  overrides(argument: string, registry: PolicyRegistry): MachineOverrides;
}[] = [
  {
    option: 'flush',
    overrides: (argument, registry) => ({ flush: flushChoice(argument, registry) }),
  },
  {
    option: 'bounce',
    overrides: (argument, registry) => ({
      bounce: checked('bounce', 'bounce', argument, registry),
    }),
  },
  {
    option: 'host',
    overrides: (argument, registry) => ({ host: checked('host', 'host', argument, registry) }),
  },
];

function multiplied(
  runs: readonly Run[],
  values: readonly string[],
  overridesOf: (argument: string, registry: PolicyRegistry) => MachineOverrides,
): Run[] {
  if (values.length === 0) return [...runs];
  return runs.flatMap((run) =>
    values.map((argument) => ({
      ...run,
      name: run.name === '' ? argument : `${run.name}-${argument}`,
      overrides: { ...run.overrides, ...overridesOf(argument, run.registry) },
    })),
  );
}

/** Flags win; those for devices come after the devices of the file, those of the load one by one. */
function combined(stated: MachineOverrides, flags: MachineOverrides): MachineOverrides {
  const devices = [...(stated.devices ?? []), ...(flags.devices ?? [])];
  return {
    ...stated,
    ...flags,
    ...(devices.length === 0 ? {} : { devices }),
    ...(flags.load ? { load: { ...stated.load, ...flags.load } } : {}),
    ...(flags.domain ? { domain: { ...stated.domain, ...flags.domain } } : {}),
  };
}

function flagOverrides(options: MachineArguments, registry: PolicyRegistry): MachineOverrides {
  const { allocator, timer, recordedFailures, failedRequests, swiotlb, loop } = options;
  const { domainType, fqInitReads } = options;
  return {
    ...kernelReadOptions(options),
    ...(timer === undefined ? {} : { timerMode: timer }),
    ...(options.translateAll ? { devices: [{ name: '*', translated: true }] } : {}),
    ...(recordedFailures === undefined ? {} : { recordedFailures }),
    ...(swiotlb === undefined ? {} : { swiotlb }),
    ...(failedRequests === undefined ? {} : { failedRequests: failedChoice(failedRequests) }),
    ...(allocator === undefined
      ? {}
      : { allocator: checked('iova', 'allocator', allocator, registry) }),
    ...(loop === undefined ? {} : { loop }),
    ...(domainType === undefined ? {} : { domain: { type: domainType } }),
    ...(options.switch === undefined ? {} : { typeSwitches: options.switch.map(typeSwitch) }),
    ...(fqInitReads === undefined ? {} : { fqInitReads }),
    ...loadOverride(options),
  };
}

function loadOverride({ rate, copies, seed }: MachineArguments): Pick<MachineOverrides, 'load'> {
  const load = {
    ...(rate === undefined ? {} : { rate }),
    ...(copies === undefined ? {} : { copies }),
    ...(seed === undefined ? {} : { seed }),
  };
  if (Object.keys(load).length === 0) return {};
  try {
    parseMachine({ load });
  } catch (error) {
    if (error instanceof RangeError) {
      throw new UsageError(error.message.replace('load.', '--'));
    }
    throw error;
  }
  return { load };
}

/** Reads WORD@TIME[,domain=N][,bound=false]. */
function typeSwitch(argument: string): TypeSwitch {
  const [first = '', ...pairs] = argument.split(',');
  const at = first.lastIndexOf('@');
  const { parameters } = parsePolicyArgument(
    'switch',
    `${first}:${pairs.join(',') || 'bound=true'}`,
  );
  try {
    const to = at < 0 ? undefined : first.slice(0, at);
    const time = at < 0 ? undefined : first.slice(at + 1);
    const stated = { typeSwitches: [{ ...parameters, to, at: time }] };
    const [made] = parseMachine(stated).typeSwitches ?? [];
    if (made !== undefined) return made;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`--switch ${argument}: ${error.message.replace('typeSwitches[0].', '')}`);
  }
  throw new UsageError(`--switch ${argument}: expected TYPE@TIME, as in DMA-FQ@2s`);
}

function flushChoice(
  argument: string,
  registry: PolicyRegistry,
): (MachineOverrides['flush'] & object) | null {
  return argument === 'recorded' ? null : checked('flush', 'flush', argument, registry);
}

function failedChoice(argument: string): MachineOverrides['failedRequests'] & object {
  const { name, parameters } = parsePolicyArgument('failed-requests', argument);
  try {
    return parseMachine({ failedRequests: { mode: name, ...parameters } }).failedRequests ?? {};
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--failed-requests: ${error.message}`);
    throw error;
  }
}

function checked(
  kind: PolicyKind,
  option: string,
  argument: string,
  registry: PolicyRegistry,
): { name: string; parameters: Record<string, number | boolean | string> } {
  const choice = parsePolicyArgument(option, argument);
  try {
    completeChoice(kind, choice, registry);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--${option}: ${error.message}`);
    throw error;
  }
  return { name: choice.name, parameters: { ...choice.parameters } };
}
