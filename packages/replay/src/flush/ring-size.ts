// Which ring sizes a kernel takes.
//
// Up to 6.6 the index into a ring wraps by a division, and any size works; since 6.7 it is masked
// (drivers/iommu/dma-iommu.c), and the size has to be a power of two.

import type { KernelPreset, PolicyChoice } from '../machine.ts';

/** Kernels whose rings have any size. */
const ANY_SIZE: readonly KernelPreset[] = ['4.9', '4.15', '6.1', '6.6'];
/** Policies that stand for the kernel's own queues. */
const KERNEL_QUEUES: readonly string[] = ['percpu', 'single'];

/** Refuses, with a RangeError, a size that the kernel's own queues cannot have. */
export function checkRingSize({ name, parameters }: PolicyChoice, kernel: KernelPreset): void {
  const size = Number(parameters.size);
  if (!KERNEL_QUEUES.includes(name) || ANY_SIZE.includes(kernel)) return;
  if (Number.isInteger(Math.log2(size))) return;
  throw new RangeError(
    `${name}.size: got ${size}, expected a power of two with kernel ${kernel} (any size up to 6.6)`,
  );
}
