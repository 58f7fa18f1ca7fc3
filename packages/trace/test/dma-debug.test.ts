// Dumps of dma-debug: on their own, and as the state in which a trace begins.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EventKind, readCapture } from '@dmalab/trace';
import { expect, test } from 'vitest';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import { readText } from './support/read-text.ts';
import { words } from './support/text-trace.ts';

const ENTRY = { kind: EventKind.dmaMap, address: 'fffff200', phys: '12345200', size: 4096 };

test.each([
  [
    '6.12',
    'nvme 0000:00:05.0 single idx 12 P=0x0000000012345200 D=fffff200 L=1000 cln=0x0000000000048d14 DMA_TO_DEVICE dma map error checked',
  ],
  [
    'before 6.12',
    'nvme 0000:00:05.0 scatter-gather idx 12 P=12345200 N=12345 D=fffff200 L=1000 cln=48d14 DMA_TO_DEVICE dma map error check not applicable',
  ],
  [
    '6.1',
    '0000:00:05.0 nvme scather-gather idx 12 P=12345200 N=12345 D=fffff200 L=1000 DMA_TO_DEVICE dma map error not checked',
  ],
])('an entry as Linux %s prints it', async (_, line) => {
  const { rows, reader, codes } = await readText(`${line}\n`);
  expect(reader.format).toBe('dma-debug dump');
  expect(rows).toMatchObject([{ ...ENTRY, device: '0000:00:05.0', direction: 1, line: 1 }]);
  expect(codes).toEqual({});
});

test('a driver may have no name, or one with spaces', async () => {
  const rest =
    'single idx 12 P=0x12345200 D=fffff200 L=1000 cln=0x48d14 DMA_TO_DEVICE dma map error checked';
  const { rows } = await readText(` dev0 ${rest}\nIntel(R) PRO/1000 dev1 ${rest}\n`);
  expect(rows.map(({ device }) => device)).toEqual(['dev0', 'dev1']);
});

const folder = tempFolder();
const HEAD = 'op,time_us,dev,iova,phys,size\n';

function dumpLine(device: string, address: string, length = '1000'): string {
  return `drv ${device} single idx 1 P=0x0000000012345000 D=${address} L=${length} cln=0x1 DMA_TO_DEVICE dma map error checked\n`;
}

async function startOf(trace: string, dump: string): Promise<string[]> {
  writeFileSync(join(folder, 'trace.csv'), HEAD + trace);
  writeFileSync(join(folder, 'dump'), dump);
  const capture = await readCapture(join(folder, 'trace.csv'), {
    initialState: join(folder, 'dump'),
  });
  const rows = words(capture.openStart());
  expect(capture.report.requests.openStart).toBe(rows.length);
  capture.close();
  return rows;
}

const OTHER = 'map,1,dev0,0x90000000,0x5000,4096\n';

test('what the dump shows and the trace never unmaps is live throughout', async () => {
  expect(await startOf(OTHER, dumpLine('dev0', 'fffff000'))).toEqual([
    'map 2 fffff000+4096 of 1 in 1 (openStart openEnd)',
  ]);
});

test('what the trace unmaps without a map is preloaded once', async () => {
  const unmap = 'unmap,2,dev0,0xfffff000,,4096\n';
  expect(await startOf(OTHER + unmap, dumpLine('dev0', 'fffff000'))).toEqual([
    'map 2 fffff000+4096 of 1 in 1 (synthetic openStart)',
  ]);
});

test('what the trace maps itself was dumped after it began', async () => {
  expect(await startOf(OTHER, dumpLine('dev0', '90000000'))).toEqual([]);
});

test('a device that only the dump names', async () => {
  expect(await startOf(OTHER, dumpLine('dev1', '90000000'))).toEqual([
    'map 2 90000000+4096 of 2 in 2 (openStart openEnd)',
  ]);
});

test('an empty dump says nothing, another file is refused', async () => {
  expect(await startOf(OTHER, '')).toEqual([]);
  await expect(startOf(OTHER, HEAD + OTHER)).rejects.toThrow(
    /UNKNOWN_FORMAT: expected a dma-debug dump, found CSV/,
  );
});
