// What is recorded, and how: the recipe of docs/recording.md for one kernel.

import { isAtLeast, type KernelVersion } from './kernel-release.ts';
import { PROBE_GROUP, type Probe, type ProbeStyle, probesFor } from './probes.ts';

/** One recording, fully determined. */
export interface Recipe {
  /** As `uname -r` tells it. */
  readonly release: string;
  readonly style: ProbeStyle;
  readonly probes: readonly Probe[];
  /** Event systems that the kernel may have, those of the probes left out. */
  readonly systems: readonly string[];
  /** dma_sync_* too. */
  readonly sync: boolean;
  readonly clock: string;
  readonly bufferKb: number;
  readonly output: string;
  readonly tracefs: string;
  /** What to run; empty: wait for `seconds`. */
  readonly command: readonly string[];
  /** 0: until interrupted. */
  readonly seconds: number;
}

/** Event systems to enable: the group of the probes is there only where there is a probe. */
export function eventSystems({ systems, probes }: Recipe): readonly string[] {
  return probes.length > 0 ? [...systems, PROBE_GROUP] : systems;
}

/** The own ftrace instance of a recording. */
export const INSTANCE = 'dmalab';

/** Where tracefs is mounted, unless said otherwise. */
export const TRACEFS = '/sys/kernel/tracing';

/** The first kernels with the events dma:*, and with probes by fprobe. */
export const FIRST_WITH_DMA_EVENTS: KernelVersion = [6, 12];
export const FIRST_WITH_FPROBES: KernelVersion = [6, 5];

/** What a kernel of this version has, where no tracefs can be asked. */
export function recipeFor(version: KernelVersion): Pick<Recipe, 'style' | 'probes' | 'systems'> {
  const hasDmaEvents = isAtLeast(version, FIRST_WITH_DMA_EVENTS);
  return {
    style: isAtLeast(version, FIRST_WITH_FPROBES) ? 'fprobe' : 'kprobe',
    probes: probesFor(version, hasDmaEvents),
    systems: hasDmaEvents ? ['dma', 'iommu', 'swiotlb'] : ['iommu', 'swiotlb'],
  };
}
