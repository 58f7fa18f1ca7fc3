// Messages of memory that ran out: coherent memory of the guest, and what a host may map or pin.
//
// From kernel/dma/pool.c, mm/{cma,page_alloc}.c, drivers/media (videobuf2), drivers/vfio; the words of QEMU and DPDK.

import type { CmaPool, CoherentFailure, HostLimit, LogLine } from '../kernel-log.ts';
import { numberOf, ownerBefore, type Reader } from './reader.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const PAGE = 4096;

/** Their readers. */
export const memoryReaders: readonly Reader[] = [
  atomicPool,
  cmaFailed,
  cmaPool,
  zoneFailed,
  coherentFailed,
  lockedMemory,
  mappingsWarning,
  mapRefused,
];

function failure(
  at: LogLine,
  source: CoherentFailure['source'],
  device: string,
  bytes: number | null,
  error: number | null = null,
): CoherentFailure {
  return { ...at, kind: 'coherent-failed', source, device, bytes, error };
}

function atomicPool(message: string, at: LogLine): CoherentFailure | null {
  const small =
    /(\d+) KiB atomic DMA coherent pool is too small/.exec(message) ??
    /DMA: failed to allocate (\d+) KiB .{0,60}pool for atomic/.exec(message);
  if (small !== null) return failure(at, 'atomic', '', Number(small[1]) * KIB);
  const none = /(?:Failed to get suitable pool|DMA pool exhausted) for ([\w.:-]*\w)/.exec(message);
  return none === null ? null : failure(at, 'atomic', none[1] ?? '', null);
}

function cmaFailed(message: string, at: LogLine): CoherentFailure | null {
  const match = /cma_alloc: (?:\S+: )?alloc failed, req-size: (\d+) pages(?:, *ret: (-?\d+))?/.exec(
    message,
  );
  if (match === null) return null;
  return failure(at, 'cma', '', Number(match[1]) * PAGE, numberOf(match[2]));
}

function cmaPool(message: string, at: LogLine): CmaPool | null {
  const left = /number of available pages: \S* ?=> *(\d+) free of (\d+) total pages/.exec(message);
  if (left !== null) {
    const [, free, pages] = left;
    return { ...at, kind: 'cma-pool', free: Number(free) * PAGE, bytes: Number(pages) * PAGE };
  }
  const boot =
    /^cma: Reserved (\d+) MiB at/.exec(message) ??
    /created CMA memory pool at \S+, size (\d+) MiB/.exec(message);
  return boot === null
    ? null
    : { ...at, kind: 'cma-pool', free: null, bytes: Number(boot[1]) * MIB };
}

function zoneFailed(message: string, at: LogLine): CoherentFailure | null {
  const match = /page allocation failure: order:(\d+), mode:0x[0-9a-f]+\([^)]{0,80}GFP_DMA/.exec(
    message,
  );
  return match === null ? null : failure(at, 'zone', '', PAGE * 2 ** Number(match[1]));
}

function coherentFailed(message: string, at: LogLine): CoherentFailure | null {
  const pool = /swiotlb: coherent allocation failed(?: for device (\S+?))?,? size=(\d+)/.exec(
    message,
  );
  if (pool !== null) {
    const device = pool[1] ?? ownerBefore(message, pool.index).device;
    return failure(at, 'swiotlb', device, Number(pool[2]));
  }
  const driver =
    /(?:dma[_ ]alloc(?:_coherent|_attrs)?|\bcontiguous DMA memory region) of size (\d+)(?: failed|\.)/.exec(
      message,
    );
  if (driver === null) return null;
  return failure(at, 'driver', ownerBefore(message, driver.index).device, Number(driver[1]));
}

function limitOf(
  at: LogLine,
  message: string,
  limit: HostLimit['limit'],
  parts: Partial<Pick<HostLimit, 'value' | 'error' | 'warning'>>,
): HostLimit {
  const device =
    /\bhost=([0-9a-fA-F:.]+[0-9a-fA-F])/.exec(message)?.[1] ??
    /EAL: *([0-9a-fA-F:.]+) DMA remapping/.exec(message)?.[1] ??
    /\bvfio ([0-9a-fA-F]{4}:[0-9a-fA-F:.]+[0-9a-fA-F]):/.exec(message)?.[1] ??
    '';
  const none = { value: null, error: null, warning: false };
  return { ...at, kind: 'host-limit', limit, device, ...none, ...parts };
}

function lockedMemory(message: string, at: LogLine): HostLimit | null {
  const match =
    /vfio_pin_page\w*: (?:Task .{1,40} \(\d+\) )?RLIMIT_MEMLOCK \((\d+)\) exceeded/.exec(message);
  return match === null ? null : limitOf(at, message, 'pinned', { value: Number(match[1]) });
}

function mappingsWarning(message: string, at: LogLine): HostLimit | null {
  const match =
    /possibly running out of DMA mappings\..{0,120}Maximum (?:possible|number of) DMA mappings: (\d+)/.exec(
      message,
    );
  if (match === null) return null;
  return limitOf(at, message, 'entries', { value: Number(match[1]), warning: true });
}

/** Errors that vfio gives for a map, by their words; by number they may have a minus. */
const ERRORS: Readonly<Record<string, number>> = {
  'Cannot allocate memory': 12,
  'Bad address': 14,
  'Device or resource busy': 16,
  'File exists': 17,
  'Invalid argument': 22,
  'No space left': 28,
};
const REFUSED = new RegExp(
  '(?:VFIO_(?:IOMMU_)?MAP_DMA\\b|vfio_(?:container_)?dma_map\\b|IommuDmaMap\\b|annot set up DMA (?:re)?mapping,|DMA remapping failed,)' +
    `.{0,160}?(?:= ?|: |error |\\(Error\\()-?(${Object.keys(ERRORS).join('|')}|\\d+)`,
);

function mapRefused(message: string, at: LogLine): HostLimit | null {
  if (message.includes("can't map guest IOVA region")) return limitOf(at, message, 'other', {});
  const match = REFUSED.exec(message);
  if (match === null) return null;
  const word = match[1] ?? '';
  const error = ERRORS[word] ?? Number(word);
  if (!Object.values(ERRORS).includes(error)) return null;
  const limit = error === 28 ? 'entries' : error === 12 ? 'pinned' : 'other';
  return limitOf(at, message, limit, { error });
}
