// Format descriptions and records of a few events, for kernels of either byte order and size of a long.

import { ByteWriter } from './byte-writer.ts';

/** What a kernel's records depend on. */
export interface Machine {
  readonly little: boolean;
  readonly longSize: 4 | 8;
}

const COMMON = [
  'field:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;',
  'field:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;',
  'field:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;',
  'field:int common_pid;\toffset:4;\tsize:4;\tsigned:1;',
  '',
];

/** One event: its system, and the text of its format file. */
export interface Format {
  readonly system: string;
  readonly text: string;
}

/** Ids of the described events. */
export const Id = { print: 5, map: 100, unmap: 101, mapSg: 102, alloc: 103, sync: 104 } as const;

/** The described events: iommu:map and unmap, dma_map_sg, a probe, one with __rel_loc, ftrace:print. */
export function formats({ longSize }: Machine): Format[] {
  const long = `size:${longSize}`;
  const end = 24 + longSize;
  return [
    format('ftrace', 'print', Id.print, [
      `field:unsigned long ip;\toffset:8;\t${long};\tsigned:0;`,
      `field:char buf[];\toffset:${8 + longSize};\tsize:0;\tsigned:0;`,
    ]),
    format('iommu', 'map', Id.map, [
      'field:u64 iova;\toffset:8;\tsize:8;\tsigned:0;',
      'field:u64 paddr;\toffset:16;\tsize:8;\tsigned:0;',
      `field:size_t size;\toffset:24;\t${long};\tsigned:0;`,
    ]),
    format('iommu', 'unmap', Id.unmap, [
      'field:u64 iova;\toffset:8;\tsize:8;\tsigned:0;',
      `field:size_t size;\toffset:16;\t${long};\tsigned:0;`,
      `field:size_t unmapped_size;\toffset:${16 + longSize};\t${long};\tsigned:0;`,
    ]),
    format('dma', 'dma_map_sg', Id.mapSg, [
      'field:__data_loc char[] device;\toffset:8;\tsize:4;\tsigned:0;',
      'field:int full_nents;\toffset:12;\tsize:4;\tsigned:1;',
      'field:int full_ents;\toffset:16;\tsize:4;\tsigned:1;',
      'field:bool truncated;\toffset:20;\tsize:1;\tsigned:0;',
      'field:__data_loc u64[] phys_addrs;\toffset:24;\tsize:4;\tsigned:0;',
      'field:__data_loc u64[] dma_addrs;\toffset:28;\tsize:4;\tsigned:0;',
      'field:__data_loc unsigned int[] lengths;\toffset:32;\tsize:4;\tsigned:0;',
      'field:enum dma_data_direction dir;\toffset:36;\tsize:4;\tsigned:0;',
    ]),
    format('dmat', 'alloc_iova_fast', Id.alloc, [
      `field:unsigned long __probe_ip;\toffset:8;\t${long};\tsigned:0;`,
      `field:u64 iovad;\toffset:${8 + longSize};\tsize:8;\tsigned:0;`,
      `field:u64 size;\toffset:${16 + longSize};\tsize:8;\tsigned:0;`,
      `field:u64 limit_pfn;\toffset:${end};\tsize:8;\tsigned:0;`,
      `field:u8 flush_rcache;\toffset:${end + 8};\tsize:1;\tsigned:0;`,
    ]),
    format('dma', 'dma_sync_single_for_device', Id.sync, [
      'field:__rel_loc char[] device;\toffset:8;\tsize:4;\tsigned:0;',
      'field:u64 dma_addr;\toffset:16;\tsize:8;\tsigned:0;',
      `field:size_t size;\toffset:24;\t${long};\tsigned:0;`,
      `field:enum dma_data_direction dir;\toffset:${end};\tsize:4;\tsigned:0;`,
    ]),
  ];
}

function format(system: string, name: string, id: number, fields: readonly string[]): Format {
  const lines = [...COMMON, ...fields].map((line) => (line === '' ? '' : `\t${line}`));
  const text = `name: ${name}\nID: ${id}\nformat:\n${lines.join('\n')}\n\nprint fmt: "%d", REC->x\n`;
  return { system, text };
}

/** Records of the described events. */
export class Records {
  private readonly machine: Machine;
  private readonly pid: number;
  private readonly flags: number;

  constructor(machine: Machine, pid = 300, flags = 0) {
    this.machine = machine;
    this.pid = pid;
    this.flags = flags;
  }

  map(iova: bigint, paddr: bigint, size: number): Buffer {
    return this.start(Id.map).u64(iova).u64(paddr).long(size, this.machine.longSize).pad(4).done();
  }

  unmap(iova: bigint, size: number): Buffer {
    const { longSize } = this.machine;
    return this.start(Id.unmap).u64(iova).long(size, longSize).long(size, longSize).done();
  }

  /** Two physical segments that became one. */
  mapSg(device: string, phys: readonly bigint[], address: bigint, length: number): Buffer {
    const name = Buffer.from(`${device}\0`);
    const names = 40 + Math.ceil(name.length / 4) * 4;
    const writer = this.start(Id.mapSg)
      .u32((name.length << 16) | 40)
      .u32(phys.length)
      .u32(1)
      .u32(0)
      .u32(((8 * phys.length) << 16) | names)
      .u32((8 << 16) | (names + 8 * phys.length))
      .u32((4 << 16) | (names + 8 * phys.length + 8))
      .u32(2);
    writer.bytes(name).pad(4);
    for (const at of phys) writer.u64(at);
    return writer.u64(address).u32(length).done();
  }

  alloc(iovad: bigint, pages: number, limitPfn: number): Buffer {
    const writer = this.start(Id.alloc).long(0x8100_0000, this.machine.longSize);
    return writer.u64(iovad).u64(pages).u64(limitPfn).u8(1).pad(4).done();
  }

  sync(device: string, address: bigint, size: number): Buffer {
    const { longSize } = this.machine;
    const name = Buffer.from(`${device}\0`);
    const place = 24 + longSize + 4 - 12;
    const writer = this.start(Id.sync)
      .u32((name.length << 16) | place)
      .u32(0);
    return writer.u64(address).long(size, longSize).u32(1).bytes(name).pad(4).done();
  }

  marker(ip: number, text: string): Buffer {
    return this.start(Id.print).long(ip, this.machine.longSize).text(`${text}\0`).pad(4).done();
  }

  /** A record of any id with nothing but the common fields. */
  start(id: number): ByteWriter {
    return new ByteWriter(this.machine.little).u16(id).u8(this.flags).u8(0).u32(this.pid);
  }
}
