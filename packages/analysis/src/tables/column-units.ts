// Units of the columns of outcomes and series, for the metadata of their files (docs/results.md).

import type { TableColumn } from '@dmalab/trace';

const UNITS: readonly (readonly [name: RegExp, unit: string])[] = [
  [/(^|_)ns$/, 'ns'],
  [/^host_pinned_pages(_|$)/, 'pages of 4096 bytes'],
  [/(^|_)bytes(_|$)/, 'bytes'],
  [/(^|_)slots(_|$)/, 'slots of 2048 bytes'],
  [/(^|_)pages$/, 'pages of the domain'],
  [/^iova$/, 'address'],
];

/** Unit by column, of those that are no text, number of something or count. */
export function columnUnits(columns: readonly TableColumn[]): Record<string, string> {
  const units: Record<string, string> = {};
  for (const { name } of columns) {
    const unit = UNITS.find(([pattern]) => pattern.test(name))?.[1];
    if (unit !== undefined) units[name] = unit;
  }
  return units;
}
