import { mkdirSync } from 'node:fs';
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
  devices: { name: string }[];
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
