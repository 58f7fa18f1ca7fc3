// What sysfs and proc tell of the machine: the devices with their masks, and the IOMMU groups.
//
// The layout is that of traces/README.md, which the reader takes facts from. Only PCI devices are listed.

import { readdirSync, readlinkSync } from 'node:fs';
import { cpus, machine, release, type as systemName, version } from 'node:os';
import { basename, join } from 'node:path';
import { read } from './tracefs.ts';

/** The head of meta.json. */
export interface MachineFacts {
  readonly kernel: string;
  readonly cmdline: string | null;
  readonly machine: { readonly cpus: number; readonly arch: string };
}

/** The facts of this machine; a `cmdline` that cannot be read is null. */
export function machineFacts(): MachineFacts {
  return {
    kernel: `${systemName()} ${release()} ${version()} ${machine()}`,
    cmdline: read('/proc/cmdline')?.trim() ?? null,
    machine: { cpus: cpus().length, arch: machine() },
  };
}

/** A PCI device. */
export interface DeviceListing {
  readonly bdf: string;
  readonly driver: string | null;
  readonly dma_mask_bits: number | null;
  readonly consistent_dma_mask_bits: number | null;
  readonly iommu_group: string | null;
}

/** An IOMMU group. */
export interface GroupListing {
  readonly type: string | null;
  readonly devices: readonly string[];
  readonly reserved_regions: readonly { start: string; end: string; type: string }[];
}

/** Devices and groups as `sysfs` shows them now. */
export function deviceFacts(sysfs: string): {
  devices: DeviceListing[];
  iommu_groups: Record<string, GroupListing>;
} {
  const devices = names(join(sysfs, 'bus/pci/devices')).map((bdf) => deviceAt(sysfs, bdf));
  const groups: Record<string, GroupListing> = {};
  for (const group of names(join(sysfs, 'kernel/iommu_groups'))) {
    groups[group] = groupAt(join(sysfs, 'kernel/iommu_groups', group));
  }
  return { devices, iommu_groups: groups };
}

function deviceAt(sysfs: string, bdf: string): DeviceListing {
  const folder = join(sysfs, 'bus/pci/devices', bdf);
  return {
    bdf,
    driver: target(join(folder, 'driver')),
    dma_mask_bits: number(join(folder, 'dma_mask_bits')),
    consistent_dma_mask_bits: number(join(folder, 'consistent_dma_mask_bits')),
    iommu_group: target(join(folder, 'iommu_group')),
  };
}

function groupAt(folder: string): GroupListing {
  const regions = (read(join(folder, 'reserved_regions')) ?? '').trim().split('\n');
  return {
    type: read(join(folder, 'type'))?.trim() ?? null,
    devices: names(join(folder, 'devices')),
    reserved_regions: regions.flatMap((line) => {
      const [start, end, type] = line.split(' ');
      return start !== undefined && end !== undefined && type !== undefined
        ? [{ start, end, type }]
        : [];
    }),
  };
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch {
    return [];
  }
}

function target(link: string): string | null {
  try {
    return basename(readlinkSync(link));
  } catch {
    return null;
  }
}

function number(path: string): number | null {
  const text = read(path);
  return text === null || !/^\d+\s*$/.test(text) ? null : Number(text);
}
