// Rules of layouts and of pairing that no other test names; docs/reading-rules.md says where each rule is tested.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EventKind } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from './support/byte-writer.ts';
import { type Machine, Records } from './support/dat-events.ts';
import { type DatFile, datFile, Page } from './support/dat-file.ts';
import { eventLine, type Reading, readText } from './support/read-text.ts';
import { capture, mapPage, range, unmapPage, words } from './support/text-trace.ts';

const MAP = 'map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096';
const x86: Machine = { little: true, longSize: 8 };

function datOfOneMap(options: DatFile['options'], clock = 'local'): Promise<Reading> {
  const record = new Records(x86).map(0x1000n, 0x2000n, 4096);
  const page = new Page(x86, 5_000_000_000n).event(0, record);
  const buffers = [{ clock, cpus: { 0: [page.done()] } }];
  return readText(datFile({ ...x86, version: 6, buffers, ...(options ? { options } : {}) }));
}

describe('text of the kernel', () => {
  test('a CPU may have four digits', async () => {
    const { rows } = await readText(eventLine(MAP).replace('[003]', '[1023]'));
    expect(rows).toMatchObject([{ cpu: 1023, kind: EventKind.iommuMap }]);
  });

  test('a warning of the tracer is a comment, and hides nothing', async () => {
    const warning =
      '#\n# WARNING: FUNCTION TRACING IS CORRUPTED\n#          MAY BE MISSING FUNCTION EVENTS\n';
    const { rows, counts } = await readText(`# tracer: nop\n${warning}${eventLine(MAP)}`);
    expect([rows.length, counts.unparsed]).toEqual([1, 0]);
  });

  test('an event of an unknown type is counted', async () => {
    const { rows, counts } = await readText(
      eventLine(MAP) + eventLine('Unknown type 2047') + eventLine(MAP),
    );
    const maps = rows.filter(({ kind }) => kind === EventKind.iommuMap);
    expect([maps.length, counts.lines]).toEqual([2, 3]);
  });
});

describe('trace-cmd report', () => {
  const lines = (event: string): string =>
    `cpus=4\n${event}             fio-301   [001] .....    19.614710: unmap:                IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096\n`;

  test('--ts-diff prints the distance to the event before', async () => {
    const { rows, counts } = await readText(
      lines(
        '             fio-301   [001] .....    19.614706: (+12)    map:                  IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096\n',
      ),
    );
    expect(rows.map(({ kind, time }) => [kind, time])).toEqual([
      [EventKind.iommuMap, 0],
      [EventKind.iommuUnmap, 4000],
    ]);
    expect(counts.unparsed).toBe(0);
  });

  test('--debug says where a sub-buffer begins', async () => {
    const { rows, counts } = await readText(lines('CPU:1 [SUBBUFFER START] [ts:0x1000]\n'));
    expect([rows.length, counts.unparsed, counts.lost]).toEqual([1, 0, 0]);
  });
});

describe('trace.dat', () => {
  test('DATE adds microseconds, OFFSET nanoseconds', async () => {
    const text = (value: string): Buffer => new ByteWriter(true).text(`${value}\0`).done();
    const plain = await datOfOneMap([]);
    const moved = await datOfOneMap([
      [1, text('0x10')],
      [7, text('-5')],
    ]);
    expect(moved.counts.firstTime - plain.counts.firstTime).toBe(16_000 - 5);
  });

  test('the clock uptime counts jiffies: its times are ticks', async () => {
    const { counts, codes } = await datOfOneMap(
      [[4, Buffer.from('local [uptime] mono')]],
      'uptime',
    );
    expect([counts.resolution, codes]).toEqual([0, { TICK_CLOCK: 1 }]);
  });
});

describe('pairing', () => {
  const FIO = 'fio-7 0 .';

  test('an unmap may take more than it was asked for: a larger page had to go whole', async () => {
    const [low, high] = range('fffff');
    const c = await capture([
      ...mapPage(FIO, 1, 'fffff'),
      `${FIO} 5 unmap: IOMMU: iova=${low} - ${high} size=4096 unmapped_size=2097152`,
      `${FIO} 6 dma_unmap_page: dev0 dir=TO_DEVICE dma_addr=fffff000 size=4096 attrs=`,
    ]);
    expect(words(c.requests())).toEqual([
      'map 1 fffff000+4096 of 1 in 1',
      'unmap 1 fffff000+4096 of 1 in 1',
    ]);
    expect(c.report.pairing).toEqual({ UNMAP_LONG: 1 });
  });

  test('devices of one group share a domain, others have their own', async () => {
    const add = (device: string, group: number): string =>
      `${FIO} 0 add_device_to_group: IOMMU: groupID=${group} device=${device}`;
    const of = (device: string, lines: readonly string[]): string[] =>
      lines.map((line) => line.replace('dev0', device));
    const c = await capture([
      add('dev0', 3),
      add('dev1', 3),
      add('dev2', 4),
      ...of('dev0', mapPage(FIO, 1, 'ffffd')),
      ...of('dev1', mapPage(FIO, 3, 'ffffe')),
      ...of('dev2', mapPage(FIO, 5, 'fffff')),
      ...of('dev1', unmapPage(FIO, 7, 'ffffe')),
    ]);
    const devices = c.facts.domains.map((domain) =>
      domain.devices.map((device) => c.facts.devices[device]!.name).sort(),
    );
    expect(devices).toEqual([[], ['dev0', 'dev1'], ['dev2']]);
  });

  test('a domain lasts from attach to the next: the same pointer set up again is another one', async () => {
    const attach = (time: number): string[] => [
      `${FIO} ${time} attach_device_to_domain: IOMMU: device=dev0`,
      `${FIO} ${time + 1} init_iova_domain: (init_iova_domain+0x4/0x90) iovad=0xffff888100001000 granule=4096 start_pfn=1`,
    ];
    const c = await capture([
      ...attach(0),
      ...mapPage(FIO, 3, 'fffff'),
      ...unmapPage(FIO, 5, 'fffff'),
      ...attach(10),
      ...mapPage(FIO, 13, 'fffff'),
    ]);
    expect(words(c.requests()).filter((row) => row.startsWith('map'))).toEqual([
      'map 1 fffff000+4096 of 1 in 1',
      'map 2 fffff000+4096 of 1 in 2 (openEnd)',
    ]);
  });
});

describe('docs/reading-rules.md', () => {
  const root = new URL('../../../', import.meta.url);
  const page = readFileSync(new URL('docs/reading-rules.md', root), 'utf8');
  const rows = [...page.matchAll(/^\| .+? \| `([^`]+\.test\.ts)`: (.+) \|$/gm)];

  test('has a row for each rule, and each names a test that there is', () => {
    expect(rows.length).toBeGreaterThan(70);
    const missing = rows.filter(([, file = '', title = '']) => {
      const path = fileURLToPath(new URL(file, root));
      return !existsSync(path) || !readFileSync(path, 'utf8').includes(title);
    });
    expect(missing.map(([row]) => row)).toEqual([]);
  });
});
