// What to record next time: the lacks of a trace, and the commands that mend them.

import type { Capture } from '@dmalab/trace';
import { isAtLeast, versionOf } from '../recording/kernel-release.ts';
import { FIRST_WITH_DMA_EVENTS } from '../recording/recipe.ts';
import { quote } from '../recording/recording-script.ts';
import type { Contents } from './allowance.ts';
import { printAgain } from './unfit-layout.ts';

/** One lack and its remedy. */
export interface Advice {
  /** What is missing, and what that keeps one from. */
  readonly why: string;
  /** Shell commands for the recorded machine; empty where none helps. */
  readonly commands: readonly string[];
}

const LARGER_BUFFER_KB = 262_144;

/** The remedies in order of weight; empty for a trace that lacks nothing. */
export function adviceFor(capture: Capture, contents: Contents): Advice[] {
  const { facts } = capture;
  const release = facts.kernel?.value ?? null;
  const version = release === null ? null : versionOf(release);
  const isOld = version !== null && !isAtLeast(version, FIRST_WITH_DMA_EVENTS);
  const kernel = release === null || version === null ? [] : ['--kernel', release];
  const print = (words: readonly string[], workload: string): string =>
    `${['dmalab', 'record', '--print', ...kernel, ...words].map(quote).join(' ')} -- ${workload}`;
  const device = facts.devices[1]?.name;
  const advice: Advice[] = [];
  if (contents.layout !== '') {
    advice.push({
      why: contents.layout,
      commands: printAgain(contents.format),
    });
  }
  if (!contents.lossless) {
    advice.push({
      why: 'events were lost: record with larger ring buffers, for less time, or with trace-cmd, which writes while it records',
      commands: [
        print(['--buffer-kb', String(LARGER_BUFFER_KB)], 'WORKLOAD'),
        print(['--with', 'trace-cmd'], 'WORKLOAD'),
      ],
    });
  }
  if (contents.total > 0 && !contents.hasUnmaps) {
    advice.push({
      why: 'no unmap was recorded, so no lifetime and no flush is known: record the events of unmaps too',
      commands: [print([], 'WORKLOAD')],
    });
  }
  const hasAllocator = contents.hasAllocProbes || contents.isDirect;
  const lacks = !contents.hasDmaEvents || !hasAllocator || contents.total === 0;
  if (lacks && contents.layout === '') {
    const isAllThereIs = isOld && hasAllocator && contents.total > 0;
    advice.push({
      why: missing(contents, isOld),
      commands: isAllThereIs ? [] : [print([], 'WORKLOAD')],
    });
  }
  if (contents.hasAllocProbes && !contents.hasCreation) {
    advice.push({
      why: 'the creation of the domain was not recorded, so its first state is unknown: take the device away, and let it come back while recording',
      commands: [
        `echo 1 > /sys/bus/pci/devices/${address(device)}/remove`,
        print([], "sh -c 'echo 1 > /sys/bus/pci/rescan; sleep 2; WORKLOAD'"),
      ],
    });
  }
  if (contents.total > 0 && !contents.hasRemoval) {
    advice.push({
      why: 'no device was removed, so nothing is known to be leaked: remove it at the end',
      commands: [
        print([], `sh -c 'WORKLOAD; echo 1 > /sys/bus/pci/devices/${address(device)}/remove'`),
      ],
    });
  }
  return advice;
}

function missing(contents: Contents, isOld: boolean): string {
  const { hasDmaEvents, hasAllocProbes, isDirect, total } = contents;
  if (hasDmaEvents && hasAllocProbes && total === 0) return 'not recorded: any map or allocation';
  const what = [
    ...(hasDmaEvents
      ? []
      : [
          isOld
            ? 'exact sizes and directions: this kernel has no events dma:* (6.12 and later have), the probes tell the devices'
            : 'exact sizes, directions and devices: the events dma:*',
        ]),
    ...(hasAllocProbes || isDirect ? [] : ['what the allocator did: the probes']),
  ];
  return `not recorded: ${what.join('; ')}`;
}

function address(device: string | undefined): string {
  return device !== undefined && /^[\da-f]{4,}:[\da-f]{2}:[\da-f]{2}\.\d$/.test(device)
    ? device
    : 'DEVICE';
}
