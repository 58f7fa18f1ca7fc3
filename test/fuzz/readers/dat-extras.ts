// What few trace.dat files have: descriptions of the kernel's own events, options about time, a text instead of pages.

import { ByteWriter } from '../../../packages/trace/test/support/byte-writer.ts';
import {
  type Format,
  type Machine,
  Records,
} from '../../../packages/trace/test/support/dat-events.ts';
import type { Page } from '../../../packages/trace/test/support/dat-file.ts';
import type { Random } from '../random.ts';
import { bundled, textSeeds } from './text-seeds.ts';

/** A recording with the kernel's own descriptions in front. */
const RECORDING = 'formats-tracecmd/tracecmd-v6.dat.zst';
const FRONT = 2_000_000;
const FORMAT = /name: (\w+)\nID: (\d+)\nformat:\n[\s\S]{1,4000}?\nprint fmt: [^\n]*\n/g;
const KNOWN = /^(?:dma_|swiotlb|alloc_iova|free_iova|iommu|map$|unmap$|attach|io_page|map_sg)/;
const RECORD = 64;
const MAX_ID = 99;

let described: readonly Format[] | null = null;

/** Some descriptions of a 64-bit kernel, ids 1 to 99 in order. */
export function kernelFormats(): readonly Format[] {
  described ??= [...bundled(RECORDING).subarray(0, FRONT).toString('latin1').matchAll(FORMAT)]
    .filter(([, name = '']) => KNOWN.test(name))
    .slice(0, MAX_ID)
    .map(([text, name = ''], i) => ({
      system: /^(?:map|unmap|attach|io_page)/.test(name) ? 'iommu' : 'x',
      text: text.replace(/\nID: \d+\n/, `\nID: ${i + 1}\n`),
    }));
  return described;
}

/** A record of one of these events, with anything in its fields. */
export function anyRecord(machine: Machine, page: Page, random: Random): void {
  const record = new Records(machine).start(1 + random.below(kernelFormats().length));
  const bytes = Buffer.alloc(random.chance(0.9) ? RECORD : 4 * random.below(16));
  for (let at = 0; at < bytes.length; at += 4) {
    bytes.writeUInt32LE(random.pick([0, 1, 4096, RECORD, 0xffff_ffff, random.below(2 ** 32)]), at);
  }
  page.event(random.below(100), record.bytes(bytes).done());
}

/** Options about time, well-formed or nearly so. */
export function timeOptions(machine: Machine, random: Random): [number, Buffer][] {
  const { little } = machine;
  const few = (): number => random.below(3);
  const shift = new ByteWriter(little)
    .u64(7)
    .u32(few())
    .u32(few() + 1);
  for (let cpu = few() + 1; cpu > 0; cpu--) {
    const samples = few() + 1;
    shift.u32(samples);
    for (let i = 0; i < 3 * samples; i++) shift.u64(random.below(2 ** 40));
  }
  for (let left = few(); left > 0; left--) shift.u64(random.below(70));
  const options: [number, Buffer][] = [
    [1, Buffer.from(random.pick(['0x1000', '-5', '18446744073709551615', 'x']))],
    [4, Buffer.from(random.pick(['local [global]', '[x86-tsc]', 'boot', '\0']))],
    [7, Buffer.from(random.pick(['12', '-99999999999', '']))],
    [8, new ByteWriter(little).u32(random.pick([1, 4, 65_535, 2 ** 32 - 1])).done()],
    [12, shift.done()],
    [
      14,
      new ByteWriter(little)
        .u32(random.below(2 ** 32))
        .u32(random.below(70))
        .done(),
    ],
  ];
  return options.filter(() => random.chance(0.3));
}

let texts: readonly Buffer[] | null = null;

/** A text of the kernel behind the front of a file of version 6. */
export function withText(file: Buffer, random: Random): Buffer {
  texts ??= textSeeds(/formats-ftrace\/trace\.(?:latency|default|fields)/).small;
  const front = file.subarray(0, file.indexOf('flyrecord\0'));
  return Buffer.concat([front, Buffer.from('latency  \0'), random.pick(texts)]);
}
