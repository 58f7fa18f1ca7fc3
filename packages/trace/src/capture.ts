// What a capture is, once read: facts, what was counted, and the request stream.

import type { RequestBatch, SegmentLists } from './batch.ts';
import type { MeasuredCalls } from './durations/duration-log.ts';

/** A value and where it came from, so that every result can say what it rests on. */
export interface Fact<T> {
  readonly value: T;
  readonly source: 'probe' | 'trace' | 'meta.json' | 'inferred' | 'flag' | 'default';
}

/** A device of the capture. Entry 0 is the unknown device with an empty name. */
export interface DeviceFacts {
  readonly name: string;
  /** Width of the DMA mask in bits. */
  readonly maskBits: Fact<number> | null;
  /** A PCI function (tries 32 bits first); by its name or meta.json. */
  readonly pci: Fact<boolean>;
  /** False: mapped directly, no IOMMU in between. */
  readonly translated: Fact<boolean>;
  /** Bits of an address that its bounce slot must keep (dma_set_min_align_mask): 4095 for NVMe, else 0. */
  readonly minAlignMask: Fact<number>;
}

/** debugfs/swiotlb at one moment, in slots of 2 KiB; null where the kernel has no such file. */
export interface BounceUsage {
  /** Of the default pool and of pools that were added; transient pools do not count. */
  readonly slots: number;
  /** In use, transient pools included. */
  readonly used: number;
  readonly hiwater: number | null;
  readonly transient: number | null;
}

/** The swiotlb of the recorded machine. */
export interface BounceFacts {
  /** Slots and areas of the default pool. */
  readonly slots: Fact<number>;
  readonly areas: Fact<number>;
  /** First byte of the default pool; null where nothing tells. */
  readonly start: Fact<number> | null;
  /** swiotlb=force: every streaming map bounces. */
  readonly force: Fact<boolean>;
  /** CONFIG_SWIOTLB_DYNAMIC: pools are added, and transient pools are used. */
  readonly dynamic: Fact<boolean>;
  /** Before and after the recording, as meta.json has it. */
  readonly before: BounceUsage | null;
  readonly after: BounceUsage | null;
}

/** An IOVA domain. Entry 0 stands for "no translation, or unknown". */
export interface DomainFacts {
  /** The iovad pointer as recorded, or "virtual:N" where it was inferred. */
  readonly token: string;
  /** Bytes. */
  readonly granule: Fact<number>;
  readonly startPfn: Fact<number>;
  /** Reserved pfn ranges [lo, hi], both included, in the order of reservation. */
  readonly reserved: Fact<readonly (readonly [number, number])[]>;
  /** Highest usable address, where the domain enforces one. */
  readonly apertureEnd: Fact<number> | null;
  readonly type: Fact<'DMA' | 'DMA-FQ'>;
  /** Devices seen in it. */
  readonly devices: readonly number[];
  /** ns; null where its creation was not recorded. */
  readonly createdAt: number | null;
  readonly destroyedAt: number | null;
}

/** What is known of the recorded machine. Where nothing is known the fact is a stated default. */
export interface CaptureFacts {
  readonly kernel: Fact<string> | null;
  readonly cpus: Fact<number>;
  readonly hz: Fact<number>;
  readonly forcedac: Fact<boolean>;
  readonly clock: Fact<string> | null;
  readonly devices: readonly DeviceFacts[];
  readonly domains: readonly DomainFacts[];
  /** null where the capture shows no sign of swiotlb. */
  readonly bounce: BounceFacts | null;
}

/** A message about the input that is not an error, with how often and where it first happened. */
export interface Diagnostic {
  /** Code of the bad-input catalogue, e.g. MALFORMED_EVENT. */
  readonly code: string;
  readonly message: string;
  count: number;
  /** "file:line" of the first ones, at most 10. */
  readonly where: string[];
}

/** A table of requests that was read in place of the trace it was made of. */
export interface TableOrigin {
  readonly path: string;
  /** e.g. "Parquet". */
  readonly format: string;
}

/** Counts of one reading. All of it is shown beside the results it weakens. */
export interface ReadReport {
  /** Path or "-"; of a table of requests the name of the trace that it was made of, as all that follows. */
  readonly source: string;
  /** e.g. "ftrace text". */
  readonly format: string;
  readonly compression: 'none' | 'gzip' | 'zstd';
  /** Decompressed bytes and lines read. */
  readonly bytes: number;
  readonly lines: number;
  /** SHA-256 of the file as it lies on disk, hex. */
  readonly sha256: string;
  /** Event name without its group -> count. */
  readonly events: Readonly<Record<string, number>>;
  /** Events known to be lost; lostUnknown where losses happened whose number is not recorded. */
  readonly lost: number;
  readonly lostUnknown: boolean;
  readonly lostByCpu: Readonly<Record<string, number>>;
  /** Lines that look like events and were not understood. */
  readonly unparsed: number;
  readonly diagnostics: readonly Diagnostic[];
  /** Printed ns of the first event since the zero of the recorded clock (rounded beyond 2^53): all times count from it. */
  readonly firstTime: number;
  /** ns between first and last event. */
  readonly duration: number;
  /** Resolution of the printed times in ns. */
  readonly resolution: number;
  /** Requests by op; orphan unmaps and what is still mapped at the end; pairing oddities by code. */
  readonly requests: {
    readonly map: number;
    readonly unmap: number;
    readonly alloc: number;
    readonly free: number;
    readonly sync: number;
    readonly failed: number;
    readonly openStart: number;
    readonly openEnd: number;
  };
  readonly pairing: Readonly<Record<string, number>>;
  /** Calls of kernel functions whose duration was recorded, by function. */
  readonly calls: readonly MeasuredCalls[];
  /** The table that the requests were read from; null where the trace itself was read. */
  readonly table: TableOrigin | null;
}

/** A capture that was read once; its requests can be walked any number of times. */
export interface Capture {
  readonly facts: CaptureFacts;
  readonly report: ReadReport;
  /** Task names by index. */
  readonly tasks: readonly string[];
  /** Segments of scatter lists; null where they were not kept. */
  readonly lists: SegmentLists | null;
  /** Mappings that were live before the trace began (op map, flag openStart), one batch or more. */
  openStart(): Iterable<RequestBatch>;
  /** The request stream, from the start. */
  requests(): Iterable<RequestBatch>;
  /** Frees the memory and the spool file. */
  close(): void;
}
