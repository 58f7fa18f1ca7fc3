import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openTrace } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';

const traces = new URL('../../../traces/', import.meta.url);

interface Meta {
  readonly files: Readonly<
    Record<
      string,
      { readonly records: number; readonly per_event?: Readonly<Record<string, number>> }
    >
  >;
}

/** The captures in the default layout; function_graph has a layout of its own. */
const captures = readdirSync(traces, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => {
    const directory = new URL(`${name}/`, traces);
    const meta = JSON.parse(readFileSync(new URL('meta.json', directory), 'utf8')) as Meta;
    return readdirSync(directory)
      .filter((file) => /^trace\b.*\.txt(\.zst)?$/.test(file) && !file.includes('function_graph'))
      .map((file) => ({ name, file, path: new URL(file, directory), expected: meta.files[file] }));
  });

describe('every bundled capture', () => {
  test.each(captures)(
    '$name/$file has the events that were recorded',
    async ({ path, expected }) => {
      const { counts, names, batches } = await openTrace(fileURLToPath(path));
      let rows = 0;
      for await (const { length } of batches()) rows += length;
      const events = Object.fromEntries(
        counts.byName.map((count, i) => [names[i], count]).slice(1),
      );
      expect(events).toEqual(expected?.per_event);
      expect(rows).toBeGreaterThanOrEqual(expected?.records ?? 0);
      expect(counts.unparsed).toBe(0);
      expect(counts.sha256).toBe(createHash('sha256').update(readFileSync(path)).digest('hex'));
    },
  );
});
