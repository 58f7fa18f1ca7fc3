// All messages, and the readers of those of the kernel itself and of dma-debug.

import type {
  CommandLine,
  DmaApiWarning,
  KernelRelease,
  LogLine,
  Suppressed,
} from '../kernel-log.ts';
import { bounceReaders } from './bounce-readers.ts';
import { iommuReaders } from './iommu-readers.ts';
import { memoryReaders } from './memory-readers.ts';
import { ownerBefore, type Reader } from './reader.ts';

/** The first that fits wins. */
export const readers: readonly Reader[] = [
  dmaApi,
  misuse,
  ...bounceReaders,
  ...iommuReaders,
  ...memoryReaders,
  kernelRelease,
  commandLine,
  suppressed,
];

function kernelRelease(message: string, at: LogLine): KernelRelease | null {
  const match =
    /^Linux version (\d+\.\d+\S*)/.exec(message) ??
    /^CPU: \d+ .{0,120}?(?:Not tainted|Tainted: [A-Z ]{1,40}?) +(\d+\.\d+\S*) #/.exec(message);
  return match === null ? null : { ...at, kind: 'kernel-release', release: match[1] ?? '' };
}

function commandLine(message: string, at: LogLine): CommandLine | null {
  const match = /^(?:Kernel command|Command) line: (.*)$/.exec(message);
  return match === null ? null : { ...at, kind: 'command-line', text: match[1] ?? '' };
}

function suppressed(message: string, at: LogLine): Suppressed | null {
  const match = /^(\w+): (\d+) callbacks suppressed/.exec(message);
  if (match === null) return null;
  return { ...at, kind: 'suppressed', function: match[1] ?? '', count: Number(match[2]) };
}

function dmaApi(message: string, at: LogLine): DmaApiWarning | null {
  if (!message.includes('DMA-API:')) return null;
  // Up to 4.19 driver and device stand in front.
  const match =
    /^(?:(\S{1,60}) (\S{1,60}): )?.{0,40}?\bDMA-API: ?(?:(?:(.{0,60}?) )?([^\s:]{1,60}(?::[^\s:]{1,60}){0,8}):(?: |$))?(.*)$/.exec(
      message,
    );
  if (match === null) return null;
  const [, driverBefore = '', deviceBefore = '', driver = '', device = '', rest = ''] = match;
  const details: Record<string, string> = Object.create(null);
  for (const [, key = '', value = ''] of rest.matchAll(/\[([\w -]+?)=([^\]]*)\]/g))
    details[key] = value;
  const mappedAs = /\[mapped as ([^\]]+)\]/.exec(rest)?.[1];
  if (mappedAs !== undefined) details['mapped as'] = mappedAs;
  return {
    ...at,
    kind: 'dma-api',
    driver: driver || driverBefore,
    device: device || deviceBefore,
    message: rest.replace(/\s*\[.*$/, '').trim(),
    details,
    broken: rest === '' || rest.lastIndexOf('[') > rest.lastIndexOf(']'),
  };
}

// What the DMA layer and the USB core refuse without dma-debug.
const MISUSE =
  /rejecting DMA map of vmalloc memory|mapping sg segment longer than device claims to support|coherent DMA mask is unset|DMA map on device without dma_mask|(?:transfer buffer|setup packet) is (?:on stack|in vmalloc area)/;

function misuse(message: string, at: LogLine): DmaApiWarning | null {
  const match = MISUSE.exec(message);
  if (match === null) return null;
  return {
    ...at,
    kind: 'dma-api',
    ...ownerBefore(message, match.index),
    message: match[0],
    details: {},
    broken: false,
  };
}
