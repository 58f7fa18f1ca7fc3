// Messages of IOMMUs: no address left, one that is too wide, one that was mapped already, and faults.
//
// From drivers/iommu (Intel, AMD, Arm SMMU 2 and 3, Rockchip, MediaTek, Exynos, virtio), arch/powerpc and the GART
// of arch/x86 (3.16 to 6.18).

import type {
  DoubleMapping,
  IommuFault,
  IovaFailure,
  LogLine,
  NarrowIommu,
  WideAddresses,
} from '../kernel-log.ts';
import { deviceOf, ownerBefore, type Reader } from './reader.ts';

const PAGE = 4096;
const PAGE_SHIFT = 12n;

/** Their readers. */
export const iommuReaders: readonly Reader[] = [
  gartFull,
  iovaFailed,
  wideAddresses,
  narrowIommu,
  doubleMapping,
  vtdFault,
  amdFault,
  smmu3Fault,
  otherFault,
];

function gartFull(message: string, at: LogLine): IovaFailure | null {
  const match = /PCI-DMA: Out of IOMMU space for (\d+) bytes(?: at device ([\w:.-]*[\w-]))?/.exec(
    message,
  );
  if (match === null) return null;
  const device = match[2] ?? ownerBefore(message, match.index).device;
  const pages = Math.ceil(Number(match[1]) / PAGE);
  return { ...at, kind: 'iova-failed', device, pages, gart: true };
}

const FAILED =
  /iommu[_ ]alloc(?:_sg)? failed|iommu_dma_alloc\w*[: ].{0,80}fail|iova alloc(?:ation)? failed|allocating (?:domain )?iova.{0,80} failed|failed to alloc\w* iova/i;

function iovaFailed(message: string, at: LogLine): IovaFailure | null {
  const pages = /Allocating (\d+)-page iova for (\S+) failed/i.exec(message);
  if (pages !== null) {
    const [, count, device = ''] = pages;
    return { ...at, kind: 'iova-failed', device, pages: Number(count), gart: false };
  }
  if (!FAILED.test(message)) return null;
  // Without a device (before 3.19) the number is hexadecimal or not, by the caller.
  const device = /^iommu_alloc/.test(message) ? '' : deviceOf(message);
  const npages = /npages (\d+)/.exec(message);
  return {
    ...at,
    kind: 'iova-failed',
    device,
    pages: npages === null || device === '' ? null : Number(npages[1]),
    gart: false,
  };
}

function wideAddresses(message: string, at: LogLine): WideAddresses | null {
  const match = /Using (\d+)-bit DMA addresses/.exec(message);
  if (match === null) return null;
  const { device } = ownerBefore(message, match.index);
  return { ...at, kind: 'wide-addresses', device, bits: Number(match[1]) };
}

function narrowIommu(message: string, at: LogLine): NarrowIommu | null {
  const match =
    /iommu width \((\d+)\) is not sufficient for the mapped address \(([0-9a-f]+)\)/.exec(message);
  if (match === null) return null;
  return { ...at, kind: 'narrow-iommu', bits: Number(match[1]), address: `0x${match[2]}` };
}

function doubleMapping(message: string, at: LogLine): DoubleMapping | null {
  const match = /DMA PTE for vPFN (0x[0-9a-f]+) already set/.exec(message);
  if (match === null) return null;
  const address = BigInt(match[1] ?? '0') << PAGE_SHIFT;
  return { ...at, kind: 'double-mapping', address: `0x${address.toString(16)}` };
}

function vtdFault(message: string, at: LogLine): IommuFault | null {
  const match =
    /DMAR: ?\[[^\]]*\] Request device \[([^\]]+)\](?: PASID \S+)? fault addr (?:0x)?([0-9a-f]+)/.exec(
      message,
    );
  return match === null ? null : fault(at, match[1] ?? '', match[2] ?? '', message);
}

function amdFault(message: string, at: LogLine): IommuFault | null {
  const match =
    /(?:AMD-Vi: )?(?:Event logged \[ ?)?IO_PAGE_FAULT (?:device=(\S+) )?domain=\S+ address=0x([0-9a-f]+)/.exec(
      message,
    );
  if (match === null) return null;
  const device = match[1] ?? ownerBefore(message, match.index).device;
  return fault(at, device, match[2] ?? '', message);
}

// Since 6.15 in words with the client; before that the number of the event (0x10 to 0x13 are translations).
function smmu3Fault(message: string, at: LogLine): IommuFault | null {
  const words =
    /event: F_(?:TRANSLATION|ADDR_SIZE|ACCESS|PERMISSION) client: (\S+) .{0,60}iova: 0x([0-9a-f]+)/.exec(
      message,
    );
  if (words !== null) return fault(at, words[1] ?? '', words[2] ?? '', message);
  const raw = /event 0x1[0-3] received:/.exec(message);
  return raw === null ? null : fault(at, ownerBefore(message, raw.index).device, '', message);
}

const OTHERS: readonly RegExp[] = [
  /Unhandled (?:context )?fault: .{0,60}iova=0x([0-9a-f]+)/,
  /fault type=0x[0-9a-f]+ iova=0x([0-9a-f]+)/,
  /Page fault at 0x([0-9a-f]+) of type/,
  /PAGE FAULT occurred at 0x([0-9a-f]+)/,
  /(?:page|domain) fault from EP \d+ at 0x([0-9a-f]+)/,
  /Unhandled fault: status 0x[0-9a-f]+ iova 0x([0-9a-f]+)/,
  /translation fault: status:.{0,60} at 0x([0-9a-f]+)/,
  /Page fault for 0x([0-9a-f]+) \(master/,
  /(?:read|write) @0x([0-9a-f]+): Invalid SMMU page/,
  /errs:0x[0-9a-f]+ da:0x([0-9a-f]+) pgd:/,
  /Fault \d+ devid: \S+ iotval: ([0-9a-f]+)/,
];

function otherFault(message: string, at: LogLine): IommuFault | null {
  for (const pattern of OTHERS) {
    const match = pattern.exec(message);
    if (match !== null) return fault(at, deviceOf(message), match[1] ?? '', message);
  }
  return null;
}

function fault(at: LogLine, device: string, digits: string, message: string): IommuFault {
  const address = digits === '' ? '' : `0x${digits}`;
  return { ...at, kind: 'iommu-fault', device, address, message };
}
