// A change of a domain's type while the system runs: which are done, and which queue they give.
//
// Models iommu_group_store_type of drivers/iommu/iommu.c (Linux 6.1, 6.12) and iommu_dma_init_fq of
// drivers/iommu/dma-iommu.c; see docs/models/flush-queue.md. Left out: the capabilities that a writer needs.

import type { DomainType, DomainTypeWord, FqInitReads, KernelPreset } from './machine.ts';
import { QueueKind } from './outcome.ts';

/** Errno of a switch: 0 is done. */
export const SwitchResult = { done: 0, EPERM: 1, EBUSY: 16, EINVAL: 22 } as const;
export type SwitchResult = (typeof SwitchResult)[keyof typeof SwitchResult];

/**
 * Releases up to 6.1: a change that needs a new domain is refused with EBUSY, later with EPERM; groups of
 * several devices keep their type; and a domain that has the type already stays as it is.
 */
const EARLY: readonly KernelPreset[] = ['4.9', '4.15', '6.1'];

/** A switch that is asked for. */
export interface SwitchRequest {
  readonly from: DomainType;
  /** `auto` is resolved before. */
  readonly to: Exclude<DomainTypeWord, 'auto'>;
  /** A driver owns the group. */
  readonly bound: boolean;
  readonly kernel: KernelPreset;
  /** Devices of the group. */
  readonly devices: number;
}

/** True if the domain stays and gets a queue: from strict to lazy, allowed while a driver is bound. */
export function isLive({ from, to }: Pick<SwitchRequest, 'from' | 'to'>): boolean {
  return from === 'DMA' && isLazy(to);
}

/** True if nothing changes, although the switch is done: up to 6.1, where the type is the old one. */
export function keepsDomain({ from, to, kernel }: SwitchRequest): boolean {
  return EARLY.includes(kernel) && (from === to || (from === 'DMA-FQ' && isLazy(to)));
}

/** What the kernel answers; anything but the live switch needs a new domain, and no driver. */
export function switchResult(request: SwitchRequest): SwitchResult {
  const early = EARLY.includes(request.kernel);
  if (early && request.devices > 1) return SwitchResult.EINVAL;
  if (isLive(request) || !request.bound) return SwitchResult.done;
  return early ? SwitchResult.EBUSY : SwitchResult.EPERM;
}

/** The kind of queue that was asked for; `stored` is that of the options that a domain is made with. */
export function requestedQueue(
  to: SwitchRequest['to'],
  reads: FqInitReads,
  stored: QueueKind,
): QueueKind {
  if (!isLazy(to)) return QueueKind.none;
  if (to === 'DMA-SQ') return QueueKind.single;
  return reads === 'options' ? stored : QueueKind.percpu;
}

/**
 * The kind of queue that the initialiser makes. One that reads the type of the domain (v4 of the series,
 * January 2023) finds DMA in a live switch, since the type is written after it, and takes the single queue.
 */
export function madeQueue(
  to: SwitchRequest['to'],
  reads: FqInitReads,
  stored: QueueKind,
  live: boolean,
): QueueKind {
  if (reads === 'domainType' && live) return QueueKind.single;
  return requestedQueue(to, reads, stored);
}

function isLazy(to: SwitchRequest['to']): boolean {
  return to === 'DMA-FQ' || to === 'DMA-SQ';
}
