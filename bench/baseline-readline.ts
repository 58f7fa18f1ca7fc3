// What a careful script with readline and regular expressions makes of a trace: the yardstick of read.ts.
//
// It takes the same fields out of each line as the reader does (time, CPU, thread, task, context, and
// the fields of the map, unmap, dma_* and probe events), but not more: no exact 64-bit addresses,
// no interning, no checks, no diagnostics, no hash of the file.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** One row as such a script keeps it. */
interface Row {
  time: number;
  cpu: number;
  tid: number;
  task: string;
  context: string;
  name: string;
  device: string;
  address: number;
  phys: number;
  size: number;
  aux: number;
  aux2: number;
  direction: string;
  token: string;
}

const LINE =
  /^\s*(.{1,15}?)-(\d+)\s+(?:\(\s*[-\d]+\)\s+)?\[(\d+)\]\s+(?:(\S{4,8})\s+)?(\d+)\.(\d+): (\w+): (.*)$/;
const MAP = /^IOMMU: iova=0x([0-9a-f]+)(?: - 0x[0-9a-f]+)? paddr=0x([0-9a-f]+) size=(\d+)/;
const UNMAP = /^IOMMU: iova=0x([0-9a-f]+)(?: - 0x[0-9a-f]+)? size=(\d+) unmapped_size=(\d+)/;
const DMA_MAP =
  /^(\S+) dir=(\w+) dma_addr=([0-9a-f]+) size=(\d+) phys_addr=([0-9a-f]+) attrs=(\S*)/;
const DMA_UNMAP = /^(\S+) dir=(\w+) dma_addr=([0-9a-f]+) size=(\d+) attrs=(\S*)/;
const DMA_ALLOC = /^(\S+) (?:dir=(\w+) )?dma_addr=([0-9a-f]+) size=(\d+) virt_addr=(\S+)/;
const LISTS =
  /^(\S+) dir=(\w+) (?:nents=\d+\/(\d+) ents=\d+\/(\d+) )?(?:dma_addrs=\{([^}]*)\} sizes=\{([^}]*)\} )?(?:phys_addrs=\{([^}]*)\})?/;
const ARGUMENT = /(\w+)=("[^"]*"|\S+)/g;

/** Reads a plain ftrace text; returns its events by name and a sum over the fields. */
export async function readByLines(
  path: string,
): Promise<{ events: Map<string, number>; sum: number }> {
  const events = new Map<string, number>();
  let sum = 0;
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  lines.on('line', (line) => {
    const row = parseLine(line);
    if (row === null) return;
    events.set(row.name, (events.get(row.name) ?? 0) + 1);
    sum += row.size + row.aux;
  });
  await new Promise((resolve) => lines.on('close', resolve));
  return { events, sum };
}

function parseLine(line: string): Row | null {
  const match = LINE.exec(line);
  if (match === null) return null;
  const row: Row = {
    time: Number(match[5]) * 1e9 + Number(match[6]) * 1e3,
    cpu: Number(match[3]),
    tid: Number(match[2]),
    task: match[1]!,
    context: match[4]?.[2] ?? '',
    name: match[7]!,
    device: '',
    address: 0,
    phys: 0,
    size: 0,
    aux: 0,
    aux2: 0,
    direction: '',
    token: '',
  };
  parsePayload(row, match[8]!);
  return row;
}

function parsePayload(row: Row, payload: string): void {
  if (payload.startsWith('(')) {
    parseProbe(row, payload);
    return;
  }
  switch (row.name) {
    case 'map': {
      const map = MAP.exec(payload);
      if (map === null) return;
      row.address = Number.parseInt(map[1]!, 16);
      row.phys = Number.parseInt(map[2]!, 16);
      row.size = Number(map[3]);
      return;
    }
    case 'unmap': {
      const unmap = UNMAP.exec(payload);
      if (unmap === null) return;
      row.address = Number.parseInt(unmap[1]!, 16);
      row.size = Number(unmap[2]);
      row.aux = Number(unmap[3]);
      return;
    }
    case 'dma_map_page':
    case 'dma_map_phys': {
      const map = DMA_MAP.exec(payload);
      if (map === null) return;
      row.device = map[1]!;
      row.direction = map[2]!;
      row.address = Number.parseInt(map[3]!, 16);
      row.size = Number(map[4]);
      row.phys = Number.parseInt(map[5]!, 16);
      return;
    }
    case 'dma_unmap_page':
    case 'dma_unmap_phys': {
      const unmap = DMA_UNMAP.exec(payload);
      if (unmap === null) return;
      row.device = unmap[1]!;
      row.direction = unmap[2]!;
      row.address = Number.parseInt(unmap[3]!, 16);
      row.size = Number(unmap[4]);
      return;
    }
    case 'dma_alloc':
    case 'dma_free': {
      const alloc = DMA_ALLOC.exec(payload);
      if (alloc === null) return;
      row.device = alloc[1]!;
      row.direction = alloc[2] ?? '';
      row.address = Number.parseInt(alloc[3]!, 16);
      row.size = Number(alloc[4]);
      row.token = alloc[5]!;
      return;
    }
    case 'dma_map_sg':
    case 'dma_unmap_sg': {
      const lists = LISTS.exec(payload);
      if (lists === null) return;
      row.device = lists[1]!;
      row.direction = lists[2]!;
      row.aux = Number(lists[3] ?? 0);
      row.aux2 = Number(lists[4] ?? 0);
      row.address = hexList(lists[5])[0] ?? 0;
      for (const size of hexList(lists[6])) row.size += size;
      row.phys = hexList(lists[7])[0] ?? 0;
      return;
    }
  }
}

function hexList(list: string | undefined): number[] {
  return list ? list.split(',').map((item) => Number.parseInt(item, 16)) : [];
}

function parseProbe(row: Row, payload: string): void {
  for (const [, key, value] of payload.matchAll(ARGUMENT)) {
    switch (key) {
      case 'iovad':
      case 'domain':
      case 'cookie':
      case 'timer':
        row.token = value!;
        break;
      case 'dev':
        row.device = value!;
        break;
      case 'size':
        row.size = Number(value);
        break;
      case 'dma_addr':
        row.address = Number(value);
        break;
      case 'pfn':
      case 'pfn_lo':
      case 'limit_pfn':
      case 'dma_limit':
        row.aux = Number(value);
        break;
      case 'pfn_hi':
      case 'flush_rcache':
        row.aux2 = Number(value);
        break;
    }
  }
}
