// The text of a verification: match rates, places that needed a choice, the first difference with
// file:line and both states. No line is wider than 80 columns, but for file names.

import { formatCount, formatDuration } from '../quantity.ts';
import type { BounceResult } from './bounce/bounce-result.ts';
import { bounceLines } from './bounce/bounce-text.ts';
import type { FlushComparison } from './compare-flushes.ts';
import type {
  AllocatorDomain,
  AllocatorResult,
  FirstDifference,
  FollowedStack,
  StackDifference,
  StackResult,
  VerifyResult,
} from './verify-result.ts';

/** A readable account of a verification. */
export function verifyText(result: VerifyResult): string {
  const { kernel, unverified, cpus, file } = result;
  const note = unverified ? ' (models unverified for the recorded kernel)' : '';
  return [
    file,
    `  models of kernel ${kernel}${note}, ${cpus} CPUs`,
    '',
    ...allocatorLines(result.allocator),
    '',
    ...bounceText(result.bounce),
    '',
    ...stackLines(result.stack),
    '',
  ].join('\n');
}

/** Share of matches in percent, rounded down: 100 % means all. */
function matchRate(matched: number, compared: number): string {
  if (matched === compared) return '100 %';
  return `${(Math.floor((matched / compared) * 10_000) / 100).toFixed(2)} %`;
}

function allocatorLines(result: AllocatorResult): string[] {
  const lines = ['allocator   recorded calls, in an order that their intervals allow'];
  if (result.why !== null) return [...lines, ...wrapped(`not compared: ${result.why}`)];
  lines.push(`  ${rateOf(result)}`, `  ${choicesOf(result)}`);
  if (result.domains.length > 1) lines.push(...result.domains.flatMap(domainLines));
  if (result.first !== null) lines.push(...firstDifferenceLines(result.first));
  return lines;
}

function rateOf({ matched, compared }: { matched: number; compared: number }): string {
  const rate = matchRate(matched, compared);
  return `${formatCount(matched)} of ${formatCount(compared)} addresses explained: ${rate}`;
}

function choicesOf({ reordered, tries }: AllocatorDomain | AllocatorResult): string {
  if (reordered === 0) return 'in the order of the entry lines';
  const places = reordered === 1 ? '1 place' : `${formatCount(reordered)} places`;
  return `${places} needed a choice (${formatCount(tries)} attempts taken back)`;
}

function domainLines(domain: AllocatorDomain): string[] {
  const { token, line, why } = domain;
  const where = line > 0 ? ` (line ${line})` : '';
  if (why !== null) return [`  domain ${token}${where}`, `    not compared: ${why}`];
  return [`  domain ${token}${where}`, `    ${rateOf(domain)}`, `    ${choicesOf(domain)}`];
}

function firstDifferenceLines(first: FirstDifference): string[] {
  const { file, line, entryLine, cpu, pages, limitPfn, state } = first;
  const verdict = first.proved
    ? '  first divergence: no allowed order that was found explains it'
    : '  first address not explained; the search ran out of its budget';
  const cache =
    state.loaded === null
      ? 'size not cached'
      : `CPU cache ${state.loaded} loaded, ${state.prev} previous, ${state.depot} in the depot`;
  return [
    verdict,
    `    ${file}:${line}`,
    `    ${pages} pages up to pfn ${hex(limitPfn)} on CPU ${cpu}, entered at line ${entryLine}`,
    `    recorded  pfn ${pfnText(first.recordedPfn)}, ${searches(first.recordedSearches)}`,
    `    model     pfn ${pfnText(first.modelPfn)}, ${searches(first.modelSearches)}`,
    `    model before it: ${formatCount(state.nodes)} ranges, max32 ${hex(state.max32)}`,
    `      cached ${hintText(state.cached)}, cached32 ${hintText(state.cached32)}`,
    `      ${cache}`,
  ];
}

function bounceText(result: BounceResult): string[] {
  const lines = ['bounce   recorded maps and releases, area by area, in an order that is allowed'];
  if (result.why !== null) return [...lines, ...wrapped(`not compared: ${result.why}`)];
  return [...lines, ...bounceLines(result, matchRate)];
}

function stackLines(result: StackResult): string[] {
  const lines = ['whole stack   requests alone, the flush queue decides'];
  if (result.why !== null) return [...lines, ...wrapped(`not compared: ${result.why}`)];
  if (result.flushes === null) lines.push('  no flush recorded');
  else lines.push(...flushLines(result.flushes, result.jiffyNs));
  const { matched, compared, reordered } = result;
  const rate = matchRate(matched, compared);
  lines.push(`  ${formatCount(matched)} of ${formatCount(compared)} addresses equal: ${rate}`);
  if (reordered > 0) lines.push(`  ${formatCount(reordered)} requests in the order found above`);
  if (result.first !== null) lines.push(...stackDifferenceLines(result.first));
  if (result.followed !== null) lines.push('', ...followedLines(result.followed, result.jiffyNs));
  return lines;
}

function followedLines(result: FollowedStack, jiffy: number): string[] {
  const { timers, matched, compared } = result;
  const { late, early } = timers;
  const lines = [
    'whole stack, timers as recorded   each timer judged by itself',
    `  ${formatCount(timers.compared)} timers armed as recorded, ${formatCount(timers.withinJiffy)} within a jiffy of the timer wheel: ${matchRate(timers.withinJiffy, timers.compared)}`,
    `    ${formatCount(late)} late, ${formatCount(early)} early; worst ${formatDuration(timers.worstNs)} late (line ${timers.worstLine})`,
  ];
  if (result.flushes !== null) lines.push(...flushLines(result.flushes, jiffy));
  lines.push(
    `  ${formatCount(matched)} of ${formatCount(compared)} addresses equal: ${matchRate(matched, compared)}`,
  );
  if (result.first !== null) lines.push(...stackDifferenceLines(result.first));
  return lines;
}

function flushLines(flushes: FlushComparison, jiffy: number): string[] {
  const { recorded, replayed, withinJiffy, causesAgree, releasesAgree } = flushes;
  const rate = matchRate(withinJiffy, recorded);
  return [
    `  ${formatCount(recorded)} flushes recorded, ${formatCount(replayed)} replayed`,
    `  ${formatCount(withinJiffy)} within a jiffy of ${formatDuration(jiffy)}: ${rate}`,
    `    of these, ${formatCount(causesAgree)} agree in cause, ${formatCount(releasesAgree)} in ranges released`,
    `    deviation: median ${formatDuration(flushes.medianNs)}, worst ${formatDuration(flushes.worstNs)} (line ${flushes.worstLine})`,
    `  ${formatCount(flushes.releasedRecorded)} ranges released by flushes recorded, ${formatCount(flushes.releasedReplayed)} replayed`,
  ];
}

function stackDifferenceLines(first: StackDifference): string[] {
  return [
    '  first address not equal',
    `    ${first.file}:${first.line}`,
    `    ${first.pages} pages on CPU ${first.cpu}, device ${first.device}`,
    `    recorded  pfn ${hex(first.recordedPfn)}`,
    `    model     pfn ${pfnText(first.modelPfn)}`,
    `      ${first.liveMappings} live, ${first.queuedEntries} queued, ${first.cachedPages} pages cached`,
  ];
}

function searches(count: number): string {
  if (count === 0) return 'from the cache';
  return count === 1 ? 'one tree search' : `${count} tree searches`;
}

function pfnText(pfn: number | null): string {
  return pfn === null ? 'none (failed)' : hex(pfn);
}

function hintText(pfn: number | null): string {
  return pfn === null ? 'at the top' : hex(pfn);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Indented lines of at most 80 columns. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = ' ';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > 80 && line !== ' ') {
      lines.push(line);
      line = '   ';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
