// The text of the bounce level: addresses, failures, choices, numbers of debugfs, pools that came and went.

import { formatCount } from '../../quantity.ts';
import type {
  BounceDifference,
  BounceResult,
  BounceUsageResult,
  DynamicPoolsResult,
  Explained,
  UsageComparison,
} from './bounce-result.ts';

/** Lines about a comparison that was made; `rate` formats a share of matches. */
export function bounceLines(
  result: BounceResult,
  rate: (matched: number, compared: number) => string,
): string[] {
  const { matched, compared, failures, misses, strays, reordered, tries, usage, dynamic, first } =
    result;
  const lines = [
    `  ${formatCount(matched)} of ${formatCount(compared)} slot addresses explained: ${rate(matched, compared)}`,
    `  ${share(failures)} failed maps, ${share(misses)} searches of an area in vain`,
  ];
  if (strays > 0)
    lines.push(`  ${formatCount(strays)} releases of addresses that no recorded map has`);
  if (reordered === 0) lines.push('  searches at their entry, releases as late as they may be');
  else {
    const places = reordered === 1 ? '1 place' : `${formatCount(reordered)} places`;
    lines.push(`  ${places} needed a choice (${formatCount(tries)} attempts taken back)`);
  }
  if (usage !== null) lines.push(...usageLines(usage));
  if (dynamic !== null) lines.push(...dynamicLines(dynamic));
  if (first !== null) lines.push(...differenceLines(first));
  return lines;
}

function usageLines({ slots, used, hiwater, samples }: BounceUsageResult): string[] {
  const lines: string[] = [];
  if (used !== null) lines.push(`  slots in use at the end: ${compared(used)}`);
  if (hiwater !== null) lines.push(`  high-water mark: ${compared(hiwater)}`);
  if (slots !== null) lines.push(`  slots of all pools: ${compared(slots)}`);
  if (samples.recorded > 0) {
    lines.push(
      `  ${share(samples)} lines of debugfs, ${formatCount(samples.equal)} of ${formatCount(samples.atRest)} at rest equal`,
    );
    if (samples.firstLine !== null)
      lines.push(`    first that is not explained: line ${samples.firstLine}`);
  }
  return lines;
}

function compared({ recorded, lowest, highest, explained }: UsageComparison): string {
  const range =
    lowest === highest ? formatCount(lowest) : `${formatCount(lowest)} to ${formatCount(highest)}`;
  return `${formatCount(recorded)} recorded, ${range} by the calls${explained ? '' : ': DIFFERS'}`;
}

function dynamicLines(dynamic: DynamicPoolsResult): string[] {
  const { runs, added, growthFailed, transient, transientFailed, transientUseless, walks } =
    dynamic;
  return [
    `  ${share(runs)} runs of the growth work: ${share(added)} pools added, ${share(growthFailed)} without memory`,
    `  ${share(transient)} transient pools in use, ${share(transientFailed)} without memory, ${share(transientUseless)} of no use`,
    `  ${share(walks)} maps searched areas and pools in the order of the model`,
  ];
}

function share({ recorded, explained }: Explained): string {
  if (recorded === explained) return formatCount(recorded);
  return `${formatCount(explained)} of ${formatCount(recorded)}`;
}

function differenceLines(first: BounceDifference): string[] {
  const { file, line, entryLine, cpu, device, bytes, original, poolStart, area, used, index } =
    first;
  return [
    first.proved
      ? '  first divergence: no allowed order that was found explains it'
      : '  first address not explained; the search ran out of its budget',
    `    ${file}:${line}`,
    `    ${formatCount(bytes)} bytes of ${device} from ${hex(original)} on CPU ${cpu}, entered at line ${entryLine}`,
    `    recorded  ${addressText(first.recorded)}`,
    `    model     ${addressText(first.model)}`,
    `    pool ${hex(poolStart)}, area ${area}: ${formatCount(used)} slots in use, next search from slot ${index}`,
  ];
}

function addressText(address: number | null): string {
  return address === null ? 'nothing found in this area' : hex(address);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
