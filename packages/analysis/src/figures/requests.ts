// Requests of a replay and those that failed. Part of summary.json: see ../summary.ts.

/** Requests as recorded, and what became of them. */
export interface RequestFigures {
  readonly recorded: RecordedRequests;
  /** Maps and allocations that got an address. */
  readonly mapped: number;
  /** Maps and allocations that failed in the replay. */
  readonly failed: number;
  /** Unmaps and frees of ranges that the replay had mapped. */
  readonly unmapped: number;
  /** Requests left out: unmaps whose map failed in the replay or was never seen, dropped recorded failures. */
  readonly skipped: number;
  /** Requests of devices without translation: no address was allocated for them. */
  readonly direct: number;
  /** Those of them that are maps and allocations. */
  readonly directMaps: number;
  /** Tries that failed and were followed by another one. */
  readonly retries: number;
  /** Mappings from before the trace that were put in their place. */
  readonly preloaded: number;
  /** Mappings from before the trace that overlapped another one and were left out. */
  readonly overlapping: number;
  /** Bytes asked for by the maps that got an address. */
  readonly mappedBytes: number;
  /** Bytes asked for by the maps that failed. */
  readonly failedBytes: number;
  /** (mapped + directMaps) / (mapped + directMaps + failed); null without maps. */
  readonly successRate: number | null;
}

/** DMA API calls in the capture, by call. */
export interface RecordedRequests {
  /** Page, phys, resource and scatter list maps. */
  readonly map: number;
  /** Page, phys, resource and scatter list unmaps. */
  readonly unmap: number;
  /** Coherent allocations. */
  readonly alloc: number;
  /** Frees of coherent allocations. */
  readonly free: number;
  /** Syncs for the CPU or the device. */
  readonly sync: number;
  /** Calls that failed while recording. */
  readonly failed: number;
  /** Mappings that were live before the trace began. */
  readonly openStart: number;
  /** Mappings that were still live when it ended. */
  readonly openEnd: number;
}

/** Why maps failed, and since when. */
export interface FailureFigures {
  /** Failed maps. */
  readonly total: number;
  /** Time of the first failure (when exhaustion happened), ns; null without failures. */
  readonly firstAt: number | null;
  /** 1-based line of the first failed request in the trace; null without failures. */
  readonly firstLine: number | null;
  /** Failures by stage and cause, as far as they happened. */
  readonly causes: readonly FailureCause[];
}

/** Failures of one stage and cause. */
export interface FailureCause {
  /** The stage of the map path that said no. */
  readonly stage: 'iova' | 'pagetable' | 'syncMap' | 'swiotlb' | 'dmaCapable' | 'unknown';
  /**
   * max32: refused below 4 GiB by the remembered size; noGap: searched in vain. Of the host: hostEntries: no mapping
   * entry left; hostPages: a page could not be pinned. Of bounce memory: unreachable: the slot is beyond the device's
   * reach; bounceOff: it would have to bounce and must not; noPool: there is none;
   * tooLarge: more than an empty pool can give; poolFull: too few free slots; areaFull: too few in any one area;
   * fragmented: no run is long enough; alignment: no run lies right; noMemory, atomicPool: no memory for a transient pool;
   * transientUseless: it could not serve the request; endlessSearch: kernel 6.1 would search for ever;
   * throttled: it slept to the end of the replay, as the pool stayed too full.
   */
  readonly cause:
    | 'none'
    | 'max32'
    | 'noGap'
    | 'hostEntries'
    | 'hostPages'
    | 'unreachable'
    | 'bounceOff'
    | 'noPool'
    | 'tooLarge'
    | 'poolFull'
    | 'areaFull'
    | 'fragmented'
    | 'alignment'
    | 'noMemory'
    | 'atomicPool'
    | 'transientUseless'
    | 'endlessSearch'
    | 'throttled'
    | 'unknown';
  /** Maps that failed so. */
  readonly count: number;
  /** Time of the first one, ns. */
  readonly firstAt: number;
  /** Time of the last one, ns. */
  readonly lastAt: number;
}
