// The models against golden streams, which hold the answers of the kernel's own code.

import { type ConformReport, type ConformResult, conform } from '@dmalab/analysis';
import { formatNumber, print, printJson, progress, progressDone } from '../output.ts';

/** Plays every stream below `dirs` and prints the results; exit code 1 at any mismatch, and where there are no streams. */
export function checkStreams(dirs: string[], json: boolean): void {
  const report = conform(dirs, ({ name, kernel }) => progress(`${name} (${kernel})`));
  progressDone();
  if (json) printJson({ schema: 'dmalab.conform/1', ...report });
  else print(conformText(report, dirs));
  if (report.mismatches > 0 || report.streams === 0) process.exitCode = 1;
}

function conformText(report: ConformReport, dirs: string[]): string {
  const { streams, ops, mismatches, skipped, results } = report;
  if (streams === 0 && skipped.length === 0) return `no scenario files below ${dirs.join(', ')}`;
  const width = Math.max(0, ...results.map(({ name }) => name.length));
  const lines = results.map((result) => resultLine(result, width));
  for (const { name, kernel, reason } of skipped)
    lines.push(`skipped ${name} (${kernel}): ${reason}`);
  lines.push(
    '',
    `${formatNumber(streams)} streams, ${formatNumber(ops)} operations, ${formatNumber(mismatches)} mismatches${
      skipped.length > 0 ? `, ${formatNumber(skipped.length)} skipped` : ''
    }`,
  );
  return lines.join('\n');
}

function resultLine(
  { name, kernel, family, ops, mismatches, first }: ConformResult,
  width: number,
): string {
  const head = `${mismatches === 0 ? 'ok   ' : 'WRONG'} ${family.padEnd(4)} ${name.padEnd(width)} ${kernel.padEnd(5)} ${formatNumber(ops).padStart(9)} operations`;
  if (first === null) return head;
  const { file, row, column, expected, got } = first;
  return `${head}, ${formatNumber(mismatches)} mismatches\n      first: ${file}${row === null ? '' : `, row ${row}`}${column === '' ? '' : `, ${column}`}: expected ${expected}, got ${got}`;
}
