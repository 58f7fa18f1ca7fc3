import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder, writeTemp } from '../support/temp-folder.ts';

interface Info {
  events: Record<string, number>;
  lost: number;
  lostUnknown: boolean;
  unparsed: number;
  requests: Record<string, number>;
  attribution: Record<string, number>;
  devices: { name: string }[];
  gaps: { count: number; first: object[]; unmatched: object };
  allows: { analysis: string; possible: boolean; why: string }[];
  advice: { why: string; commands: string[] }[];
}

const folder = tempFolder();

const TRACE = `# tracer: nop
#
# entries-in-buffer/entries-written: 4/4   #P:8
#
             fio-2831    [002] d..1.   912.004381: map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000123456000 size=4096
             fio-2831    [002] d..1.   912.004382: dma_map_phys: 0000:01:00.0 dir=FROM_DEVICE dma_addr=fffff200 size=512 phys_addr=123456200 attrs=
          <idle>-0       [002] d.h2.   912.004611: unmap: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 size=4096 unmapped_size=4096
          <idle>-0       [002] d.h2.   912.004612: dma_unmap_phys: 0000:01:00.0 dir=FROM_DEVICE dma_addr=fffff200 size=512 attrs=
CPU:5 [LOST 1312 EVENTS]
`;

const infoOf = (name: string, content: string | Uint8Array): Info =>
  jsonOf<Info>(dmalab(['info', writeTemp(folder, name, content), '--json']));

test('info counts events by name, losses, and requests', () => {
  const info = infoOf('small.txt', TRACE);
  expect(info.events).toEqual({ map: 1, dma_map_phys: 1, unmap: 1, dma_unmap_phys: 1 });
  expect(info.lost).toBe(1312);
  expect(info.lostUnknown).toBe(false);
  expect(info.unparsed).toBe(0);
  expect(info.requests).toMatchObject({ map: 1, unmap: 1, alloc: 0, free: 0 });
  expect(info.devices.map(({ name }) => name)).toEqual(['0000:01:00.0']);
});

test('info tells where events were lost, per CPU, and what that left without a partner', () => {
  const lost = `CPU:2 [LOST 40 EVENTS]
           fio-2831    [002] d..1.   913.000000: unmap: IOMMU: iova=0x00000000ffffe000 - 0x00000000fffff000 size=4096 unmapped_size=4096
           fio-2831    [002] d..1.   913.000001: dma_unmap_phys: 0000:01:00.0 dir=FROM_DEVICE dma_addr=ffffe000 size=512 attrs=
`;
  const path = writeTemp(folder, 'gaps.txt', `${TRACE}${lost}`);
  const { gaps } = jsonOf<Info>(dmalab(['info', path, '--json']));
  expect(gaps).toMatchObject({
    count: 2,
    first: [
      { cpu: 5, lost: 1312, where: `${path}:9` },
      { cpu: 2, lost: 40, where: `${path}:10` },
    ],
    unmatched: { unmapWithoutMap: 1, stillMapped: 0, acrossLoss: 0 },
  });
  const { stdout } = dmalab(['info', path]);
  expect(stdout).toContain(
    '  lost      1,352 events (CPU 2: 40, CPU 5: 1,312)\n  unparsed  0\n  gaps      2\n',
  );
});

test('info says what a trace does not allow, and the commands that record it', () => {
  const info = infoOf('plain-advice.txt', TRACE);
  expect(info.allows.filter(({ possible }) => possible).map(({ analysis }) => analysis)).toEqual([
    'replay',
    'check sizes, directions and devices',
  ]);
  expect(info.advice.map(({ commands }) => commands)).toEqual([
    [
      'dmalab record --print --buffer-kb 262144 -- WORKLOAD',
      'dmalab record --print --with trace-cmd -- WORKLOAD',
    ],
    ['dmalab record --print -- WORKLOAD'],
    [
      "dmalab record --print -- sh -c 'WORKLOAD; echo 1 > /sys/bus/pci/devices/0000:01:00.0/remove'",
    ],
  ]);
  for (const { commands } of info.advice) {
    for (const command of commands) {
      expect(dmalab(command.split(' ').slice(1)), command).toMatchObject({ code: 0 });
    }
  }
});

test('info counts how surely the domains are known, for a directory of CPUs too', () => {
  const lines = TRACE.split('\n');
  const cpus = join(folder, 'cpus');
  mkdirSync(cpus);
  writeTemp(cpus, 'cpu2.txt', `${lines.slice(0, 8).join('\n')}\n`);
  for (const cpu of [0, 1, 3, 4, 5, 6, 7]) writeTemp(cpus, `cpu${cpu}.txt`, '');
  const info = jsonOf<Info>(dmalab(['info', cpus, '--json']));
  expect(info.attribution).toEqual({ A: 0, B: 2, C: 0, D: 0, E: 0, none: 0 });
  expect(info.lost).toBe(0);
});

test('nobody is told to probe an allocator that is not there, or a layout that cannot be used', () => {
  const direct = TRACE.replace(/^.*IOMMU: .*\n/gm, '').replaceAll('fffff200', '123456200');
  const why = infoOf('direct.txt', direct).advice.map((advice) => advice.why);
  expect(why.join(' ')).not.toMatch(/allocator/);
  const { advice } = jsonOf<Info>(
    dmalab(['info', 'traces/formats-ftrace/trace.raw.txt', '--json']),
  );
  expect(advice.map(({ commands }) => commands[0])).toEqual(['cd /sys/kernel/tracing']);
});

test('a trace without unmaps is told so, and its many inferred domains are counted, not listed', () => {
  const maps = Array.from(
    { length: 40 },
    (_, i) =>
      `           fio-66      [000] .....    3.${String(i).padStart(6, '0')}: map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x00000001234${String(i).padStart(2, '0')}000 size=4096`,
  );
  const path = writeTemp(folder, 'maps.txt', `# tracer: nop\n#\n${maps.join('\n')}\n`);
  const { stdout } = dmalab(['info', path]);
  expect(stdout).toContain('  virtual:16 (inferred)');
  expect(stdout).toContain('  and 24 more that were inferred\n');
  expect(stdout).toContain('no unmap was recorded');
  expect(dmalab(['replay', path]).stdout).toContain('40 maps were recorded and no unmap.');
});

test('a capture that lacks nothing gets no advice', () => {
  const { allows, advice } = jsonOf<Info>(
    dmalab(['info', 'traces/hot-remove/trace.txt.zst', '--json']),
  );
  expect(advice).toEqual([]);
  expect(allows.filter(({ possible }) => !possible).map(({ analysis }) => analysis)).toEqual([
    'check syncs',
    'bounce pool',
  ]);
});

test('losses that only the recorder knows are told', () => {
  const { stdout } = dmalab(['info', 'traces/lossy-small-buffer/trace.nooverwrite.txt.zst']);
  expect(stdout).toContain('lost      2,220 events by the statistics of the recorder');
});

test('info reads gzip, zstd and CRLF alike', () => {
  const plain = infoOf('plain.txt', TRACE);
  for (const [name, content] of [
    ['a.gz', gzipSync(TRACE)],
    ['a.zst', zstdCompressSync(TRACE)],
    ['crlf.txt', TRACE.replaceAll('\n', '\r\n')],
  ] as const) {
    const { events, requests, lost, unparsed } = infoOf(name, content);
    expect({ events, requests, lost, unparsed }).toEqual({
      events: plain.events,
      requests: plain.requests,
      lost: plain.lost,
      unparsed: plain.unparsed,
    });
  }
});

test('info reads standard input', () => {
  const info = jsonOf<Info>(dmalab(['info', '-', '--json'], TRACE));
  expect(info.requests).toMatchObject({ map: 1, unmap: 1 });
});

test('a trace without DMA events is described, but refused by replay', () => {
  const sched =
    '# tracer: nop\n#\n          <idle>-0       [000] d..2.    12.000001: sched_waking: comm=a pid=1 prio=1 target_cpu=0\n';
  const path = writeTemp(folder, 'sched.txt', sched);
  const { code, stdout } = dmalab(['info', path, '--json']);
  expect(code).toBe(0);
  expect((JSON.parse(stdout) as Info).events).toEqual({ sched_waking: 1 });
  const refused = dmalab(['replay', path]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('nothing to replay');
  expect(refused.stderr).toContain('dma:* and iommu:*');
});

test('a control sequence in a process name does not reach the terminal', () => {
  const evil = TRACE.replaceAll('             fio-2831', '      \u001b[31mfio-2831');
  const { stdout } = dmalab(['info', writeTemp(folder, 'evil.txt', evil)]);
  expect(stdout).not.toContain('\u001b');
});

test.each([
  ['a missing file', 'nowhere.txt', /nowhere\.txt: .*no such file/i],
  ['a directory', '.', /director/i],
  ['an empty file', 'empty.txt', /empty\.txt: .*empty/i],
  ['a file that is no trace', 'noise.bin', /noise\.bin:1: UNKNOWN_FORMAT/],
])('%s is an error of one line with exit code 1', (_, name, message) => {
  writeTemp(folder, 'empty.txt', '');
  writeTemp(
    folder,
    'noise.bin',
    Uint8Array.from({ length: 4096 }, (_, i) => (i * 37) & 255),
  );
  mkdirSync(join(folder, 'sub'), { recursive: true });
  const { code, stdout, stderr } = dmalab(['info', join(folder, name), '--json']);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stdout).toBe('');
  expect(code).toBe(1);
});

test('a file that is given twice, or as a copy, is read once', () => {
  const line =
    '           fio-7       [000] ..1.   100.000000: unmap: IOMMU: iova=0x1000 size=1 unmapped_size=1\n';
  const first = writeTemp(folder, 'twice-a.txt', line);
  const copy = writeTemp(folder, 'twice-b.txt', line);
  const { stdout, stderr, code } = dmalab(['info', first, first, copy]);
  expect(code).toBe(0);
  expect(stdout.match(/^ {2}sha256/gm)).toHaveLength(1);
  expect(stderr).toBe(
    `dmalab: ${first}: DUP_INPUT: is given twice; read once\ndmalab: ${copy}: DUP_INPUT: has the same content as ${first}; read once\n`,
  );
});

test('info advises for a kernel whose release begins with no version', () => {
  const recorded = '6.12.107+deb13-amd64\0';
  const named = `${'custom'.padEnd(recorded.length - 1, '-')}\0`;
  const file = readFileSync('traces/formats-perf/perf-callgraph.data', 'latin1');
  const { advice } = infoOf('custom.data', Buffer.from(file.replaceAll(recorded, named), 'latin1'));
  const commands = advice.flatMap((lack) => lack.commands);
  expect(commands).not.toEqual([]);
  expect(commands.filter((command) => command.includes('--kernel'))).toEqual([]);
});
