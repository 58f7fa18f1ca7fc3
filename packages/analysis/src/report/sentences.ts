// What came out, in one sentence per run.

import type { LabelledResult } from '../charts/chart.ts';
import { formatBytes, formatCount, formatDuration, formatShare, threeDigits } from '../quantity.ts';
import type { Summary } from '../summary.ts';

/** Plain text, not escaped. */
export function runSentence({ result: { summary } }: LabelledResult): string {
  if (summary.requests.mapped + summary.failures.total === 0) return nothingMapped(summary);
  return `${[maps(summary), space(summary), flushes(summary), exposure(summary)].join('; ')}.`;
}

function nothingMapped({ requests }: Summary): string {
  return requests.direct > 0
    ? `${formatCount(requests.direct)} requests, none of them translated by an IOMMU: no address space to report.`
    : 'No map request.';
}

function maps({ requests, failures }: Summary): string {
  const count = `${formatCount(requests.mapped + failures.total)} maps`;
  if (failures.total === 0) return `${count}, none failed`;
  return `${count}, ${formatCount(failures.total)} failed, the first at ${formatDuration(failures.firstAt ?? 0)}`;
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
