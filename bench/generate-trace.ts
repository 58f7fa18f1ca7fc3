// Synthetic traces of any size: what ftrace prints while an NVMe disk reads and writes behind an IOMMU.
//
// Four CPUs map and unmap buffers of 4 to 128 KiB through a lazy domain; the mix of events, the widths of
// all columns and the reuse of addresses are those of the bundled captures, the addresses are not
// those that a kernel would choose. Same seed, same bytes.

const CPUS = 4;
const BLOCK = 1 << 18;
const PAGE = 4096;
const DEVICE = '0000:00:04.0';
const IOVAD = '0xffff8881015a4408';
const HEADER = `# tracer: nop
#
# entries-in-buffer/entries-written: 0/0   #P:${CPUS}
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`;

interface Mapping {
  pfn: number;
  pages: number;
  direction: string;
}

/** Text of about `bytes` bytes, in blocks of some 256 KiB. */
export function* generateTrace(bytes: number, seed: number): Generator<string, void, undefined> {
  const random = seeded(seed);
  const free: number[][] = [[], [], [], [], [], []];
  const live: Mapping[] = [];
  let nextPfn = 0xfffff;
  let time = 19_614_697;
  let text = HEADER;
  let made = 0;

  const line = (cpu: number, flags: string, event: string): void => {
    time += 1 + Math.floor(random() * 6);
    const seconds = Math.floor(time / 1e6);
    const stamp = `${String(seconds).padStart(5)}.${String(time % 1e6).padStart(6, '0')}`;
    text += `             fio-${String(301 + cpu).padEnd(7)} [00${cpu}] ${flags} ${stamp.padStart(12)}: ${event}\n`;
  };

  while (made + text.length < bytes) {
    const cpu = Math.floor(random() * CPUS);
    if (live.length > 32 && random() < live.length / 256) {
      const [mapping] = live.splice(Math.floor(random() * live.length), 1);
      unmap(line, cpu, mapping!);
      free[Math.log2(mapping!.pages)]!.push(mapping!.pfn);
    } else {
      const order = Math.floor(random() * 6);
      const pages = 1 << order;
      let pfn = free[order]!.pop();
      if (pfn === undefined) {
        nextPfn = Math.floor((nextPfn - pages + 1) / pages) * pages - 1;
        pfn = nextPfn + 1;
      }
      const direction = random() < 0.5 ? 'TO_DEVICE' : 'FROM_DEVICE';
      const phys = 0x1_0000_0000 + PAGE * Math.floor(random() * 0x8_0000);
      map(line, cpu, { pfn, pages, direction }, phys);
      live.push({ pfn, pages, direction });
    }
    if (text.length < BLOCK) continue;
    made += text.length;
    yield text;
    text = '';
  }
  yield text;
}

type Line = (cpu: number, flags: string, event: string) => void;

function map(line: Line, cpu: number, mapping: Mapping, phys: number): void {
  const { pfn, pages, direction } = mapping;
  const bytes = pages * PAGE;
  const hex = pfn.toString(16);
  line(
    cpu,
    '...1.',
    `alloc_iova_fast: (alloc_iova_fast+0x4/0x2c0) iovad=${IOVAD} size=${pages} limit_pfn=0xfffff flush_rcache=0`,
  );
  line(
    cpu,
    '...1.',
    `alloc_iova_fast_ret: (iommu_dma_alloc_iova+0xd4/0xe0 <- alloc_iova_fast) pfn=0x${hex}`,
  );
  line(cpu, '.....', `map: IOMMU: ${range(pfn, bytes)} paddr=0x${wide(phys)} size=${bytes}`);
  line(
    cpu,
    '.....',
    `dma_map_page: ${DEVICE} dir=${direction} dma_addr=${hex}000 size=${bytes} phys_addr=${phys.toString(16)} attrs=`,
  );
}

function unmap(line: Line, cpu: number, mapping: Mapping): void {
  const { pfn, pages, direction } = mapping;
  const bytes = pages * PAGE;
  const hex = pfn.toString(16);
  line(cpu, 'd.h..', `unmap: IOMMU: ${range(pfn, bytes)} size=${bytes} unmapped_size=${bytes}`);
  line(
    cpu,
    'd.h..',
    `dma_unmap_page: ${DEVICE} dir=${direction} dma_addr=${hex}000 size=${bytes} attrs=`,
  );
  line(
    cpu,
    'd.h1.',
    `free_iova_fast: (free_iova_fast+0x4/0x140) iovad=${IOVAD} pfn=0x${hex} size=${pages}`,
  );
}

function range(pfn: number, bytes: number): string {
  return `iova=0x${wide(pfn * PAGE)} - 0x${wide(pfn * PAGE + bytes)}`;
}

function wide(address: number): string {
  return address.toString(16).padStart(16, '0');
}

/** Numbers in [0, 1) from a 32-bit state. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
