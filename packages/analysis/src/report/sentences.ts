// What came out, in one sentence per run.

import { SLOT_BYTES } from '@dmalab/replay';
import type { LabelledResult } from '../charts/chart.ts';
import { formatBytes, formatCount, formatDuration, formatShare, threeDigits } from '../quantity.ts';
import type { Summary } from '../summary.ts';

/** Plain text, not escaped. */
export function runSentence({ result: { summary } }: LabelledResult): string {
  const { requests } = summary;
  const calls = requests.mapped + requests.directMaps + summary.failures.total;
  if (calls === 0) return 'No map request.';
  const isTranslated = requests.mapped > 0;
  const parts = [
    maps(summary, calls),
    ...(isTranslated
      ? [space(summary), flushes(summary), exposure(summary)]
      : ['no device is translated by an IOMMU']),
    ...bounce(summary),
    ...host(summary),
  ];
  return `${parts.join('; ')}.`;
}

function maps({ failures }: Summary, calls: number): string {
  const count = calls === 1 ? '1 map' : `${formatCount(calls)} maps`;
  if (failures.total === 0) return `${count}, none failed`;
  return `${count}, ${formatCount(failures.total)} failed, the first at ${formatDuration(failures.firstAt ?? 0)}`;
}

function bounce({ bounce, failures }: Summary): string[] {
  if (bounce === null) return [];
  const { hiwaterBytes, totalSlots, buffers, failed } = bounce;
  const pools = formatBytes(totalSlots * SLOT_BYTES);
  const refused = failed === failures.total ? '' : `, ${formatCount(failed)} maps found no slot`;
  return [
    `bounce memory peaks at ${formatBytes(hiwaterBytes)} of ${pools} (${formatCount(buffers)} buffers${refused})`,
  ];
}

function host({ host, failures }: Summary): string[] {
  if (host === null) return [];
  const { peakEntries, entryLimit, failed } = host;
  const limit = entryLimit === null ? '' : ` of ${formatCount(entryLimit)}`;
  const refused = failed === failures.total ? '' : ` and refuses ${formatCount(failed)} maps`;
  return [`the host holds up to ${formatCount(peakEntries)}${limit} entries${refused}`];
}

function space({ occupancy }: Summary): string {
  const { live, queued, cached } = occupancy.peak;
  const total = live + queued + cached;
  const split = `${share(live, total)} live, ${share(queued, total)} queued, ${share(cached, total)} cached`;
  const bound = occupancy.lowerBound ? ' or more' : '';
  return `address space peaks at ${formatBytes(total)}${bound} (${split})`;
}

function share(part: number, whole: number): string {
  return formatShare(whole > 0 ? part / whole : 0);
}

function flushes({ flushes: { invalidationsPerThousandUnmaps } }: Summary): string {
  return invalidationsPerThousandUnmaps === null
    ? 'nothing was unmapped'
    : `${threeDigits(invalidationsPerThousandUnmaps)} invalidations per 1000 unmaps`;
}

function exposure({ exposure: { staleWindow } }: Summary): string {
  if (staleWindow.max === null) return 'no range was released';
  if (staleWindow.max === 0) return 'unmapped memory is out of reach at once';
  return `99 % of unmapped ranges are out of reach within ${formatDuration(staleWindow.p99 ?? 0)}, all within ${formatDuration(staleWindow.max)}`;
}
