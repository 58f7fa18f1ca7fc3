// The options that say on which machines a trace is replayed, shared by all commands that replay.

import {
  bouncePolicies,
  type DomainType,
  type FqInitReads,
  flushPolicies,
  hostPolicies,
  iovaPolicies,
  type SwiotlbMode,
  type TimerMode,
} from '@dmalab/replay';
import type { Argv } from 'yargs';
import { type KernelArguments, kernelOptions } from './kernel-options.ts';
import { sharedGroup } from './option-groups.ts';
import { type PolicyArguments, policyOption } from './policy-file.ts';

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
