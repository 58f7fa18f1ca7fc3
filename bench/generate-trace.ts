// Synthetic traces of any size: what ftrace prints while NVMe disks read and write behind an IOMMU.
//
// Some CPUs map and unmap buffers of 4 to 128 KiB through lazy domains, one for each device; the mix of events, the
// widths of all columns and the reuse of addresses are those of the bundled captures, the addresses are not
// those that a kernel would choose. Same seed and shape, same bytes.

const BLOCK = 1 << 18;
const PAGE = 4096;
/** Of a domain below 4 GiB, and of one of 48 bits, in pages. */
const LOW_TOP = 0xfffff;
const HIGH_TOP = 2 ** 36 - 1;
/** Live mappings that surely fit below 4 GiB. */
const MOST_LOW = 4096;

/** What a trace is of. */
export interface TraceShape {
  readonly cpus: number;
  readonly devices: number;
  /** Mappings that are live at a time, once there were as many. */
  readonly live: number;
}

const FOUR_CPUS: TraceShape = { cpus: 4, devices: 1, live: 128 };

interface Mapping {
  device: number;
  pfn: number;
  pages: number;
  direction: string;
}

/** Text of about `bytes` bytes, in blocks of some 256 KiB. */
export function* generateTrace(
  bytes: number,
  seed: number,
  { cpus, devices, live: most }: TraceShape = FOUR_CPUS,
): Generator<string, void, undefined> {
  const random = seeded(seed);
  const free: number[][] = [[], [], [], [], [], []];
  // Packed, for millions of them: pfn, order, direction and device in one double.
  const live: number[] = [];
  const top = most > MOST_LOW ? HIGH_TOP : LOW_TOP;
  let nextPfn = top;
  let time = 19_614_697;
  let text = headerOf(cpus);
  let made = 0;

  const line = (cpu: number, flags: string, event: string): void => {
    time += 1 + Math.floor(random() * 6);
    const seconds = Math.floor(time / 1e6);
    const stamp = `${String(seconds).padStart(5)}.${String(time % 1e6).padStart(6, '0')}`;
    text += `             fio-${String(301 + cpu).padEnd(7)} [${String(cpu).padStart(3, '0')}] ${flags} ${stamp.padStart(12)}: ${event}\n`;
  };

  while (made + text.length < bytes) {
    const cpu = Math.floor(random() * cpus);
    if (live.length >= most || (live.length > most / 4 && random() < live.length / (2 * most))) {
      const at = Math.floor(random() * live.length);
      const mapping = unpacked(live[at]!, devices);
      live[at] = live.at(-1)!;
      live.pop();
      unmap(line, cpu, mapping);
      free[Math.log2(mapping.pages)]!.push(mapping.pfn);
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
      const device = devices === 1 ? 0 : Math.floor(random() * devices);
      const mapping = { device, pfn, pages, direction };
      map(line, cpu, mapping, phys, top);
      live.push(packed(mapping, order, devices));
    }
    if (text.length < BLOCK) continue;
    made += text.length;
    yield text;
    text = '';
  }
  yield text;
}

type Line = (cpu: number, flags: string, event: string) => void;

function map(line: Line, cpu: number, mapping: Mapping, phys: number, top: number): void {
  const { device, pfn, pages, direction } = mapping;
  const bytes = pages * PAGE;
  const hex = pfn.toString(16);
  line(
    cpu,
    '...1.',
    `alloc_iova_fast: (alloc_iova_fast+0x4/0x2c0) iovad=${iovadOf(device)} size=${pages} limit_pfn=0x${top.toString(16)} flush_rcache=0`,
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
    `dma_map_page: ${deviceOf(device)} dir=${direction} dma_addr=${hex}000 size=${bytes} phys_addr=${phys.toString(16)} attrs=`,
  );
}

function unmap(line: Line, cpu: number, mapping: Mapping): void {
  const { device, pfn, pages, direction } = mapping;
  const bytes = pages * PAGE;
  const hex = pfn.toString(16);
  line(cpu, 'd.h..', `unmap: IOMMU: ${range(pfn, bytes)} size=${bytes} unmapped_size=${bytes}`);
  line(
    cpu,
    'd.h..',
    `dma_unmap_page: ${deviceOf(device)} dir=${direction} dma_addr=${hex}000 size=${bytes} attrs=`,
  );
  line(
    cpu,
    'd.h1.',
    `free_iova_fast: (free_iova_fast+0x4/0x140) iovad=${iovadOf(device)} pfn=0x${hex} size=${pages}`,
  );
}

function packed({ device, pfn, direction }: Mapping, order: number, devices: number): number {
  return ((pfn * 8 + order) * 2 + (direction === 'TO_DEVICE' ? 1 : 0)) * devices + device;
}

function unpacked(value: number, devices: number): Mapping {
  const device = value % devices;
  const rest = Math.floor(value / devices);
  return {
    device,
    pfn: Math.floor(rest / 16),
    pages: 1 << (Math.floor(rest / 2) % 8),
    direction: rest % 2 === 1 ? 'TO_DEVICE' : 'FROM_DEVICE',
  };
}

function deviceOf(device: number): string {
  return `0000:00:${(4 + device).toString(16).padStart(2, '0')}.0`;
}

function iovadOf(device: number): string {
  return `0xffff8881${(0x015a4408 + 0x2000 * device).toString(16).padStart(8, '0')}`;
}

function headerOf(cpus: number): string {
  return `# tracer: nop
#
# entries-in-buffer/entries-written: 0/0   #P:${cpus}
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
