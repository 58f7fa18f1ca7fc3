// Lines of the kernel log that tell of DMA: bounce buffers, exhausted address spaces, faults of drivers.
//
// Described in kernel/dma/{swiotlb,direct,debug,pool}.c, drivers/iommu, drivers/vfio (3.16 to 6.18); QEMU's words
// and of DPDK about vfio count too, as they are pasted with the log. A line may begin with a priority, a time, what
// syslog, journald and dmesg put before it, quote marks of mail and Markdown; a message that a mail program broke is
// joined again. Lines that tell nothing of DMA are passed over. The kernel rations most of these messages: their count
// is a lower bound.

import { messagesOf } from './kernel-log/joined.ts';

/** What every line has. */
export interface LogLine {
  /** 1-based line in the text. */
  readonly line: number;
  /** The last line of a message that was broken; else the same. */
  readonly last: number;
  /** Seconds since boot, or of the calendar in a log that has no others; null where the line has no time. */
  readonly time: number | null;
}

/** "swiotlb buffer is full (sz: N bytes), total T (slots), used U (slots)"; kernels before 5.1 stop after the size. */
export interface SwiotlbFull extends LogLine {
  readonly kind: 'swiotlb-full';
  readonly driver: string;
  readonly device: string;
  /** Bytes that were asked for; negative where the driver computed them so. */
  readonly size: number;
  /** Slots of 2 KiB: of the pool, and in use when the message was printed; null where the kernel does not say. */
  readonly total: number | null;
  readonly used: number | null;
}

/** "DMA: Out of SW-IOMMU space for N bytes": what a driver was told after the bounce buffer was full. */
export interface SwiotlbRefused extends LogLine {
  readonly kind: 'swiotlb-refused';
  readonly device: string;
  /** Bytes that were asked for. */
  readonly size: number;
}

/** The pool at boot ("software IO TLB: mapped ...", "area num 4") or a pool that could not grow. */
export interface SwiotlbPool extends LogLine {
  readonly kind: 'swiotlb-pool';
  /** Bytes; null where this line does not tell. */
  readonly bytes: number | null;
  readonly areas: number | null;
  readonly growthFailed: boolean;
  /** True: a pool of a few devices by themselves, from the device tree; it has one area. */
  readonly restricted: boolean;
  /** True: the size that the kernel wants, not yet one that it has. */
  readonly wanted: boolean;
}

/** There is no bounce buffer: it could not be allocated at boot, or something asks for one that is not there. */
export interface SwiotlbMissing extends LogLine {
  readonly kind: 'swiotlb-missing';
  readonly device: string;
  readonly message: string;
  /** True: at boot, before anything asked for it. */
  readonly boot: boolean;
}

/** No IOVA was left: "iommu alloc failed", "Allocating 1-page iova for X failed", "iommu_alloc failed". */
export interface IovaFailure extends LogLine {
  readonly kind: 'iova-failed';
  readonly device: string;
  /** 4 KiB pages; null where this line does not tell. */
  readonly pages: number | null;
  /** True: the aperture of an AMD northbridge (GART). */
  readonly gart: boolean;
}

/** "Using 64-bit DMA addresses": low addresses ran out once, and the device went over to high ones. */
export interface WideAddresses extends LogLine {
  readonly kind: 'wide-addresses';
  readonly device: string;
  readonly bits: number;
}

/** The page table has fewer address bits than the mapping needs: "iommu width (39) is not sufficient". */
export interface NarrowIommu extends LogLine {
  readonly kind: 'narrow-iommu';
  readonly bits: number;
  /** 0x and hexadecimal digits. */
  readonly address: string;
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
  /** True: it is the address of the bounce slot itself ("swiotlb addr ... overflow"). */
  readonly bounced: boolean;
  /** True: words of kernels before 5.6, which come after a bounce that failed too. */
  readonly afterFull: boolean;
}

/** A pool of coherent memory, or the page allocator behind it, had nothing left. */
export interface CoherentFailure extends LogLine {
  readonly kind: 'coherent-failed';
  /**
   * atomic: the pool for requests that must not sleep. cma, zone: contiguous pages. swiotlb: a bounce pool stood in.
   * driver: a driver tells that it got none.
   */
  readonly source: 'atomic' | 'cma' | 'zone' | 'swiotlb' | 'driver';
  readonly device: string;
  /** Bytes of the pool (atomic) or of the request; null where the line does not tell. */
  readonly bytes: number | null;
  /** -12: no run of free pages; -16: pages of the run could not be moved; null where the line does not tell. */
  readonly error: number | null;
}

/** What is left of a CMA area, or its size at boot. */
export interface CmaPool extends LogLine {
  readonly kind: 'cma-pool';
  /** Bytes; null where this line does not tell. */
  readonly free: number | null;
  readonly bytes: number;
}

/** The host refused to map or pin guest memory: vfio in its log, or QEMU and DPDK in the words of their errors. */
export interface HostLimit extends LogLine {
  readonly kind: 'host-limit';
  /** other: refused for a reason that is no limit. */
  readonly limit: 'entries' | 'pinned' | 'other';
  /** Mapping entries, or bytes that may be pinned; null where the line does not tell. */
  readonly value: number | null;
  /** Number of the error; null where the line does not tell. */
  readonly error: number | null;
  /** True: only a warning that it may happen. */
  readonly warning: boolean;
  readonly device: string;
}

/** Release of the kernel, from its banner or from a stack dump ("Not tainted 5.4.93 #0"). */
export interface KernelRelease extends LogLine {
  readonly kind: 'kernel-release';
  readonly release: string;
}

/** The command line of the kernel. */
export interface CommandLine extends LogLine {
  readonly kind: 'command-line';
  readonly text: string;
}

/** "swiotlb_tbl_map_single: 53 callbacks suppressed": messages that the kernel did not print. */
export interface Suppressed extends LogLine {
  readonly kind: 'suppressed';
  readonly function: string;
  readonly count: number;
}

/** A warning of dma-debug ("DMA-API: ..."). */
export interface DmaApiWarning extends LogLine {
  readonly kind: 'dma-api';
  readonly driver: string;
  readonly device: string;
  readonly message: string;
  /** What the brackets say: "device address" -> "0x...", "map size" -> "4096 bytes". */
  readonly details: Readonly<Record<string, string>>;
  /** True: the line ends before the message does. */
  readonly broken: boolean;
}

/** "DMA PTE for vPFN ... already set": an address was given out that was mapped. */
export interface DoubleMapping extends LogLine {
  readonly kind: 'double-mapping';
  /** 0x and hexadecimal digits, in bytes. */
  readonly address: string;
}

/** A fault that the IOMMU reported. */
export interface IommuFault extends LogLine {
  readonly kind: 'iommu-fault';
  readonly device: string;
  /** 0x and hexadecimal digits; empty where the line does not tell. */
  readonly address: string;
  readonly message: string;
}

/** A line of the kernel log that tells of DMA. */
export type KernelLogLine =
  | SwiotlbFull
  | SwiotlbRefused
  | SwiotlbPool
  | SwiotlbMissing
  | IovaFailure
  | WideAddresses
  | NarrowIommu
  | MaskOverflow
  | CoherentFailure
  | CmaPool
  | HostLimit
  | DmaApiWarning
  | DoubleMapping
  | IommuFault
  | KernelRelease
  | CommandLine
  | Suppressed;

/** Finds the lines that tell of DMA, in the order of the text. */
export function parseKernelLog(text: string): KernelLogLine[] {
  return messagesOf(text);
}
