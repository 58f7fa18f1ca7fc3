// The messages, one function each: what it says as a record, or null where it is another message.

import type {
  CoherentFailure,
  CommandLine,
  DmaApiWarning,
  HostLimit,
  IommuFault,
  IovaFailure,
  KernelLogLine,
  KernelRelease,
  LogLine,
  MaskOverflow,
  NarrowIommu,
  Suppressed,
  SwiotlbFull,
  SwiotlbMissing,
  SwiotlbPool,
  SwiotlbRefused,
  WideAddresses,
} from '../kernel-log.ts';

type Reader = (message: string, at: LogLine) => KernelLogLine | null;

/** All messages; the first that fits wins. */
export const readers: readonly Reader[] = [
  dmaApi,
  swiotlbFull,
  swiotlbRefused,
  swiotlbMissing,
  swiotlbPool,
  iovaFailed,
  wideAddresses,
  narrowIommu,
  maskOverflow,
  coherentFailed,
  hostLimit,
  iommuFault,
  kernelRelease,
  commandLine,
  suppressed,
];

function swiotlbFull(message: string, at: LogLine): SwiotlbFull | null {
  const match =
    /^(?:(.*) )?(\S+): swiotlb buffer is full \(sz: (\d+) bytes\)(?:, total (\d+) \(slots\), used (\d+) \(slots\))?/.exec(
      message,
    );
  if (match === null) return null;
  const [, driver = '', device = '', size, total, used] = match;
  return {
    ...at,
    kind: 'swiotlb-full',
    driver,
    device,
    size: Number(size),
    total: total === undefined ? null : Number(total),
    used: used === undefined ? null : Number(used),
  };
}

function swiotlbRefused(message: string, at: LogLine): SwiotlbRefused | null {
  const match =
    /^(?:.*?(\S+): )?DMA: Out of SW-IOMMU space for (\d+) bytes(?: at device (\S+))?/.exec(message);
  if (match === null) return null;
  const [, before, size, after] = match;
  return { ...at, kind: 'swiotlb-refused', device: after ?? before ?? '', size: Number(size) };
}

// The wordings of 3.x to 6.18, from early boot and from the first map that wants to bounce.
const MISSING =
  /an(?:not| not|'t) allocate SWIOTLB buffer|software IO TLB: (?:No low mem|Cannot allocate buffer|.*[Ff]ailed to allocate (?!new pool))/;

function swiotlbMissing(message: string, at: LogLine): SwiotlbMissing | null {
  if (!MISSING.test(message)) return null;
  const device = /^(?:\S+ )?(\S+): Can(?:not| not|'t) allocate SWIOTLB/.exec(message)?.[1] ?? '';
  return { ...at, kind: 'swiotlb-missing', device, message };
}

// The end that is printed is the first byte behind the pool.
function swiotlbPool(message: string, at: LogLine): SwiotlbPool | null {
  if (!message.startsWith('software IO TLB')) return null;
  const mapped = /\[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]/.exec(message);
  const areas = /area num (\d+)/.exec(message);
  const growthFailed = message.includes('Failed to allocate new pool');
  if (mapped === null && areas === null && !growthFailed) return null;
  return {
    ...at,
    kind: 'swiotlb-pool',
    bytes: mapped === null ? null : Number(mapped[2]) - Number(mapped[1]),
    areas: areas === null ? null : Number(areas[1]),
    growthFailed,
  };
}

function iovaFailed(message: string, at: LogLine): IovaFailure | null {
  const pages = /Allocating (\d+)-page iova for (\S+) failed/i.exec(message);
  if (pages !== null) {
    return { ...at, kind: 'iova-failed', device: pages[2] ?? '', pages: Number(pages[1]) };
  }
  if (
    !/iommu[_ ]alloc failed|iommu_dma_alloc\w*(?::| ).*fail|iova alloc(?:ation)? failed|allocating (?:domain )?iova.* failed|failed to alloc\w* iova/i.test(
      message,
    )
  )
    return null;
  const npages = /npages (\d+)/.exec(message);
  return {
    ...at,
    kind: 'iova-failed',
    device: deviceOf(message),
    pages: npages === null ? null : Number(npages[1]),
  };
}

function wideAddresses(message: string, at: LogLine): WideAddresses | null {
  const match = /(\S+): Using (\d+)-bit DMA addresses/.exec(message);
  if (match === null) return null;
  return { ...at, kind: 'wide-addresses', device: match[1] ?? '', bits: Number(match[2]) };
}

function narrowIommu(message: string, at: LogLine): NarrowIommu | null {
  const match =
    /iommu width \((\d+)\) is not sufficient for the mapped address \(([0-9a-f]+)\)/.exec(message);
  if (match === null) return null;
  return { ...at, kind: 'narrow-iommu', bits: Number(match[1]), address: `0x${match[2]}` };
}

function maskOverflow(message: string, at: LogLine): MaskOverflow | null {
  const match =
    /(\S+): (swiotlb addr |DMA addr |overflow )(0x[0-9a-f]+)\+(\d+) (?:overflow \(mask |of DMA mask )([0-9a-f]+),? bus (?:limit|mask) ([0-9a-f]+)/.exec(
      message,
    );
  if (match === null) return null;
  const [, device = '', what = '', address = '', size, mask, busLimit] = match;
  return {
    ...at,
    kind: 'mask-overflow',
    device,
    address,
    size: Number(size),
    mask: `0x${mask}`,
    busLimit: `0x${busLimit}`,
    bounced: what.startsWith('swiotlb'),
  };
}

function coherentFailed(message: string, at: LogLine): CoherentFailure | null {
  const failure = (source: CoherentFailure['source'], device: string, bytes: number | null) =>
    ({ ...at, kind: 'coherent-failed', source, device, bytes }) as const;
  const small = /(\d+) KiB atomic DMA coherent pool is too small/.exec(message);
  if (small !== null) return failure('atomic', '', Number(small[1]) * 1024);
  const none = /DMA: failed to allocate (\d+) KiB .*?pool for atomic/.exec(message);
  if (none !== null) return failure('atomic', '', Number(none[1]) * 1024);
  const suitable = /Failed to get suitable pool for (\S+)/.exec(message);
  if (suitable !== null) return failure('atomic', suitable[1] ?? '', null);
  const cma = /cma: _*cma_alloc: .*?alloc failed, req-size: (\d+) pages/.exec(message);
  if (cma !== null) return failure('cma', '', Number(cma[1]) * 4096);
  const zone = /page allocation failure: order:(\d+), mode:0x[0-9a-f]+\([^)]*GFP_DMA/.exec(message);
  if (zone !== null) return failure('zone', '', 4096 * 2 ** Number(zone[1]));
  const pool = /swiotlb: coherent allocation failed(?: for device (\S+?))?,? size=(\d+)/.exec(
    message,
  );
  if (pool === null) return null;
  return failure('swiotlb', pool[1] ?? deviceOf(message), Number(pool[2]));
}

function hostLimit(message: string, at: LogLine): HostLimit | null {
  const found = (limit: HostLimit['limit'], value: string | undefined, warning: boolean) =>
    ({
      ...at,
      kind: 'host-limit',
      limit,
      value: value === undefined ? null : Number(value),
      warning,
      device: /\bhost=([0-9a-fA-F:.]+[0-9a-fA-F])/.exec(message)?.[1] ?? '',
    }) as const;
  const pinned =
    /vfio_pin_page\w*: (?:Task .{1,40} \(\d+\) )?RLIMIT_MEMLOCK \((\d+)\) exceeded/.exec(message);
  if (pinned !== null) return found('pinned', pinned[1], false);
  const mayBe = /possibly running out of DMA mappings\..*Maximum possible DMA mappings: (\d+)/.exec(
    message,
  );
  if (mayBe !== null) return found('entries', mayBe[1], true);
  const call =
    /(?:VFIO_(?:IOMMU_)?MAP_DMA\b|vfio_(?:container_)?dma_map\b|annot set up DMA (?:re)?mapping,).*?(?:= |: |error )?(-?28\b|-?12\b|No space left|Cannot allocate memory)/.exec(
      message,
    );
  if (call === null) return null;
  return found(/28|No space/.test(call[1] ?? '') ? 'entries' : 'pinned', undefined, false);
}

function kernelRelease(message: string, at: LogLine): KernelRelease | null {
  const match =
    /^Linux version (\d+\.\d+\S*)/.exec(message) ??
    /^CPU: \d+ .*?(?:Not tainted|Tainted: [A-Z ]+?) +(\d+\.\d+\S*) #/.exec(message);
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
  // Up to 4.19 driver and device stand in front.
  const match =
    /^(?:(\S+) (\S+): )?.{0,40}?\bDMA-API: (?:(?:(.*?) )?([^\s:]+(?::[^\s:]+)*): )?(.*)$/.exec(
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
  };
}

function iommuFault(message: string, at: LogLine): IommuFault | null {
  const vtd =
    /^(?:dmar: )?DMAR: ?\[(.*?)\] Request device \[([^\]]+)\](?: PASID \S+)? fault addr (?:0x)?([0-9a-f]+)/.exec(
      message,
    );
  if (vtd !== null) return fault(at, vtd[2] ?? '', vtd[3] ?? '', message);
  const amd =
    /^(?:\S+ (\S+): )?(?:AMD-Vi: )?(?:Event logged \[ ?)?IO_PAGE_FAULT (?:device=(\S+) )?domain=\S+ address=0x([0-9a-f]+)/.exec(
      message,
    );
  if (amd !== null) return fault(at, amd[1] ?? amd[2] ?? '', amd[3] ?? '', message);
  const other = /^(.*): Unhandled (?:context )?fault: .*iova=0x([0-9a-f]+)/.exec(message);
  return other === null ? null : fault(at, deviceOf(`${other[1]}:`), other[2] ?? '', message);
}

function fault(at: LogLine, device: string, digits: string, message: string): IommuFault {
  return { ...at, kind: 'iommu-fault', device, address: `0x${digits}`, message };
}

/** The last word before the first ": ", which is the device in what dev_warn() prints. */
function deviceOf(message: string): string {
  return /^(?:.* )?(\S+?):(?: |$)/.exec(message)?.[1] ?? '';
}
