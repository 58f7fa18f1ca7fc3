// Messages of the bounce buffer, and of addresses that a device cannot reach (kernel/dma/{swiotlb,direct}.c).

import type {
  LogLine,
  MaskOverflow,
  SwiotlbFull,
  SwiotlbMissing,
  SwiotlbPool,
  SwiotlbRefused,
} from '../kernel-log.ts';
import { deviceOf, numberOf, ownerBefore, type Reader } from './reader.ts';

const MIB = 1024 * 1024;

/** Their readers. */
export const bounceReaders: readonly Reader[] = [
  swiotlbFull,
  swiotlbRefused,
  swiotlbMissing,
  swiotlbPool,
  maskOverflow,
  coherentOverflow,
];

// People quote it without the device too.
function swiotlbFull(message: string, at: LogLine): SwiotlbFull | null {
  const match =
    /swiotlb buffer is full \(sz: ?(-?\d+) bytes\)(?:,? ?total (\d+) \(slots\),? ?used (\d+))?/.exec(
      message,
    );
  if (match === null) return null;
  const [, size, total, used] = match;
  return {
    ...at,
    kind: 'swiotlb-full',
    ...ownerBefore(message, match.index),
    size: Number(size),
    total: numberOf(total),
    used: numberOf(used),
  };
}

function swiotlbRefused(message: string, at: LogLine): SwiotlbRefused | null {
  const match =
    /(?:PCI-)?DMA: Out of SW-IOMMU space for (\d+) bytes(?: at device ([\w:.-]*[\w-]))?/.exec(
      message,
    );
  if (match === null) return null;
  const [, size, after] = match;
  const device = after ?? ownerBefore(message, match.index).device;
  return { ...at, kind: 'swiotlb-refused', device, size: Number(size) };
}

// The wordings of 3.x to 6.18, from early boot and from the first map that wants to bounce.
const LATE = /an(?:not| not|'t) allocate SWIOTLB buffer earlier/;
const BOOT =
  /an(?:not| not|'t) allocate SWIOTLB buffer|software IO TLB: (?:No low mem|Cannot allocate buffer|.*[Ff]ailed to allocate (?!new pool))/;

function swiotlbMissing(message: string, at: LogLine): SwiotlbMissing | null {
  if (!BOOT.test(message)) return null;
  const boot = !LATE.test(message);
  const device = boot ? '' : ownerBefore(message, message.lastIndexOf('Can')).device;
  return { ...at, kind: 'swiotlb-missing', device: deviceLike(device), message, boot };
}

// "Kernel panic - not syncing: " stands there too.
function deviceLike(word: string): string {
  return /[\d.]/.test(word) ? word : '';
}

// The end that is printed is the first byte behind the pool.
function swiotlbPool(message: string, at: LogLine): SwiotlbPool | null {
  if (!/^(?:software IO TLB|Placing \d+MB software IO TLB)/.test(message)) return null;
  const mapped = /\[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]/.exec(message);
  const own = /restricted DMA pool at \S+, size (\d+) MiB/.exec(message);
  const size = /bounce buffer size (?:adjusted|roundup) to (\d+)MB|Placing (\d+)MB/.exec(message);
  const areas = /area num (\d+)/.exec(message);
  const growthFailed = message.includes('Failed to allocate new pool');
  const mebibytes = numberOf(own?.[1] ?? size?.[1] ?? size?.[2]);
  const bytes =
    mapped !== null
      ? Number(mapped[2]) - Number(mapped[1])
      : mebibytes === null
        ? null
        : mebibytes * MIB;
  if (bytes === null && areas === null && !growthFailed) return null;
  return {
    ...at,
    kind: 'swiotlb-pool',
    bytes,
    areas: areas === null ? null : Number(areas[1]),
    growthFailed,
    restricted: own !== null,
    wanted: mapped === null && size?.[1] !== undefined,
  };
}

function maskOverflow(message: string, at: LogLine): MaskOverflow | null {
  const match =
    /(swiotlb addr |DMA addr |overflow )(?:0x)?([0-9a-f]+)\+(\d+) +(?:overflow \(mask |of (?:DMA|device) mask )([0-9a-f]+)(?:,? bus (?:limit|mask) ([0-9a-f]+))?/.exec(
      message,
    );
  if (match === null) return null;
  const [, what = '', address = '', size, mask, busLimit] = match;
  return {
    ...at,
    kind: 'mask-overflow',
    device: mappedDevice(message.slice(0, match.index)),
    address: `0x${address}`,
    size: Number(size),
    mask: `0x${mask}`,
    busLimit: `0x${busLimit ?? 0}`,
    bounced: what.startsWith('swiotlb'),
    // Without a bus limit (before 4.20) what prints this does not bounce.
    afterFull: what.startsWith('overflow') && busLimit !== undefined,
  };
}

// Up to 5.2 the function stands behind the device; before 4.20 it stands alone.
function mappedDevice(before: string): string {
  const device = before.replace(/(?:nommu|dma_direct)_\w+: ?$/, '').trimEnd();
  return ownerBefore(device, device.length).device;
}

// A slot that coherent memory got, and that lies beyond the coherent mask (up to 4.19).
function coherentOverflow(message: string, at: LogLine): MaskOverflow | null {
  const match = /hwdev DMA mask = (0x[0-9a-f]+), dev_addr = (0x[0-9a-f]+)/.exec(message);
  if (match === null) return null;
  return {
    ...at,
    kind: 'mask-overflow',
    device: deviceOf(message),
    address: match[2] ?? '',
    size: 1,
    mask: match[1] ?? '',
    busLimit: '0x0',
    bounced: true,
    afterFull: false,
  };
}
