// A table of requests is as good as the capture that it was made of: a replay of it has the same summary, byte for byte.

import { join } from 'node:path';
import { summarise, writeResult } from '@dmalab/analysis';
import { type MachineOverrides, machineFromFacts, replay } from '@dmalab/replay';
import { type Capture, readCapture, TABLE_FORMATS, writeRequests } from '@dmalab/trace';
import { expect, test } from 'vitest';
import { tempFolder } from '../../../test/support/temp-folder.ts';

const folder = tempFolder();
const TRACES = new URL('../../../traces/', import.meta.url).pathname;

/** Bouncing lists, pools that grow, mappings from before the trace, losses, binary traces, measured calls. */
const CAPTURES = [
  'swiotlb-small-full/trace.txt.zst',
  'swiotlb-dynamic-ramp/trace.txt.zst',
  'net-e1000-32bit/trace.txt.zst',
  'lossy-small-buffer/perf-lost.data.zst',
  'formats-tracecmd/tracecmd-v6.dat.zst',
  'fgraph-latency/trace.fgraph.tail.txt.zst',
];

const FLUSH = { flush: { name: 'percpu', parameters: {} } };
/** As recorded, and so that every list of a direct device bounces. */
const MACHINES: readonly MachineOverrides[] = [
  FLUSH,
  { ...FLUSH, swiotlb: 'force', bounce: { name: 'static', parameters: {} } },
];

function summaries({ facts, report, ...capture }: Capture): string[] {
  return MACHINES.map((changes) => {
    const machine = machineFromFacts(facts, changes);
    const context = { report, facts, machine, version: '1', name: 'capture' };
    return JSON.stringify(writeResult(summarise(context, replay(machine, capture))));
  });
}

test.each(CAPTURES.map((path, i) => [path, TABLE_FORMATS[i % 4]!] as const))(
  '%s as %s gives the same results',
  async (path, format) => {
    const original = await readCapture(join(TRACES, path));
    const table = join(folder, `${path.replaceAll('/', '-')}.${format}`);
    writeRequests(original, table, format);
    const expected = summaries(original);
    original.close();
    const converted = await readCapture(table);
    expect(summaries(converted)).toEqual(expected);
    converted.close();
  },
  20_000,
);
