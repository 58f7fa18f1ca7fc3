// Which kernel preset stands for a recorded kernel release.

import type { KernelPreset, SacPolicy } from './machine.ts';

const presets: readonly KernelPreset[] = ['4.9', '4.15', '6.1', '6.6', '6.12'];
/** Presets that were compared with their kernel's own code as a whole; of the others the allocator was. */
export const VERIFIED_KERNELS: readonly KernelPreset[] = ['6.1', '6.6', '6.12'];

/** Names of the presets, oldest first. */
export const KERNEL_PRESETS: readonly KernelPreset[] = presets;

/** The preset of a release such as "6.12.107-1", the nearest older one where it has none of its own. */
export function kernelPreset(release: string): { preset: KernelPreset; unverified: boolean } {
  const match = /(\d+)\.(\d+)/.exec(release);
  if (!match) {
    throw new RangeError(`Unknown kernel release "${release}", expected one like 6.12.107`);
  }
  const wanted = versionOrder(match[0]);
  let preset = presets[0]!;
  for (const candidate of presets) if (versionOrder(candidate) <= wanted) preset = candidate;
  return { preset, unverified: preset !== match[0] || !VERIFIED_KERNELS.includes(preset) };
}

/** How kernels of a preset try 32-bit addresses first, without `iommu.forcedac`. */
export function sacOfKernel(preset: KernelPreset): SacPolicy {
  return versionOrder(preset) >= versionOrder('6.6') ? 'sticky' : 'always';
}

function versionOrder(version: string): number {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major * 1000 + minor;
}
