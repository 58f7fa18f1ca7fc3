// The version of the tool, from its package.

import { readFileSync } from 'node:fs';

/** e.g. "0.1.0". */
export function toolVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
