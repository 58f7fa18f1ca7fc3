// What one message of a kernel log tells by itself, where it is not about a full bounce pool.

import type { KernelLogLine } from '@dmalab/trace';
import { formatBytes } from '../quantity.ts';
import type { Cause } from './causes.ts';
import type { Explanation } from './explanation.ts';
import type { LogContext } from './log-context.ts';
import { deviceName } from './make-explanation.ts';
import type { RemedyNumbers } from './remedies.ts';
import { fits, poolState } from './slot-arithmetic.ts';

/** A cause with its reasons, for one message. */
export interface Judged {
  readonly cause: Cause;
  readonly confidence: Explanation['confidence'];
  readonly device: string;
  readonly why: string;
  /** Messages with the same one are one failure; the reason where it is left out. */
  readonly key?: string;
  readonly open?: readonly Cause[];
  readonly openBecause?: string;
  readonly numbers?: RemedyNumbers;
}

type Line<Kind extends KernelLogLine['kind']> = Extract<KernelLogLine, { kind: Kind }>;

/** What `line` tells; null where it tells of no failure. */
export function judge(line: KernelLogLine, context: LogContext): Judged | null {
  switch (line.kind) {
    case 'swiotlb-missing':
      return missing(line, context);
    case 'swiotlb-refused':
      return refused(line);
    case 'mask-overflow':
      return overflow(line);
    case 'iova-failed':
      return iovaFailure(line, context);
    case 'wide-addresses':
      return gaveUp32Bits(line, context);
    case 'narrow-iommu':
      return certain(
        'address-width',
        '',
        `${line.address} needs more than the ${line.bits} bits of the IOMMU`,
      );
    case 'host-limit':
      return hostLimit(line);
    case 'coherent-failed':
      return coherent(line, context);
    case 'dma-api':
      return dmaApi(line);
    case 'double-mapping':
      return certain(
        'not-enough-information',
        '',
        'an address was given out whose entry in the page table was still there: a reserved region that was not set aside, or an unmap that left it',
      );
    case 'iommu-fault':
      return certain(
        'iommu-fault',
        line.device,
        'the IOMMU reports accesses of this device that its page table does not allow',
      );
    default:
      return null;
  }
}

function certain(cause: Cause, device: string, why: string): Judged {
  return { cause, confidence: 'certain', device, why };
}

function missing({ device, boot }: Line<'swiotlb-missing'>, context: LogContext): Judged {
  const wanted = context.lines.find((line) => line.kind === 'swiotlb-pool' && line.wanted);
  const bytes = wanted?.kind === 'swiotlb-pool' ? wanted.bytes : null;
  if (boot) {
    return {
      ...certain(
        'pool-missing',
        device,
        'at boot there was no memory for a bounce pool; nothing here asks for one, and where devices reach all memory nothing will',
      ),
      numbers: { bytes },
    };
  }
  const known = context.missing !== null || bytes !== null;
  return {
    ...certain(
      'pool-missing',
      device,
      `a map had to bounce, and ${known ? 'at boot there was no memory for a pool' : 'the kernel has no bounce pool'}`,
    ),
    numbers: { bytes, givenUp: !known },
  };
}

function refused({ device, size }: Line<'swiotlb-refused'>): Judged {
  if (!fits(size)) return certain('too-large', device, poolState(size, 0, 0, null).why);
  return {
    cause: 'not-enough-information',
    confidence: 'certain',
    device,
    why: `a map of ${size} bytes found no bounce memory; the line that says how full it was is not here`,
    open: ['pool-full', 'fragmented', 'alignment', 'leak'],
    openBecause: 'any of them ends in this message',
  };
}

function overflow(line: Line<'mask-overflow'>): Judged {
  const { device, address, size, bounced, afterFull } = line;
  const end = BigInt(address) + BigInt(size) - 1n;
  const what = `${bounced ? 'the slot at' : 'the buffer at'} ${address}${size > 1 ? ` (${size} bytes)` : ''}`;
  if (end <= reach(line)) {
    return certain(
      'not-enough-information',
      device,
      `${what} is within the reach of the device (${limitName(line)}), so something else wanted it to bounce, and it was refused`,
    );
  }
  const judged: Judged = {
    ...certain(
      bounced ? 'pool-unreachable' : 'mask-overflow',
      device,
      `${what} is above ${limitName(line)}`,
    ),
    key: `${device} ${limitName(line)}`,
  };
  if (!afterFull) return judged;
  return {
    ...judged,
    open: [fits(size) ? 'pool-full' : 'too-large'],
    openBecause:
      'kernels before 5.6 print the same after a bounce that failed, and its own line is not here',
  };
}

/** The lower of mask and bus limit; a bus limit of 0 is none. */
function reach({ mask, busLimit }: Line<'mask-overflow'>): bigint {
  const limit = BigInt(busLimit);
  return limit !== 0n && limit < BigInt(mask) ? limit : BigInt(mask);
}

function limitName(line: Line<'mask-overflow'>): string {
  const { mask, busLimit } = line;
  return reach(line) < BigInt(mask) ? `the bus limit ${busLimit}` : `the DMA mask ${mask}`;
}

function iovaFailure({ device, pages, gart }: Line<'iova-failed'>, context: LogContext): Judged {
  const size = pages === null ? 'a range' : `${pages} page${pages === 1 ? '' : 's'}`;
  if (gart) {
    return {
      cause: 'iova-space',
      confidence: 'certain',
      device,
      why: `the aperture of the GART had no room for ${size}`,
      open: ['leak'],
      openBecause: 'the line does not tell how much is mapped',
      numbers: { gart },
    };
  }
  if (context.isWide(device)) {
    return certain(
      'iova-space',
      device,
      `no address for ${size}, although the device uses 64-bit addresses`,
    );
  }
  return {
    cause: 'iova-space',
    confidence: 'likely',
    device,
    why: `no address was left for ${size}`,
    open: ['iova-32bit', 'leak'],
    openBecause: 'the line tells neither the DMA mask nor how much is mapped',
  };
}

/** The DMA layer says so (6.4 and later) when a device found no address below 4 GiB for the first time. */
function gaveUp32Bits(
  { device, bits }: Line<'wide-addresses'>,
  context: LogContext,
): Judged | null {
  if (context.hasIommuFailure) return null;
  return certain(
    'iova-32bit',
    device,
    `no address below 4 GiB was left for one of its requests; it is served with ${bits} bits from then on, so nothing failed`,
  );
}

/** What the errors of a map say that are no limits. */
const REFUSALS: Readonly<Record<number, string>> = {
  0: 'the range lies outside of the addresses that its IOMMU takes',
  14: 'memory that has no pages behind it, as of a device, could not be pinned (Bad address)',
  16: 'the range is in use (Device or resource busy)',
  17: 'the range overlaps one that is mapped (File exists)',
  22: 'the range is not one that this IOMMU can map: beyond its width, in a reserved region, or not aligned to its pages (Invalid argument)',
};

function hostLimit({ limit, value, error, warning, device }: Line<'host-limit'>): Judged {
  const numbers = { limit: value };
  if (limit === 'other') {
    const why = `the host refused a mapping, and not for a limit: ${REFUSALS[error ?? 0] ?? `error ${error}`}`;
    return { ...certain('not-enough-information', device, why), key: why };
  }
  if (limit === 'pinned') {
    const bytes = value === null ? '' : ` of ${value} bytes`;
    return {
      cause: 'host-pinned',
      confidence: value === null ? 'likely' : 'certain',
      device,
      why: `the limit${bytes} for locked memory was reached`,
      key: `pinned ${value}`,
      numbers,
    };
  }
  const entries = value === null ? '' : ` of ${value}`;
  return {
    cause: 'host-entries',
    confidence: warning ? 'likely' : 'certain',
    device,
    why: `the limit${entries} for mappings of a container ${warning ? 'is in reach, as QEMU warns' : 'was reached'}`,
    key: `entries ${value}`,
    numbers,
  };
}

/** EBUSY: the pages are there, and something holds them. */
const NOT_MOVED = -16;

function coherent(line: Line<'coherent-failed'>, context: LogContext): Judged {
  const { source, device, bytes } = line;
  if (source === 'atomic') {
    const size = bytes === null ? '' : ` of ${formatBytes(bytes)}`;
    return {
      ...certain(
        'coherent-pool',
        device,
        `the pool${size} for atomic allocations had nothing left`,
      ),
      numbers: { bytes, source },
    };
  }
  const area = source === 'cma' ? context.cmaAfter(line) : null;
  const numbers = { source, bytes: area?.bytes ?? null, busy: line.error === NOT_MOVED };
  return {
    ...certain('coherent-memory', device, `${coherentReason(line)}${areaLeft(area)}`),
    numbers,
  };
}

function coherentReason({ source, bytes, error }: Line<'coherent-failed'>): string {
  const size = bytes === null ? '' : ` of ${formatBytes(bytes)}`;
  if (source === 'zone') return `no block${size} was left in the zone that the mask allows`;
  if (source === 'driver') return `the driver got no contiguous block${size}`;
  if (source === 'swiotlb') {
    const pool =
      bytes === null || fits(bytes) ? 'had no room either' : 'holds 256 KiB in one piece at most';
    return `no contiguous block${size} was left that the device reaches, and the bounce pool that stands in ${pool}`;
  }
  if (error === NOT_MOVED) return `pages in the way of a block${size} in CMA could not be moved`;
  return `no contiguous block${size} was left in CMA`;
}

function areaLeft(area: Line<'cma-pool'> | null): string {
  if (area === null) return '';
  if (area.free === null) return `, an area of ${formatBytes(area.bytes)}`;
  return `: ${formatBytes(area.free)} of ${formatBytes(area.bytes)} were free`;
}

function dmaApi({ driver, device, message, details }: Line<'dma-api'>): Judged | null {
  const name = deviceName({ driver, device });
  if (/pending DMA allocations/.test(message)) {
    return certain(
      'leak',
      name,
      `the driver was unbound with ${details.count ?? 'some'} mappings live`,
    );
  }
  if (/debugging out of memory|preallocated|disabled|enabled|Leaked/.test(message)) return null;
  const judged = certain('driver-fault', name, message);
  if (!/exceeded \d+ overlapping/.test(message)) return judged;
  return {
    ...judged,
    confidence: 'likely',
    key: 'overlapping mappings',
    open: ['leak'],
    openBecause: 'mappings that are never undone pile up on a cache line too',
  };
}
