// Which analyses a trace supports, which it does not, and why.

import { type Capture, hasUnmapEvents } from '@dmalab/trace';
import { formatNumber } from '../output.ts';
import { unfitLayout } from './unfit-layout.ts';

/** One analysis. */
export interface Allowance {
  readonly analysis: string;
  readonly possible: boolean;
  readonly why: string;
}

/** What a trace has and lacks, as the analyses need it. */
export interface Contents {
  readonly total: number;
  readonly lossless: boolean;
  /** Why the layout cannot be used, else empty. */
  readonly layout: string;
  readonly format: string;
  readonly hasUnmaps: boolean;
  readonly hasDmaEvents: boolean;
  readonly hasAllocProbes: boolean;
  readonly hasCreation: boolean;
  readonly hasQueueProbes: boolean;
  readonly hasRemoval: boolean;
  readonly hasSyncs: boolean;
  readonly hasBounces: boolean;
  /** Devices were seen, and none is translated: there is no IOVA allocator. */
  readonly isDirect: boolean;
}

/** What a capture has and lacks, from its facts and its report. */
export function contentsOf({ facts, report }: Capture): Contents {
  const { events, requests, lost, lostUnknown, diagnostics } = report;
  const has = (name: string): boolean => (events[name] ?? 0) > 0;
  const lostBefore = diagnostics.some(({ code }) => code === 'LOST_WHILE_RECORDING');
  const devices = facts.devices.slice(1);
  return {
    isDirect: devices.length > 0 && devices.every((d) => !d.translated.value),
    total: requests.map + requests.alloc,
    lossless: lost === 0 && !lostUnknown && !lostBefore,
    layout: unfitLayout(report)?.message ?? '',
    format: report.format,
    hasUnmaps: hasUnmapEvents(report),
    hasDmaEvents: Object.keys(events).some((name) => /^dma_(?:un)?(?:map|alloc|free)/.test(name)),
    hasAllocProbes: has('alloc_iova_fast') && has('alloc_iova_fast_ret') && has('free_iova_fast'),
    hasCreation: has('init_iova_domain'),
    hasQueueProbes: has('fq_flush_iotlb') || has('fq_flush_timeout'),
    hasRemoval: has('remove_device_from_group') || has('put_iova_domain'),
    hasSyncs: requests.sync > 0,
    hasBounces: has('swiotlb_tbl_map_single') || devices.some((d) => !d.translated.value),
  };
}

const SAME = 'the layout of the trace, as for a replay';
const NO_ALLOCATOR =
  'every device is mapped directly: no IOVA allocator and no flush queue is at work';

/** In the order of the commands' help. */
export function allowancesOf(contents: Contents): Allowance[] {
  const { total, layout, lossless } = contents;
  return [
    allowance('replay', [
      [layout === '', layout],
      [
        total > 0,
        'no DMA API call or IOMMU mapping was recorded; enable the events dma:* and iommu:*',
      ],
      [null, `${formatNumber(total)} maps and allocations`],
    ]),
    allowance('verify the allocator', [
      [layout === '', SAME],
      [!contents.isDirect, NO_ALLOCATOR],
      [
        contents.hasAllocProbes,
        'needs probes on alloc_iova_fast (entry and return) and free_iova_fast',
      ],
      [contents.hasCreation, 'the creation of no domain was recorded (probe init_iova_domain)'],
      [lossless, 'events were lost'],
      [null, 'allocations, frees and the creation of the domain were recorded'],
    ]),
    allowance('verify the flushes', [
      [layout === '', SAME],
      [!contents.isDirect, NO_ALLOCATOR],
      [contents.hasQueueProbes, 'no flush was recorded (probes fq_flush_iotlb, fq_flush_timeout)'],
      [lossless, 'events were lost'],
      [null, 'the flushes of the queues were recorded'],
    ]),
    allowance('check sizes, directions and devices', [
      [layout === '', SAME],
      [contents.hasDmaEvents, 'needs the events dma:* (Linux 6.12 and later)'],
      [
        null,
        lossless ? 'both calls of each pair were recorded' : 'for pairs without a loss between',
      ],
    ]),
    allowance('check syncs', [
      [layout === '', SAME],
      [contents.hasSyncs, 'no dma_sync_* was recorded'],
      [null, 'dma_sync_* were recorded'],
    ]),
    allowance('check for leaks', [
      [layout === '', SAME],
      [contents.hasRemoval, 'no device was removed while recording: what is live may be in use'],
      [lossless, 'events were lost'],
      [null, 'a device was removed while recording'],
    ]),
    allowance('bounce pool', [
      [layout === '', SAME],
      [contents.hasBounces, 'every device is translated and nothing was bounced'],
      [null, 'calls that go, or may go, through the pool were recorded'],
    ]),
  ];
}

type Condition = readonly [met: boolean | null, text: string];

/** The first condition that is not met is the reason; the last text stands where all are met. */
function allowance(analysis: string, conditions: readonly Condition[]): Allowance {
  const failed = conditions.find(([met]) => met === false);
  return {
    analysis,
    possible: failed === undefined,
    why: (failed ?? conditions.at(-1)!)[1],
  };
}
