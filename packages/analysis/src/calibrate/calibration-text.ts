// A calibration as a table, and as a piece of a machine file.

import { formatCount, formatDuration, formatShare } from '../quantity.ts';
import type { Calibration } from './calibrate.ts';

/** A table of the costs with their errors, and the notes. */
export function calibrationText({
  calls,
  heldOut,
  error,
  costs,
  notes,
  seed,
}: Calibration): string {
  const rows = costs.map(({ name, default: ns, fitted, calls: n, error: own }) => [
    name,
    formatDuration(ns),
    fitted === null ? 'kept' : formatDuration(fitted),
    fitted === null ? '-' : formatCount(n),
    own === null ? '-' : formatShare(own),
  ]);
  const head = ['cost', 'default', 'fitted', 'calls', 'error'];
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  ');
  const basis = costs.flatMap(({ name, fitted, basis: text }) =>
    fitted === null ? [] : [`${name}: ${text}`],
  );
  const total =
    error === null
      ? 'no call was left out to check the fit'
      : `median error ${formatShare(error)} on ${formatCount(heldOut)} calls left out of the fit of ${formatCount(calls)} (seed ${seed})`;
  return [
    line(head),
    ...rows.map(line),
    '',
    total,
    ...basis,
    ...notes.map((note) => `note: ${note}`),
  ].join('\n');
}

/** The fitted costs as a machine file; `name` says what they were fitted to. */
export function calibrationYaml({ costs, error, heldOut }: Calibration, name: string): string {
  const lines = costs.flatMap(({ name: cost, fitted, error: own }) =>
    fitted === null
      ? []
      : [
          `  ${cost}: ${Number(fitted.toPrecision(4))} # ns, error ${own === null ? 'not known' : formatShare(own)}`,
        ],
  );
  const checked =
    error === null ? '' : `, median error ${formatShare(error)} on ${heldOut} calls left out`;
  return `# fitted by dmalab calibrate to ${name}${checked}\ncost:\n${lines.join('\n')}\n`;
}
