// A few requests are read and replayed before the first trace, so that compiled code is not thrown away.
//
// V8 takes what it has seen of a class for all there is: fields that never changed are constants in compiled code, and the second
// allocator, queue or pairing that is made is where that ends. Without this a process compiles most of its loops again on the
// second machine and on the second trace, which is a fifth of the CPU time of its first three traces (of 40 MB); this takes a
// tenth of a second, which the first process of a batch has while the command line is loaded.

import { summarise, writeResult } from '@dmalab/analysis/results';
import { machineFromFacts, replay } from '@dmalab/replay';
import { openTraceBytes, pairCapture, readingRoom } from '@dmalab/trace';

const TIMES = 2;
const QUEUES = ['strict', 'percpu'];
const REQUESTS = 24;
/** Mappings that are live at a time. */
const LIVE = 8;
const PAGE = 4096;
/** Pages of the requests, in turns. */
const SIZES = [1, 8, 2, 32, 4, 16];
const TOP = 0xfffff;

/** Does it; nothing is read or written outside of memory. */
export async function warmUp(): Promise<void> {
  const bytes = new TextEncoder().encode(traceText());
  for (let time = 0; time < TIMES; time++) {
    const capture = await pairCapture(
      await openTraceBytes('warm-up', bytes, { room: readingRoom() }),
    );
    const { report, facts } = capture;
    for (const name of QUEUES) {
      const machine = machineFromFacts(facts, { flush: { name, parameters: {} } });
      const context = { report, facts, machine, version: '' };
      writeResult(summarise(context, replay(machine, capture)));
    }
    capture.close();
  }
}

/** Maps and unmaps of one device on two CPUs, as ftrace prints them. */
function traceText(): string {
  const lines: string[] = ['# tracer: nop', '#'];
  let time = 100_000_000;
  const add = (cpu: number, event: string): void => {
    time += 7;
    lines.push(
      `             fio-${301 + cpu}     [00${cpu}] .....   ${(time / 1e6).toFixed(6)}: ${event}`,
    );
  };
  for (let i = 0; i < REQUESTS + LIVE; i++) {
    if (i < REQUESTS) map(add, i);
    if (i >= LIVE) unmap(add, i - LIVE);
  }
  return `${lines.join('\n')}\n`;
}

type Add = (cpu: number, event: string) => void;

function map(add: Add, i: number): void {
  const { cpu, pages, bytes, pfn, range } = requestOf(i);
  const phys = (0x1_0000_0000 + 64 * PAGE * i).toString(16);
  add(
    cpu,
    `alloc_iova_fast: (alloc_iova_fast+0x4/0x2c0) ${IOVAD} size=${pages} limit_pfn=0xfffff flush_rcache=0`,
  );
  add(cpu, `alloc_iova_fast_ret: (iommu_dma_alloc_iova+0xd4/0xe0 <- alloc_iova_fast) pfn=0x${pfn}`);
  add(cpu, `map: IOMMU: ${range} paddr=0x${phys.padStart(16, '0')} size=${bytes}`);
  add(
    cpu,
    `dma_map_page: ${DEVICE} dir=TO_DEVICE dma_addr=${pfn}000 size=${bytes} phys_addr=${phys} attrs=`,
  );
}

function unmap(add: Add, i: number): void {
  const { cpu, pages, bytes, pfn, range } = requestOf(i);
  add(cpu, `unmap: IOMMU: ${range} size=${bytes} unmapped_size=${bytes}`);
  add(cpu, `dma_unmap_page: ${DEVICE} dir=TO_DEVICE dma_addr=${pfn}000 size=${bytes} attrs=`);
  add(cpu, `free_iova_fast: (free_iova_fast+0x4/0x140) ${IOVAD} pfn=0x${pfn} size=${pages}`);
}

const DEVICE = '0000:00:04.0';
const IOVAD = 'iovad=0xffff8881015a4408';

function requestOf(i: number): {
  cpu: number;
  pages: number;
  bytes: number;
  pfn: string;
  range: string;
} {
  const pages = SIZES[i % SIZES.length]!;
  const first = TOP + 1 - 32 * ((i % (2 * LIVE)) + 1);
  const wide = (page: number): string => (page * PAGE).toString(16).padStart(16, '0');
  return {
    cpu: i % 2,
    pages,
    bytes: pages * PAGE,
    pfn: first.toString(16),
    range: `iova=0x${wide(first)} - 0x${wide(first + pages)}`,
  };
}
