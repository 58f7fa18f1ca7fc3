// The version of the tool, from its package.

import { readFileSync } from 'node:fs';

let known = '';

/** e.g. "0.1.0". */
export function toolVersion(): string {
  if (known !== '') return known;
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  known = (JSON.parse(text) as { version: string }).version;
  return known;
}
