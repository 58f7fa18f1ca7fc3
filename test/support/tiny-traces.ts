// Tiny traces for tests of batches: some maps and unmaps of one device, in the words of the kernel.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The text of a trace with `maps` maps, each unmapped again; different for each `seed`. */
export function tinyTrace(maps: number, seed: number): string {
  const lines = ['# tracer: nop', '#', '# entries-in-buffer/entries-written: 0/0   #P:2', '#'];
  for (let i = 0; i < maps; i++) {
    const page = 0x1000 * (16 + ((i * 7 + seed) % 200));
    const size = 0x1000 * (1 + ((i + seed) % 4));
    const iova = 0xfff00000 - 0x8000 * (i % 20);
    lines.push(
      line(
        i * 200,
        `dma_map_page: 0000:00:02.0 dir=FROM_DEVICE dma_addr=${hex(iova)} size=${size} phys_addr=${hex(page)} attrs=`,
      ),
    );
    lines.push(
      line(
        i * 200 + 100 + seed,
        `dma_unmap_page: 0000:00:02.0 dir=FROM_DEVICE dma_addr=${hex(iova)} size=${size} attrs=`,
      ),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Writes `count` of them below `folder`, in folders of ten. */
export function writeTinyTraces(folder: string, count: number, maps = 40): string[] {
  return Array.from({ length: count }, (_, i) => {
    const path = `host${Math.floor(i / 10)}/t${i}.txt`;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), tinyTrace(maps + (i % 7), i));
    return path;
  });
}

function line(us: number, event: string): string {
  const time = `10.${String(us).padStart(6, '0')}`;
  return `          fio-100     [000] .....    ${time}: ${event}`;
}

function hex(value: number): string {
  return value.toString(16);
}
