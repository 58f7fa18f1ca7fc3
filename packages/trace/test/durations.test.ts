import { fileURLToPath } from 'node:url';
import { type MeasuredCalls, readCapture, TreePart } from '@dmalab/trace';
import { expect, test } from 'vitest';
import { tempFolder, writeTemp } from '../../../test/support/temp-folder.ts';

const folder = tempFolder();
const trace = (path: string) => fileURLToPath(new URL(`../../../traces/${path}`, import.meta.url));

async function callsOf(path: string): Promise<readonly MeasuredCalls[]> {
  const capture = await readCapture(path);
  capture.close();
  return capture.report.calls;
}

const facts = ({ function: name, source, count, min, max }: MeasuredCalls) =>
  [name, source, count, min, max] as const;

const withoutThreads = ({ tid: _, ...calls }: MeasuredCalls) => calls;

test('function_graph: every layout of one recording gives the same durations', async () => {
  const [abstime, plain, tail] = await Promise.all(
    ['abstime-proc', 'default', 'tail'].map((layout) =>
      callsOf(trace(`fgraph-latency/trace.fgraph.${layout}.txt.zst`)),
    ),
  );
  expect(abstime).toEqual(tail);
  expect(plain!.map(withoutThreads)).toEqual(tail!.map(withoutThreads));
  // Threads are known from the column of tasks, else from the first change of tasks on.
  const [threads, known] = [plain!, abstime!].map((calls) => [...calls[0]!.tid]) as [
    number[],
    number[],
  ];
  expect(known.every((tid) => tid >= 0)).toBe(true);
  expect(threads.every((tid, i) => tid === known[i] || tid === -1)).toBe(true);
  expect(threads.filter((tid) => tid >= 0).length).toBeGreaterThan(100);
  expect(tail!.map(({ function: name, count }) => `${name} ${count}`)).toEqual([
    'alloc_iova_fast 1771',
    'fq_flush_iotlb 18',
    'fq_flush_timeout 16',
    'free_iova_fast 1771',
    'iommu_dma_map_page 1621',
    'iommu_dma_map_sg 150',
    'iommu_dma_unmap_page 1621',
    'iommu_dma_unmap_sg 150',
    'iommu_map 1621',
    'iommu_map_sg 150',
    'iommu_unmap_fast 1771',
  ]);
  expect(facts(tail![6]!).slice(3)).toEqual([3215, 24_909_160]);
});

test('a closing brace has the name of its opening line, also after another task ran', async () => {
  const text = `# tracer: function_graph
#
 0)               |  iommu_dma_map_page() {
 0)   1.500 us    |    alloc_iova_fast();
 ------------------------------------------
 0)   fio-282    =>   fio-283
 ------------------------------------------

 0)               |  iommu_dma_unmap_page() {
 0) + 12.000 us   |  }
 ------------------------------------------
 0)   fio-283    =>   fio-282
 ------------------------------------------

 0) ! 200.250 us  |  }
 0)   7.000 us    |  }
`;
  const calls = await callsOf(writeTemp(folder, 'graph.txt', text));
  expect(calls.map(facts)).toEqual([
    ['alloc_iova_fast', 'function_graph', 1, 1500, 1500],
    ['iommu_dma_map_page', 'function_graph', 1, 200_250, 200_250],
    ['iommu_dma_unmap_page', 'function_graph', 1, 12_000, 12_000],
  ]);
});

test('probes: a return ends the newest call of its thread, a visit to the tree is noted, a loss ends all', async () => {
  const at = (time: string, event: string, tid = 7) => `fio-${tid} [000] ..... ${time}: ${event}`;
  const alloc = (size: number) =>
    `alloc_iova_fast: (alloc_iova_fast+0x0/0x1) iovad=0xffff888100000000 size=${size} limit_pfn=0xfffff flush_rcache=1`;
  const tree = (size: number) =>
    `alloc_iova: (alloc_iova+0x0/0x1) iovad=0xffff888100000000 size=${size} limit_pfn=0xfffff size_aligned=1`;
  const treeReturn =
    'alloc_iova_ret: (alloc_iova_fast+0x9/0x1 <- alloc_iova) pfn_lo=0xffffe pfn_hi=0xfffff';
  const allocReturn = 'alloc_iova_fast_ret: (f+0x9/0x1 <- alloc_iova_fast) pfn=0xffffe';
  const text = [
    '# tracer: nop',
    at('1.000000', alloc(2)),
    at('1.000003', tree(2)),
    at('1.000008', treeReturn),
    at('1.000009', allocReturn),
    at('1.000020', alloc(1)),
    at('1.000021', allocReturn),
    at('1.000030', alloc(1)),
    'CPU:0 [LOST 5 EVENTS]',
    at('1.000035', allocReturn),
    '',
  ].join('\n');
  const [treeCalls, calls] = await callsOf(writeTemp(folder, 'probes.txt', text));
  expect(treeCalls && facts(treeCalls)).toEqual(['alloc_iova', 'probes', 1, 5000, 5000]);
  expect(calls && facts(calls)).toEqual(['alloc_iova_fast', 'probes', 2, 1000, 9000]);
  expect([...calls!.size]).toEqual([2, 1]);
  expect([...calls!.tree]).toEqual([TreePart.searched, TreePart.none]);
});
