// The options that say on which machines a trace is replayed, shared by all commands that replay.

import { basename, extname } from 'node:path';
import {
  bouncePolicies,
  completeChoice,
  type DomainType,
  type FqInitReads,
  flushPolicies,
  hostPolicies,
  iovaPolicies,
  type MachineOverrides,
  type PolicyKind,
  type PolicyRegistry,
  parseMachine,
  type SwiotlbMode,
  type TimerMode,
  type TypeSwitch,
} from '@dmalab/replay';
import type { Argv } from 'yargs';
import { type KernelArguments, kernelOptions, kernelReadOptions } from './kernel-options.ts';
import { sharedGroup } from './option-groups.ts';
import { parsePolicyArgument } from './policy-argument.ts';
import { loadRegistry, type PolicyArguments, policyOption } from './policy-file.ts';
import { unique } from './run-name.ts';
import { UsageError } from './usage-error.ts';

/** What the options of {@link machineOptions} give. */
export interface MachineArguments extends KernelArguments, PolicyArguments {
  machine: string[] | undefined;
  /** Texts of machine files by their names, where the files are not on this machine; no option of the command line. */
  machineTexts?: Readonly<Record<string, string>>;
  allocator: string | undefined;
  flush: string[] | undefined;
  bounce: string[] | undefined;
  host: string[] | undefined;
  timer: TimerMode | undefined;
  recordedFailures: 'hold' | 'drop' | undefined;
  failedRequests: string | undefined;
  swiotlb: SwiotlbMode | undefined;
  translateAll: boolean | undefined;
  domainType: DomainType | undefined;
  switch: string[] | undefined;
  fqInitReads: FqInitReads | undefined;
  loop: 'open' | 'closed' | undefined;
  rate: number | undefined;
  copies: number | undefined;
  seed: number | undefined;
}

const MACHINE = [
  'machine',
  'kernel',
  'cpus',
  'hz',
  'timer',
  'domain-type',
  'translate-all',
  'switch',
  'fq-init-reads',
];
const POLICIES = ['allocator', 'flush', 'bounce', 'swiotlb', 'host', 'policy'];
const LOAD = ['rate', 'copies', 'seed', 'loop', 'failed-requests', 'recorded-failures'];

function grouped(y: Argv): Argv {
  const machine = sharedGroup(y, 'Machine', MACHINE);
  return sharedGroup(sharedGroup(machine, 'Policies', POLICIES), 'Load', LOAD);
}

/** Adds the options to a command. */
export function machineOptions(y: Argv): Argv<MachineArguments> {
  return policyOption(kernelOptions(grouped(y)))
    .option('machine', {
      alias: 'm',
      describe: 'Machine file (YAML or JSON); several give one run each',
      type: 'string',
      array: true,
      nargs: 1,
      requiresArg: true,
    })
    .option('flush', {
      describe: `Flush queue: ${flushPolicies.map(({ name }) => name).join(', ')}, or recorded; with parameters as in percpu:size=512; several give one run each`,
      type: 'string',
      array: true,
      nargs: 1,
      requiresArg: true,
    })
    .option('bounce', {
      describe: `Bounce memory (swiotlb): ${bouncePolicies.map(({ name }) => name).join(', ')}; with parameters; several give one run each`,
      type: 'string',
      array: true,
      nargs: 1,
      requiresArg: true,
    })
    .option('host', {
      describe: `Host behind the page table: ${hostPolicies.map(({ name }) => name).join(', ')}; with parameters as in vfio:entries=4096; several give one run each`,
      type: 'string',
      array: true,
      nargs: 1,
      requiresArg: true,
    })
    .option('swiotlb', {
      describe: 'Which maps bounce: those that must, all (as swiotlb=force), or none',
      choices: ['auto', 'force', 'noforce'] as const,
      requiresArg: true,
    })
    .option('failed-requests', {
      describe:
        'Maps that fail in the replay: drop them, or retry them, as in retry:delayMs=5,tries=20',
      type: 'string',
      requiresArg: true,
    })
    .option('allocator', {
      describe: `IOVA allocator: ${iovaPolicies.map(({ name }) => name).join(', ')}; with parameters as in linux:magazineSize=64`,
      type: 'string',
      requiresArg: true,
    })
    .option('timer', {
      describe: 'When timers fire: to the ns, at the jiffy, or by the timer wheel',
      choices: ['ideal', 'exact', 'wheel'] as const,
      requiresArg: true,
    })
    .option('recorded-failures', {
      describe: 'Maps that failed while recording: hold them as long as others lived, or drop them',
      choices: ['hold', 'drop'] as const,
      requiresArg: true,
    })
    .option('translate-all', {
      describe: 'Put devices that were mapped directly behind the IOMMU as well',
      type: 'boolean',
    })
    .option('domain-type', {
      describe: 'Type of every domain at its creation',
      choices: ['DMA', 'DMA-FQ', 'identity'] as const,
      requiresArg: true,
    })
    .option('switch', {
      describe:
        'Switch the domain type in mid-replay, as in DMA-FQ@2s or DMA@500ms,domain=1,bound=false; several are done one after the other',
      type: 'string',
      array: true,
      nargs: 1,
      requiresArg: true,
    })
    .option('fq-init-reads', {
      describe:
        'What decides on the queue of a live switch: options (mainline), requestedType, or domainType (the fault of v4 of the single-queue series)',
      choices: ['options', 'requestedType', 'domainType'] as const,
      requiresArg: true,
    })
    .option('loop', {
      describe:
        'Arrivals of the modelled latency: as recorded, or when the CPU is done with its last request',
      choices: ['open', 'closed'] as const,
      requiresArg: true,
    })
    .option('rate', {
      describe:
        'Divide the gaps between requests by this (below 1 they grow); mappings live as long as recorded',
      type: 'number',
      requiresArg: true,
    })
    .option('copies', {
      describe:
        'Replay this many copies of the requests at once, shifted in time and on other CPUs',
      type: 'number',
      requiresArg: true,
    })
    .option('seed', {
      describe: 'Seed of the shifts of --copies',
      type: 'number',
      requiresArg: true,
    }) as unknown as Argv<MachineArguments>;
}

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
