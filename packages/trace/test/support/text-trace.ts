// Small text traces for tests, and their requests in words.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Capture,
  Flag,
  Op,
  type ReadOptions,
  type RequestBatch,
  readCapture,
} from '@dmalab/trace';

/** One line as the kernel prints it: "task cpu context time body", e.g. "fio-7 0 . 12.5 map: ..."; without flags where the context is "?". */
function line(short: string): string {
  const [task, cpu, context, time, ...body] = short.split(' ');
  const flags = context === '?' ? '' : context === 'Z' ? '..Zff' : `..${context}1.`;
  const [seconds, micros] = (Number(time) / 1e6 + 100).toFixed(6).split('.');
  const [comm, pid] = task!.split('-');
  return `${comm!.padStart(16)}-${pid!.padEnd(7)} [00${cpu}] ${flags} ${seconds!.padStart(5)}.${micros}: ${body.join(' ')}`;
}

/** Reads a trace given as short lines (times in microseconds); lines that begin with # or CPU stay as they are. */
export async function capture(
  shorts: readonly string[],
  options: ReadOptions = {},
  meta?: string,
): Promise<Capture> {
  const directory = mkdtempSync(join(tmpdir(), 'dmalab-test-'));
  try {
    const path = join(directory, 'trace.txt');
    const lines = shorts.map((short) => (/^(#|CPU:)/.test(short) ? short : line(short)));
    writeFileSync(path, `# tracer: nop\n#\n${lines.join('\n')}\n`);
    if (meta !== undefined) writeFileSync(join(directory, 'meta.json'), meta);
    return await readCapture(path, options);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The rows of a stream in words: "map 1 fffff200+512 of dev0" with the flags in parentheses. */
export function words(batches: Iterable<RequestBatch>): string[] {
  const all: string[] = [];
  for (const batch of batches) {
    for (let i = 0; i < batch.length; i++) if (batch.op[i] !== Op.none) all.push(word(batch, i));
  }
  return all;
}

function word(batch: RequestBatch, i: number): string {
  const op = Object.entries(Op).find(([, value]) => value === batch.op[i])![0];
  const address = batch.addressHigh[i]! * 2 ** 32 + batch.addressLow[i]!;
  const flags = Object.entries(Flag)
    .filter(([, bit]) => (batch.flags[i]! & bit) !== 0)
    .map(([name]) => name);
  const suffix = flags.length === 0 ? '' : ` (${flags.join(' ')})`;
  const place = batch.op[i]! >= Op.domainCreate ? '' : ` of ${batch.device[i]}`;
  return `${op} ${batch.id[i]} ${address.toString(16)}+${batch.size[i]}${place} in ${batch.domain[i]}${suffix}`;
}

/** The events of a page map, as a device behind an IOMMU makes them. */
export function mapPage(
  who: string,
  time: number,
  iova: string,
  offset = '000',
  size = 4096,
): string[] {
  const [low, high] = range(iova);
  return [
    `${who} ${time} map: IOMMU: iova=${low} - ${high} paddr=0x0000000012345000 size=4096`,
    `${who} ${time + 1} dma_map_page: dev0 dir=TO_DEVICE dma_addr=${iova}${offset} size=${size} phys_addr=12345${offset} attrs=`,
  ];
}

/** The events of its unmap. */
export function unmapPage(
  who: string,
  time: number,
  iova: string,
  offset = '000',
  size = 4096,
): string[] {
  const [low, high] = range(iova);
  return [
    `${who} ${time} unmap: IOMMU: iova=${low} - ${high} size=4096 unmapped_size=4096`,
    `${who} ${time + 1} dma_unmap_page: dev0 dir=TO_DEVICE dma_addr=${iova}${offset} size=${size} attrs=`,
  ];
}

/** First and exclusive last address of the page with this hexadecimal frame number. */
export function range(iova: string, pages = 1): [string, string] {
  const page = Number.parseInt(iova, 16);
  const print = (at: number): string => `0x${(at * 4096).toString(16).padStart(16, '0')}`;
  return [print(page), print(page + pages)];
}
