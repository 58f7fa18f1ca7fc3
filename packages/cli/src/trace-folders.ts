// Folders of captures: a folder for each, with its trace under a usual name, as `record` and traces/ have them.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const TRACE_NAME = /^(?:trace\.(?:txt|dat)|perf\.data)(?:\.gz|\.zst)?$/;

/** The traces in the folders of `path`; `path` itself where it is a file, or a directory that is one trace. */
export function tracesIn(path: string): string[] {
  if (!existsSync(path) || !statSync(path).isDirectory()) return [path];
  const found = readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      const traces = readdirSync(join(path, name)).filter((file) => TRACE_NAME.test(file));
      return traces.map((file) => join(path, name, file));
    })
    .sort();
  return found.length === 0 ? [path] : found;
}
