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

/** Events that no row is made of. */
const WITHOUT_TIME = /nocontext-info|event-trace/;

/** Events in comments, which meta.json does not count. */
const GRAPH_EVENTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'trace.function_graph-events.txt': {
    add_device_to_group: 1,
    attach_device_to_domain: 1,
    map: 214,
    dma_alloc: 12,
    dma_map_page: 134,
    unmap: 134,
    dma_unmap_page: 134,
  },
};

/** The texts of the kernel, trace-cmd and perf. */
const captures = readdirSync(traces, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => {
    const directory = new URL(`${name}/`, traces);
    const meta = JSON.parse(readFileSync(new URL('meta.json', directory), 'utf8')) as Meta;
    return readdirSync(directory)
      .filter((file) => /^(?:trace|perf).*\.txt(?:\.zst)?$/.test(file))
      .map((file) => ({ name, file, path: new URL(file, directory), expected: meta.files[file] }));
  });

describe('every bundled capture', () => {
  test.each(captures)(
    '$name/$file has the events that were recorded',
    async ({ file, path, expected }) => {
      const { counts, names, batches } = await openTrace(fileURLToPath(path));
      let rows = 0;
      for await (const { length } of batches()) rows += length;
      const events = Object.fromEntries(
        counts.byName.map((count, i) => [names[i], count]).slice(1),
      );
      expect(events).toEqual(GRAPH_EVENTS[file] ?? expected?.per_event);
      const records = WITHOUT_TIME.test(file) ? 0 : (expected?.records ?? 0);
      expect(rows).toBeGreaterThanOrEqual(records);
      expect(counts.unparsed).toBe(0);
      expect(counts.sha256).toBe(createHash('sha256').update(readFileSync(path)).digest('hex'));
    },
  );
});
