import { EventKind, Flag } from '@dmalab/trace';
import { describe, expect, test } from 'vitest';
import { eventLine, readText } from './support/read-text.ts';

const GOLDEN = `# tracer: nop
#
# entries-in-buffer/entries-written: 4/4   #P:8
#
             fio-2831    [002] d..1.   912.004381: map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000123456000 size=4096
             fio-2831    [002] d..1.   912.004382: dma_map_phys: 0000:01:00.0 dir=FROM_DEVICE dma_addr=fffff200 size=512 phys_addr=123456200 attrs=
          <idle>-0       [002] d.h2.   912.004611: unmap: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 size=4096 unmapped_size=4096
          <idle>-0       [002] d.h2.   912.004612: dma_unmap_phys: 0000:01:00.0 dir=FROM_DEVICE dma_addr=fffff200 size=512 attrs=
CPU:5 [LOST 1312 EVENTS]
`;

describe('the default layout', () => {
  test('gives each event its time, CPU, thread, task and context', async () => {
    const { rows, counts, reader } = await readText(GOLDEN);
    expect(reader.format).toBe('ftrace text');
    expect(rows.map(({ time }) => time)).toEqual([0, 1000, 230_000, 231_000, 231_000]);
    expect(rows[0]).toMatchObject({ cpu: 2, tid: 2831, task: 'fio', context: '.', line: 5 });
    expect(rows[2]).toMatchObject({ cpu: 2, tid: 0, task: '<idle>', context: 'h', line: 7 });
    expect(counts).toMatchObject({ lines: 9, unparsed: 0, headerCpus: 8, maxCpu: 2 });
    expect(counts).toMatchObject({ firstTime: 912_004_381_000, lastTime: 912_004_612_000 });
    expect(counts.resolution).toBe(1000);
  });

  test('gives each event its fields', async () => {
    const { rows } = await readText(GOLDEN);
    expect(rows[0]).toMatchObject({ kind: EventKind.iommuMap, address: 'fffff000' });
    expect(rows[0]).toMatchObject({ phys: '123456000', size: 4096 });
    expect(rows[1]).toMatchObject({ kind: EventKind.dmaMap, device: '0000:01:00.0' });
    expect(rows[1]).toMatchObject({ address: 'fffff200', size: 512, direction: 2 });
    expect(rows[2]).toMatchObject({ kind: EventKind.iommuUnmap, size: 4096, aux: 4096 });
    expect(rows[3]).toMatchObject({ kind: EventKind.dmaUnmap, address: 'fffff200' });
  });

  test('is read alike with a tgid column, before or after the CPU, and with other flag widths', async () => {
    const body = 'unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096';
    const { rows, codes } = await readText(
      `${[
        `            init-1       (      1) [001] .....    43.224072: ${body}`,
        `          <idle>-0       (-------) [001] ..s1.    43.224073: ${body}`,
        `          <idle>-0     [001] (-----) ..s1    43.224074: ${body}`,
        `            init-1       [001]     43.224075: ${body}`,
        `            init-1     [001] d..h1.12    43.224076: ${body}`,
      ].join('\n')}\n`,
    );
    expect(rows.map(({ cpu, tid, context, address }) => [cpu, tid, context, address])).toEqual([
      [1, 1, '.', '1000'],
      [1, 0, 's', '1000'],
      [1, 0, 's', '1000'],
      [1, 1, '', '1000'],
      [1, 1, '.', '1000'],
    ]);
    expect(codes).toEqual({});
  });

  test('takes a comm with spaces, dashes, brackets or a whole fake prefix from its 16 bytes', async () => {
    const names = ['a b-c [0]', 'x-12 [000] 1.0:', '-1 [2]', 'ends in space '];
    const lines = names.map(
      (name) =>
        `${name.padStart(16)}-4242    [001] .....    43.224075: unmap: IOMMU: iova=0x1000 size=1 unmapped_size=1`,
    );
    const { rows } = await readText(`${lines.join('\n')}\n`);
    expect(rows.map(({ task, tid }) => [task, tid])).toEqual(names.map((name) => [name, 4242]));
  });

  test('is found behind another indentation, which is reported', async () => {
    const { rows, codes } = await readText(
      'kworker/u8:1-77   [002] d..1.   912.004381: unmap: IOMMU: iova=0x1000 size=1 unmapped_size=1\n',
    );
    expect(rows[0]).toMatchObject({ task: 'kworker/u8:1', tid: 77, cpu: 2 });
    expect(codes).toEqual({ REINDENTED: 1 });
  });
});

describe('time', () => {
  test('is exact for clocks that count from 1970', async () => {
    const { rows } = await readText(
      eventLine('a: 1', '1795212769.076068') + eventLine('a: 1', '1795212769.076069'),
    );
    expect(rows[1]!.time).toBe(1000);
  });

  test('without a decimal point is a number of ticks, which is reported', async () => {
    const { rows, counts, codes } = await readText(
      eventLine('a: 1', '4') + eventLine('a: 1', '642'),
    );
    expect(rows[1]!.time).toBe(638);
    expect(codes).toEqual({ TICK_CLOCK: 1 });
    expect(counts.resolution).toBe(0);
  });

  test('with nine decimals is exact to the ns', async () => {
    const { rows, counts } = await readText(
      eventLine('a: 1', '8.198704703') + eventLine('a: 1', '8.198704710'),
    );
    expect(rows[1]!.time).toBe(7);
    expect(counts.resolution).toBe(1);
  });

  test('goes on after a reset, behind a row that begins a new segment', async () => {
    const { rows, codes } = await readText(
      eventLine('a: 1', '900.000000') +
        eventLine('a: 1', '901.000000') +
        eventLine('a: 1', '5.000000') +
        eventLine('a: 1', '5.000001'),
    );
    expect(rows.map(({ kind, time }) => [kind, time])).toEqual([
      [EventKind.other, 0],
      [EventKind.other, 1e9],
      [EventKind.segment, 1e9],
      [EventKind.other, 1e9],
      [EventKind.other, 1e9 + 1000],
    ]);
    expect(codes).toEqual({ TIME_RESET: 1 });
  });

  test('begins a new segment at a header in mid-file', async () => {
    const { rows, codes } = await readText(GOLDEN + GOLDEN);
    expect(rows.map(({ kind }) => kind).filter((kind) => kind === EventKind.segment)).toHaveLength(
      1,
    );
    expect(rows.at(-1)!.time).toBe(462_000);
    expect(codes).toEqual({ MULTI_SEGMENT: 1 });
  });

  test('that goes back on one CPU keeps the order of the file and is reported', async () => {
    const { rows, codes } = await readText(
      eventLine('a: 1', '900.000009') + eventLine('a: 1', '900.000007'),
    );
    expect(rows.map(({ time }) => time)).toEqual([0, -2000]);
    expect(codes).toEqual({ TIME_BACKWARDS: 1 });
  });
});

describe('losses', () => {
  test('are rows, counted for their CPU, and flag the next event of it', async () => {
    const { rows, counts } = await readText(
      `${eventLine('a: 1')}CPU:3 [LOST 37 EVENTS]\nCPU:2 [LOST EVENTS]\n${eventLine('a: 1')}${eventLine('a: 1')}`,
    );
    expect(rows.map(({ kind, cpu, aux }) => [kind, cpu, aux])).toEqual([
      [EventKind.other, 3, 0],
      [EventKind.lost, 3, 37],
      [EventKind.lost, 2, 0],
      [EventKind.other, 3, 0],
      [EventKind.other, 3, 0],
    ]);
    expect(rows.map(({ flags }) => flags)).toEqual([0, 0, 0, Flag.lossBefore, 0]);
    expect(counts).toMatchObject({ lost: 37, lostUnknown: true });
    expect([...counts.lostByCpu]).toEqual([
      [3, 37],
      [2, 0],
    ]);
  });

  test('before the start are the difference of the two numbers in the header', async () => {
    const { rows, counts } = await readText(
      `# tracer: nop\n#\n# entries-in-buffer/entries-written: 9728/12144   #P:4\n${eventLine('a: 1')}`,
    );
    expect(rows[0]).toMatchObject({ kind: EventKind.lost, cpu: 65_535, aux: 2416, time: 0 });
    expect([...counts.lostByCpu]).toEqual([[-1, 2416]]);
    expect(counts.lostUnknown).toBe(false);
  });

  test('are told from a buffer that just begins later', async () => {
    const { rows, counts } = await readText(
      `# tracer: nop\n##### CPU 2 buffer started ####\n${eventLine('a: 1')}`,
    );
    expect(rows[0]).toMatchObject({ kind: EventKind.bufferStart, cpu: 2 });
    expect(counts.lost).toBe(0);
  });

  test('of one event show in a line that was too big for the kernel', async () => {
    const { counts, codes } = await readText(
      eventLine('a: 1') +
        eventLine('dma_map_sg: 0000:00:04.0 dir=TO_DEVICE dma_addrs={0x1000,0x[LINE TOO BIG]') +
        '[LINE TOO BIG]\n',
    );
    expect(counts).toMatchObject({ lost: 2, unparsed: 0 });
    expect(codes).toEqual({ LINE_TOO_BIG: 2 });
  });
});

describe('lines that are no events', () => {
  test('of stack traces and of the function tracer are passed over and counted', async () => {
    const { rows, counts, codes } = await readText(
      `${eventLine('a: 1')}${eventLine('<stack trace>')} => dma_map_page_attrs\n => 0xffff\n${eventLine('alloc_iova_fast <-iommu_dma_alloc_iova')}`,
    );
    expect(rows).toHaveLength(1);
    expect(counts.unparsed).toBe(0);
    expect(codes).toEqual({ STACK_TRACE: 3, FUNCTION_TRACE: 1 });
  });

  test('belong to the marker before them', async () => {
    const { rows, counts } = await readText(
      `${eventLine('tracing_mark_write: two')}lines of text\n\n${eventLine('a: 1')}`,
    );
    expect(rows.map(({ kind }) => kind)).toEqual([EventKind.mark, EventKind.other]);
    expect(counts.unparsed).toBe(0);
  });

  test('without values or times are counted, with how to record the default layout', async () => {
    const { counts, codes } = await readText(
      '# tracer: nop\n#\n1 2 8198535411 type: 1260\nmap: IOMMU: iova=0x0\n',
    );
    expect(counts.unparsed).toBe(0);
    expect(codes).toEqual({ RAW_TEXT_UNSUPPORTED: 1, NO_TIME: 1 });
    expect(counts.diagnostics[0]!.message).toContain('noraw');
  });
});
