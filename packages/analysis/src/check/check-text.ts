// A check in words.

import { formatCount } from '../quantity.ts';
import type { CheckResult } from './check.ts';
import { type Finding, findingKinds, kindOf } from './finding.ts';

/** Findings of one code that are shown in full, and possible ones in brief. */
const FULL = 10;
const BRIEF = 3;

/** The result of a check as text: what is certain or likely in full, the rest in a line each. */
export function checkText(result: CheckResult): string {
  const isSure = ({ confidence }: Finding): boolean => confidence !== 'possible';
  const sure = firstOfEach(result.findings.filter(isSure), FULL);
  const rest = firstOfEach(
    result.findings.filter((finding) => !isSure(finding)),
    BRIEF,
  );
  const lines = [result.source, `  ${verdict(result)}`];
  for (const finding of sure) lines.push('', ...full(finding));
  if (rest.length > 0) lines.push('', 'possible');
  for (const finding of rest) lines.push(...brief(finding));
  lines.push(...notShown(result, [...sure, ...rest]));
  return `${lines.join('\n')}\n`;
}

/** The first few of each code. */
function firstOfEach(findings: readonly Finding[], limit: number): Finding[] {
  const seen = new Map<string, number>();
  return findings.filter(({ code }) => {
    const count = (seen.get(code) ?? 0) + 1;
    seen.set(code, count);
    return count <= limit;
  });
}

function verdict({ counts, requests, lost, passed }: CheckResult): string {
  const of = (name: 'certain' | 'likely'): number => counts.reduce((sum, c) => sum + c[name], 0);
  const losses =
    lost === 0 ? 'nothing lost' : `${lost === null ? 'events' : formatCount(lost)} lost`;
  const found = passed
    ? 'nothing wrong'
    : `${formatCount(of('certain'))} certain, ${formatCount(of('likely'))} likely`;
  return `${found} in ${formatCount(requests)} requests, ${losses}`;
}

function full(finding: Finding): string[] {
  const kind = kindOf(finding.code);
  return [
    `${finding.confidence}: ${kind.title} (${finding.code})`,
    `  ${finding.device}, ${finding.task}, ${finding.address}: ${finding.message}`,
    ...finding.lines.map(({ role, where }) => `  ${role.padEnd(11)} ${where}`),
    `  Meaning: ${kind.meaning}.`,
    `  Why ${finding.confidence}: ${finding.reason}.`,
    `  To do: ${kind.advice}.`,
  ];
}

function brief(finding: Finding): string[] {
  const { code, device, task, message, lines, reason } = finding;
  const where = lines.at(-1)?.where ?? '';
  return [
    `  ${code}  ${device}, ${task}: ${message}`,
    `    ${code === 'STILL_MAPPED' ? (lines[0]?.where ?? '') : where}; ${reason}`,
  ];
}

function notShown({ counts }: CheckResult, shown: readonly Finding[]): string[] {
  const lines: string[] = [];
  for (const { code } of findingKinds) {
    const count = counts.find((c) => c.code === code);
    if (count === undefined) continue;
    const all = count.certain + count.likely + count.possible;
    const kept = shown.filter((finding) => finding.code === code).length;
    if (all > kept)
      lines.push(
        `${formatCount(all - kept)} more of ${code} are not shown (--json has up to 100 of each)`,
      );
  }
  return lines.length === 0 ? [] : ['', ...lines];
}
