// The tables behind a report's summary, as rows of plain text.

import type { DomainExposure } from '../figures/flushes.ts';
import { formatBytes, formatCount, formatDuration, formatShare } from '../quantity.ts';
import type { Summary, TraceFacts } from '../summary.ts';
import { cpus, latency, MODELLED, rate, sizes, tasks } from './group-tables.ts';
import { latencies, measuredParts } from './latency-tables.ts';
import { cachedAges, cacheLimits, freeRuns, freeSpace } from './state-tables.ts';

/** A caption, a head and its rows. */
export interface DetailTable {
  readonly caption: string;
  readonly rows: readonly (readonly string[])[];
}

/** All tables of a run that have rows. */
export function detailTables(summary: Summary): DetailTable[] {
  const tables = [
    failures,
    headroom,
    bounceMemory,
    freeRuns,
    hostLimits,
    domains,
    freeSpace,
    devices,
    sizes,
    cpus,
    tasks,
    cacheClasses,
    cacheLimits,
    cachedAges,
    latencies,
    measuredParts,
  ].map((make) => make(summary));
  return tables.filter(({ rows }) => rows.length > 1);
}

/** Where the requests come from. */
export function traceRows(trace: TraceFacts): (readonly [string, string])[] {
  const lost = trace.lostUnknown ? `at least ${formatCount(trace.lost)}` : formatCount(trace.lost);
  return [
    ['trace', trace.name],
    ['file', trace.source],
    ['SHA-256', trace.sha256],
    ['format', `${trace.format}${trace.compression === 'none' ? '' : `, ${trace.compression}`}`],
    ['recorded kernel', trace.kernel ?? 'not recorded'],
    ['events', formatCount(trace.eventsTotal)],
    ['lost events', lost],
    ['lines not understood', formatCount(trace.unparsed)],
    ['duration', formatDuration(trace.duration)],
    ['time resolution', formatDuration(trace.resolution)],
  ];
}

function failures({ failures: { causes } }: Summary): DetailTable {
  const rows = causes.map(({ stage, cause, count, firstAt, lastAt }) => [
    `${stage}: ${cause}`,
    formatCount(count),
    formatDuration(firstAt),
    formatDuration(lastAt),
  ]);
  return { caption: 'Failed maps', rows: [['stage and cause', 'maps', 'first', 'last'], ...rows] };
}

function headroom({ headroom: limits }: Summary): DetailTable {
  const rows = limits.map(({ what, basis, limit, peak, headroom, enforced }) => [
    `${what} (${basis}${enforced ? '' : '; not enforced in the replay'})`,
    formatCount(peak),
    limit > 1e12 ? limit.toExponential(2) : formatCount(limit),
    formatShare(headroom),
  ]);
  return {
    caption: 'Headroom: 1 - peak / limit, in pages',
    rows: [['limit', 'peak', 'limit', 'headroom'], ...rows],
  };
}

function bounceMemory({ bounce }: Summary): DetailTable {
  const caption = 'Bounce memory';
  if (bounce === null) return { caption, rows: [] };
  const some = (value: number | null, format: (value: number) => string): string =>
    value === null ? '-' : format(value);
  const rows = [
    ['figure', 'value'],
    ['buffers that got slots', formatCount(bounce.buffers)],
    ['maps without a slot', formatCount(bounce.failed)],
    [
      'most slots in use',
      `${formatCount(bounce.hiwaterSlots)} of ${formatCount(bounce.totalSlots)}`,
    ],
    ['most in use', formatBytes(bounce.hiwaterBytes)],
    ['slots searched for a buffer, p99', some(bounce.probes.p99, formatCount)],
    ['slot memory that buffers did not fill', some(bounce.waste, formatShare)],
    ['copied in', formatBytes(bounce.copiedInBytes)],
    ['copied out', formatBytes(bounce.copiedOutBytes)],
    ['copied by syncs', formatBytes(bounce.syncedBytes)],
    ['encryption changed while mapping', formatBytes(bounce.convertedBytes)],
    ['pools added', formatCount(bounce.poolsAdded)],
    ['most pools at once', formatCount(bounce.peakPools)],
    ['transient pools', formatCount(bounce.transients)],
    ['of them from the atomic pools', some(bounce.atomicPoolShare, formatShare)],
    ['most memory of transient pools at once', formatBytes(bounce.peakTransientBytes)],
  ];
  return { caption, rows };
}

function hostLimits({ host }: Summary): DetailTable {
  const caption = 'Host, in entries and pages of 4 KiB';
  if (host === null) return { caption, rows: [] };
  const { map, unmap, global, undo } = host.refreshes;
  const limit = (value: number | null): string => (value === null ? 'none' : formatCount(value));
  const rows = [
    ['figure', 'value'],
    ['limit of entries', limit(host.entryLimit)],
    ['limit of pinned pages', limit(host.pageLimit)],
    ['most entries held', formatCount(host.peakEntries)],
    ['most of them unmapped by the guest', formatCount(host.peakStaleEntries)],
    [
      'refreshes of a map, an unmap, all, a failed map',
      [map, unmap, global, undo].map(formatCount).join(', '),
    ],
    ['entries looked at by refreshes of all', formatCount(host.globallyWalked)],
    ['maps told out of resource', formatCount(host.outOfResource)],
    ['cured by a flush of its own', formatCount(host.selfReclaim)],
    ['failed', formatCount(host.failed)],
    ['failed while other guests held enough unmapped pages', formatCount(host.crossGuestBlocked)],
  ];
  return { caption, rows };
}

function domains({ domains: all }: Summary): DetailTable {
  const rows = all.map((domain) => [
    domain.token,
    domain.devices.join(', '),
    formatCount(domain.mapped),
    formatCount(domain.failed),
    formatCount(domain.flushes),
    formatCount(domain.peakLiveMappings),
    formatBytes(domain.peak.live + domain.peak.queued + domain.peak.cached),
    staleWindow(domain.exposure),
    domain.exposure === undefined ? '-' : `${formatBytes(domain.exposure.byteSeconds)} s`,
  ]);
  const head = [
    'domain',
    'devices',
    'maps',
    'failed',
    'flushes',
    'peak mappings',
    'peak space',
    'stale window, p99 and max',
    'exposure',
  ];
  return { caption: 'Domains', rows: [head, ...rows] };
}

/** Results of earlier versions do not have it. */
function staleWindow(exposure: DomainExposure | undefined): string {
  const { p99 = null, max = null } = exposure ?? {};
  return p99 === null || max === null ? '-' : `${formatDuration(p99)}, ${formatDuration(max)}`;
}

function devices({ devices: all }: Summary): DetailTable {
  const rows = all.map((device) => [
    device.name === '' ? '(unknown)' : device.name,
    formatCount(device.mapped),
    formatCount(device.failed),
    formatCount(device.direct),
    formatBytes(device.bytes),
    rate(device.cacheHitRate),
    latency(device.modelledMap),
  ]);
  const head = [
    'device',
    'maps',
    'failed',
    'not translated',
    'mapped in all',
    'cache hits',
    MODELLED,
  ];
  return { caption: 'Devices', rows: [head, ...rows] };
}

function cacheClasses({ rcache }: Summary): DetailTable {
  const rows = rcache.classes.map(({ pages, requests, hits, hitRate }) => [
    formatCount(pages),
    formatCount(requests),
    formatCount(hits),
    formatShare(hitRate),
  ]);
  if (rcache.uncacheable > 0)
    rows.push(['more than 32', formatCount(rcache.uncacheable), '-', '-']);
  return {
    caption: 'Caches by size class',
    rows: [['pages', 'requests', 'hits', 'hit rate'], ...rows],
  };
}
