// What a trace is replayed on: kernel preset, CPUs, timers, domains, devices and one policy of each kind.

import type { Load } from './load/load.ts';
import type { Parameters } from './policy.ts';

/** A kernel whose rules the models know; releases in between follow the next lower one. */
export type KernelPreset = '4.9' | '4.15' | '6.1' | '6.6' | '6.12';
/** ideal: exact ns. exact: the jiffy it expires in. wheel: the kernel's timer wheel buckets. */
export type TimerMode = 'ideal' | 'exact' | 'wheel';
/** When a device tries addresses below 4 GiB first: always (to 6.5), until the first failure (6.6 and later), never (forcedac). */
export type SacPolicy = 'always' | 'sticky' | 'off';

/** When streaming maps bounce: where they must (auto), always (force, as `swiotlb=force` and confidential guests), never (noforce). */
export type SwiotlbMode = 'auto' | 'force' | 'noforce';
/** open: requests arrive as recorded. closed: a CPU begins its next request when the one before is over. */
export type Loop = 'open' | 'closed';

/** A policy by name, with the parameters that differ from its defaults. */
export interface PolicyChoice {
  /** As `dmalab policies` lists it. */
  readonly name: string;
  readonly parameters: Parameters;
}

/** A device as the DMA layer sees it. */
export interface MachineDevice {
  /** As recorded; empty for the unknown device. */
  readonly name: string;
  /** Width of the DMA mask in bits. */
  readonly maskBits: number;
  /** Highest bus address, 0 = none. */
  readonly busDmaLimit: number;
  /** True: a PCI device, which may try addresses below 4 GiB first. */
  readonly pci: boolean;
  /** False: requests of this device pass without translation. */
  readonly translated: boolean;
  /** Low address bits that bouncing must keep (`min_align_mask`; NVMe 4095), 0 = none. */
  readonly minAlignMask: number;
  /** No segment crosses a multiple of this plus 1 (`seg_boundary_mask`). */
  readonly segBoundary: number;
  /** Behind an external port: buffers that do not fill their granules bounce in spite of translation. */
  readonly untrusted: boolean;
  /** Every streaming map bounces, as with a restricted pool. */
  readonly forceBounce: boolean;
  /**
   * Bytes of a cache line that the device does not keep coherent: small buffers that may share one
   * bounce (CONFIG_DMA_BOUNCE_UNALIGNED_KMALLOC). 0 = coherent, never.
   */
  readonly kmallocAlign: number;
}

/** What becomes of a map that fails in the replay: its unmap is skipped, or it is tried again. */
export interface FailedRequests {
  /** drop: it is given up at once; retry: see delayMs and tries. */
  readonly mode: 'drop' | 'retry';
  /** ms from a failure to the next try. */
  readonly delayMs: number;
  /** Tries after the first; then the request is dropped. */
  readonly tries: number;
}

/** DMA: strict. DMA-FQ: lazy. identity: nothing is translated, an address is the physical one. */
export type DomainType = 'DMA' | 'DMA-FQ' | 'identity';

/** An IOVA domain at its creation. */
export interface MachineDomain {
  /** Bytes. */
  readonly granule: number;
  /** Lowest page frame number that is given out. */
  readonly startPfn: number;
  /** Ranges of page frame numbers that are never given out: [first, last], both included. */
  readonly reserved: readonly (readonly [number, number])[];
  /** Highest usable address, 0 = none. */
  readonly apertureEnd: number;
  /** The type at creation; see `Machine.flush`. */
  readonly type: DomainType;
  /** False: the IOMMU cannot defer invalidations, and a domain that is made lazy is strict (6.6 and later). Absent: it can. */
  readonly deferredFlush?: boolean;
  /** Devices of its IOMMU group, 1 where absent: up to 6.1 the type of a larger group cannot be changed. */
  readonly groupDevices?: number;
}

/** Costs in ns by which work is turned into modelled latency. All are assumptions; see docs/models/cost.md. */
export interface CostModel {
  /** A hit in a magazine, or a put, ns. */
  readonly rcache: number;
  /** A magazine to or from the depot, ns. */
  readonly depotExchange: number;
  /** A CPU and size class looked at when all caches are emptied, ns. */
  readonly cacheFlush: number;
  /** One search, ns. */
  readonly treeSearch: number;
  /** A node visited, ns. */
  readonly treeStep: number;
  /** A range into the tree, or out of it, ns. */
  readonly treeUpdate: number;
  /** Synchronous invalidation of a range, ns. */
  readonly invalidateRange: number;
  /** A flush of the whole IOTLB, ns. */
  readonly invalidateAll: number;
  /** A granule mapped or unmapped, ns. */
  readonly pageTableEntry: number;
  /** Slots taken for a buffer or a segment, ns. */
  readonly bounceSearch: number;
  /** A slot looked at, ns. */
  readonly bounceProbe: number;
  /** A further area searched, ns. */
  readonly bounceArea: number;
  /** A transient pool made for one buffer, ns. */
  readonly transientPool: number;
  /** A byte copied to or from bounce memory, ns. */
  readonly copyByte: number;
  /** A change of the encryption of memory, ns. */
  readonly convertCall: number;
  /** A page of 4 KiB whose encryption was changed, ns. */
  readonly convertPage: number;
  /** A refresh of a range by the host, ns. */
  readonly hostRange: number;
  /** A refresh of the whole aperture, ns. */
  readonly hostGlobal: number;
  /** An entry that the host gains or gives up, ns. */
  readonly hostEntry: number;
}

/**
 * A word as written to the type of an IOMMU group: a type, `auto` for the one that the domain was made with, or
 * lazy with one queue for all CPUs (v4 of the series, not in mainline).
 */
export type DomainTypeWord = DomainType | 'DMA-SQ' | 'auto';
/** What decides on the kind of queue in a live switch: stored options (mainline), the word, or the type that the domain still has (v4 of the series: a fault). */
export type FqInitReads = 'options' | 'requestedType' | 'domainType';

/** A switch of the domain type during the replay. */
export interface TypeSwitch {
  /** Virtual ns. */
  readonly at: number;
  /** Index of the domain, 0 = all that exist. */
  readonly domain: number;
  readonly to: DomainTypeWord;
  /** A driver owns the device: then only the switch from DMA to a lazy type is allowed. */
  readonly bound: boolean;
}

/**
 * Indices of `devices` and `domains` are those of the capture's facts. Domain 0 is the pattern for
 * domains that the capture does not name: each device without one gets its own.
 */
export interface Machine {
  readonly kernel: KernelPreset;
  /** The recorded kernel is not the preset, or the preset was not checked against its kernel's code. */
  readonly unverified: boolean;
  /** CPUs; what was recorded on a higher one runs on its number modulo these. */
  readonly cpus: number;
  /** Timer ticks per second. */
  readonly hz: number;
  readonly timerMode: TimerMode;
  /** A time in ns at which a jiffy begins, for the modes exact and wheel; 0 where it is not known. */
  readonly tickPhase?: number;
  readonly sac: SacPolicy;
  /** By the index that requests give. */
  readonly devices: readonly MachineDevice[];
  /** By the index that requests give; 0 is the pattern for others. */
  readonly domains: readonly MachineDomain[];
  readonly allocator: PolicyChoice;
  /**
   * null: as recorded. A domain of type DMA is strict, one of type DMA-FQ has per-CPU queues, and a
   * recorded switch from DMA to DMA-FQ happens again. A choice rules all domains from the start, and
   * recorded switches are only logged.
   */
  readonly flush: PolicyChoice | null;
  /** Besides the recorded ones. With any, `flush` is the queue of lazy domains, and strict ones begin strict. */
  readonly typeSwitches?: readonly TypeSwitch[];
  /** Default `options`. */
  readonly fqInitReads?: FqInitReads;
  /** Maps that failed while recording: hold what they get as long as others lived, or drop them. */
  readonly recordedFailures: 'hold' | 'drop';
  /** null: the requests come as recorded. */
  readonly load: Load | null;
  /** When requests arrive in the latency model: open as recorded, closed when the CPU is done with the one before. */
  readonly loop: Loop;
  readonly failedRequests: FailedRequests;
  /** Bounce memory (swiotlb). */
  readonly bounce: PolicyChoice;
  readonly swiotlb: SwiotlbMode;
  /** Memory is encrypted, as with SEV, TDX or pKVM: bounce memory is shared with the host by conversion. */
  readonly encrypted: boolean;
  /** Bytes of installed memory, 0 = not known. */
  readonly memory: number;
  /** What the host behind the page table can hold. */
  readonly host: PolicyChoice;
  /** False: a bare-metal partition, where a refresh is a hardware flush and no host shadows the page table. */
  readonly tlbRefresh: boolean;
  readonly cost: CostModel;
}

/** What flags and machine files change. Devices are matched by name, domains by index. */
export interface MachineOverrides {
  readonly kernel?: KernelPreset;
  readonly cpus?: number;
  readonly hz?: number;
  readonly timerMode?: TimerMode;
  /** ns, see {@link Machine}. */
  readonly tickPhase?: number;
  readonly sac?: SacPolicy;
  readonly devices?: readonly DeviceOverride[];
  /** For every domain. */
  readonly domain?: Partial<MachineDomain>;
  readonly domains?: readonly Partial<MachineDomain>[];
  readonly allocator?: PolicyChoice;
  /** null: as recorded. */
  readonly flush?: PolicyChoice | null;
  readonly typeSwitches?: readonly TypeSwitch[];
  readonly fqInitReads?: FqInitReads;
  readonly recordedFailures?: 'hold' | 'drop';
  /** null: as recorded. */
  readonly load?: Partial<Load> | null;
  readonly loop?: Loop;
  readonly failedRequests?: Partial<FailedRequests>;
  readonly bounce?: PolicyChoice;
  readonly swiotlb?: SwiotlbMode;
  readonly encrypted?: boolean;
  readonly memory?: number;
  readonly host?: PolicyChoice;
  readonly tlbRefresh?: boolean;
  readonly cost?: Partial<CostModel>;
}

/** Changes of one device; the name `*` stands for all. */
export type DeviceOverride = Partial<MachineDevice> & { readonly name: string };
