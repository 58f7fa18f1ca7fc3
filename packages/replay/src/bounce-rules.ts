// Which requests bounce.
//
// Models dma_direct_map_page and dma_capable of kernel/dma/direct.h, dma_kmalloc_needs_bounce of
// include/linux/dma-map-ops.h and dev_use_swiotlb of drivers/iommu/dma-iommu.c (Linux 6.12); see
// docs/models/dma-layer.md. Left out: encrypted memory that a device can reach by itself.

import { Direction } from '@dmalab/trace';
import type { Machine, MachineDevice } from './machine.ts';

/** Caches of small buffers that kmalloc serves, in bytes. */
const KMALLOC_SIZES = [8, 16, 32, 64, 96, 128, 192, 256] as const;

/** The rules of one device. */
export interface BounceRule {
  /** Every streaming map bounces. */
  readonly always: boolean;
  /** Highest address that the device reaches. */
  readonly reach: number;
  readonly untrusted: boolean;
  /** See `kmallocAlign` of the device; 0 = never. */
  readonly kmallocAlign: number;
}

/** The rules by device. */
export function bounceRules(machine: Machine): BounceRule[] {
  const everywhere = machine.swiotlb === 'force' || machine.bounce.name === 'restricted';
  return machine.devices.map((device) => ({
    always: everywhere || device.forceBounce,
    reach: reachOf(device),
    untrusted: device.untrusted,
    kmallocAlign: device.kmallocAlign,
  }));
}

/** Whether a buffer that is mapped without translation bounces. */
export function bouncesDirectly(
  rule: BounceRule,
  phys: number,
  bytes: number,
  direction: number,
): boolean {
  if (rule.always || phys + bytes - 1 > rule.reach) return true;
  return rule.kmallocAlign > 0 && sharesCacheLine(rule.kmallocAlign, bytes, direction);
}

/** Whether a buffer behind an IOMMU with this granule bounces: only what does not fill its granules may. */
export function bouncesBehindIommu(
  rule: BounceRule,
  physLow: number,
  bytes: number,
  direction: number,
  granule: number,
): boolean {
  if (physLow % granule === 0 && bytes % granule === 0) return false;
  if (rule.untrusted) return true;
  return rule.kmallocAlign > 0 && sharesCacheLine(rule.kmallocAlign, bytes, direction);
}

// A buffer from kmalloc begins and ends at cache lines if its cache has whole ones; large ones always do.
function sharesCacheLine(align: number, bytes: number, direction: number): boolean {
  if (direction === Direction.toDevice || bytes >= 2 * Math.max(align, 128)) return false;
  const size = KMALLOC_SIZES.find((candidate) => candidate >= bytes) ?? align;
  return size % align !== 0;
}

function reachOf({ maskBits, busDmaLimit }: MachineDevice): number {
  const mask = maskBits === 64 ? Number.POSITIVE_INFINITY : 2 ** maskBits - 1;
  return busDmaLimit === 0 ? mask : Math.min(mask, busDmaLimit);
}
