// A change of a domain's type while the system runs: which are done, and which queue they give.
//
// Models iommu_group_store_type of drivers/iommu/iommu.c (Linux 6.1, 6.12) and iommu_dma_init_fq of
// drivers/iommu/dma-iommu.c; see docs/models/flush-queue.md. Left out: the type identity, and what 6.1
// refuses for groups with more than one device.

import type { DomainTypeWord, FqInitReads, KernelPreset } from './machine.ts';
import { QueueKind } from './outcome.ts';

/** Errno of a switch: 0 is done. */
export const SwitchResult = { done: 0, EPERM: 1, EBUSY: 16 } as const;
export type SwitchResult = (typeof SwitchResult)[keyof typeof SwitchResult];

/** Releases in which a change that needs a new domain is refused with EBUSY; later ones say EPERM. */
const BUSY: readonly KernelPreset[] = ['4.9', '4.15', '6.1'];

/** True if the domain stays and gets a queue: from strict to lazy, allowed while a driver is bound. */
export function isLive(from: 'DMA' | 'DMA-FQ', to: DomainTypeWord): boolean {
  return from === 'DMA' && to !== 'DMA';
}

/** What the kernel answers; anything but the live switch needs a new domain, and no driver. */
export function switchResult(
  from: 'DMA' | 'DMA-FQ',
  to: DomainTypeWord,
  bound: boolean,
  kernel: KernelPreset,
): SwitchResult {
  if (isLive(from, to) || !bound) return SwitchResult.done;
  return BUSY.includes(kernel) ? SwitchResult.EBUSY : SwitchResult.EPERM;
}

/** The kind of queue that was asked for; `stored` is that of the options that a domain is made with. */
export function requestedQueue(
  to: DomainTypeWord,
  reads: FqInitReads,
  stored: QueueKind,
): QueueKind {
  if (to === 'DMA') return QueueKind.none;
  if (to === 'DMA-SQ') return QueueKind.single;
  return reads === 'options' ? stored : QueueKind.percpu;
}

/**
 * The kind of queue that the initialiser makes. One that reads the type of the domain (v4 of the series,
 * January 2023) finds DMA in a live switch, since the type is written after it, and takes the single queue.
 */
export function madeQueue(
  to: DomainTypeWord,
  reads: FqInitReads,
  stored: QueueKind,
  live: boolean,
): QueueKind {
  if (reads === 'domainType' && live) return QueueKind.single;
  return requestedQueue(to, reads, stored);
}
