// Lines of the kernel log that tell of DMA: bounce buffers, exhausted address spaces, faults of drivers.
//
// Described in kernel/dma/swiotlb.c, kernel/dma/debug.c, drivers/iommu (4.19 to 6.18). A line may begin with a
// priority, a time in brackets, or what syslog and journald put before it. Lines that tell nothing of DMA
// are passed over. The kernel rations most of these messages: their count is a lower bound.

/** What every line has. */
interface LogLine {
  /** 1-based line in the text. */
  readonly line: number;
  /** Seconds since boot; null where the line has no time. */
  readonly time: number | null;
}

/** "swiotlb buffer is full (sz: N bytes), total T (slots), used U (slots)". */
export interface SwiotlbFull extends LogLine {
  readonly kind: 'swiotlb-full';
  readonly driver: string;
  readonly device: string;
  /** Bytes that were asked for. */
  readonly size: number;
  /** Slots of 2 KiB: of the pool, and in use when the message was printed. */
  readonly total: number;
  readonly used: number;
}

/** The pool at boot ("software IO TLB: mapped ...", "area num 4") or a pool that could not grow. */
export interface SwiotlbPool extends LogLine {
  readonly kind: 'swiotlb-pool';
  /** Bytes; null where this line does not tell. */
  readonly bytes: number | null;
  readonly areas: number | null;
  readonly growthFailed: boolean;
}

/** No IOVA was left: "iommu alloc failed", "Allocating 1-page iova for X failed", "iommu_alloc failed". */
export interface IovaFailure extends LogLine {
  readonly kind: 'iova-failed';
  readonly device: string;
  /** 4 KiB pages; null where this line does not tell. */
  readonly pages: number | null;
}

/** "Using 64-bit DMA addresses": low addresses ran out once, and the device went over to high ones. */
export interface WideAddresses extends LogLine {
  readonly kind: 'wide-addresses';
  readonly device: string;
  readonly bits: number;
}

/** An address that the device cannot reach: "overflow 0x...+4096 of DMA mask ffffffff bus limit 0". */
export interface MaskOverflow extends LogLine {
  readonly kind: 'mask-overflow';
  readonly device: string;
  /** 0x and hexadecimal digits. */
  readonly address: string;
  readonly size: number;
  readonly mask: string;
  readonly busLimit: string;
}

/** A warning of dma-debug ("DMA-API: ..."). */
export interface DmaApiWarning extends LogLine {
  readonly kind: 'dma-api';
  readonly driver: string;
  readonly device: string;
  readonly message: string;
  /** What the brackets say: "device address" -> "0x...", "map size" -> "4096 bytes". */
  readonly details: Readonly<Record<string, string>>;
}

/** A fault that the IOMMU reported. */
export interface IommuFault extends LogLine {
  readonly kind: 'iommu-fault';
  readonly device: string;
  /** 0x and hexadecimal digits. */
  readonly address: string;
  readonly message: string;
}

/** A line of the kernel log that tells of DMA. */
export type KernelLogLine =
  | SwiotlbFull
  | SwiotlbPool
  | IovaFailure
  | WideAddresses
  | MaskOverflow
  | DmaApiWarning
  | IommuFault;

/** Finds the lines that tell of DMA, in the order of the text. */
export function parseKernelLog(text: string): KernelLogLine[] {
  const found: KernelLogLine[] = [];
  let line = 0;
  for (const raw of text.split(/\r\n|\r|\n/)) {
    line++;
    if (raw.length > MAX_LINE) continue;
    const [time, message] = unprefixed(raw);
    for (const read of readers) {
      const parsed = read(message, { line, time });
      if (parsed === null) continue;
      found.push(parsed);
      break;
    }
  }
  return found;
}

const MAX_LINE = 4096;

type Reader = (message: string, at: LogLine) => KernelLogLine | null;

const readers: readonly Reader[] = [
  dmaApi,
  swiotlbFull,
  swiotlbPool,
  iovaFailed,
  wideAddresses,
  maskOverflow,
  iommuFault,
];

/** Time and text behind "<4>", "Nov 21 10:00:00 host kernel:" and "[   12.549897]". */
function unprefixed(raw: string): [number | null, string] {
  const text = raw.replace(/^<\d+>/, '').replace(/^.{0,80}? kernel: ?/, '');
  const stamp = /^\s*\[\s*(\d+\.\d+)\]\s?(?:\[\s*[TC]\d+\]\s?)?(.*)$/.exec(text);
  return stamp === null ? [null, text] : [Number(stamp[1]), stamp[2] ?? ''];
}

function swiotlbFull(message: string, at: LogLine): SwiotlbFull | null {
  const match =
    /^(?:(.*) )?(\S+): swiotlb buffer is full \(sz: (\d+) bytes\), total (\d+) \(slots\), used (\d+) \(slots\)/.exec(
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
    total: Number(total),
    used: Number(used),
  };
}

function swiotlbPool(message: string, at: LogLine): SwiotlbPool | null {
  if (!message.startsWith('software IO TLB: ')) return null;
  const mapped = /mapped \[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]/.exec(message);
  const areas = /area num (\d+)/.exec(message);
  const growthFailed = message.includes('Failed to allocate new pool');
  if (mapped === null && areas === null && !growthFailed) return null;
  return {
    ...at,
    kind: 'swiotlb-pool',
    bytes: mapped === null ? null : Number(mapped[2]) - Number(mapped[1]) + 1,
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
    !/iommu[_ ]alloc failed|iommu_dma_alloc\w*(?::| ).*fail|iova alloc(?:ation)? failed/i.test(
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

function maskOverflow(message: string, at: LogLine): MaskOverflow | null {
  const match =
    /(\S+): (?:swiotlb addr |DMA addr |overflow )(0x[0-9a-f]+)\+(\d+) (?:overflow \(mask |of DMA mask )([0-9a-f]+),? bus limit ([0-9a-f]+)/.exec(
      message,
    );
  if (match === null) return null;
  const [, device = '', address = '', size, mask, busLimit] = match;
  return {
    ...at,
    kind: 'mask-overflow',
    device,
    address,
    size: Number(size),
    mask: `0x${mask}`,
    busLimit: `0x${busLimit}`,
  };
}

function dmaApi(message: string, at: LogLine): DmaApiWarning | null {
  const match = /\bDMA-API: (?:(?:(.*?) )?([^\s:]+(?::[^\s:]+)*): )?(.*)$/.exec(message);
  if (match === null) return null;
  const [, driver = '', device = '', rest = ''] = match;
  const details: Record<string, string> = Object.create(null);
  for (const [, key = '', value = ''] of rest.matchAll(/\[([\w -]+?)=([^\]]*)\]/g))
    details[key] = value;
  const mappedAs = /\[mapped as ([^\]]+)\]/.exec(rest)?.[1];
  if (mappedAs !== undefined) details['mapped as'] = mappedAs;
  return {
    ...at,
    kind: 'dma-api',
    driver,
    device,
    message: rest.replace(/\s*\[.*$/, '').trim(),
    details,
  };
}

function iommuFault(message: string, at: LogLine): IommuFault | null {
  const vtd =
    /^DMAR: \[(.*?)\] Request device \[([^\]]+)\](?: PASID \S+)? fault addr (?:0x)?([0-9a-f]+)/.exec(
      message,
    );
  if (vtd !== null) return fault(at, vtd[2] ?? '', vtd[3] ?? '', message);
  const amd =
    /^(?:AMD-Vi: )?(?:\S+ )?(\S+): (?:AMD-Vi: )?Event logged \[IO_PAGE_FAULT .*address=0x([0-9a-f]+)/.exec(
      message,
    );
  if (amd !== null) return fault(at, amd[1] ?? '', amd[2] ?? '', message);
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
