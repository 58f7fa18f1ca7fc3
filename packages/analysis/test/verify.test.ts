import { verify, verifyText } from '@dmalab/analysis';
import { expect, test } from 'vitest';
import { irq, TraceLines, task } from './support/trace-lines.ts';

test('calls in the order of their lines need no choice', async () => {
  const trace = new TraceLines();
  trace.allocated(task(0), 0xfffff);
  trace.allocated(task(1), 0xffffe);
  trace.freed(task(1), 0xfffff);
  trace.allocated(task(1), 0xfffff);
  const { allocator } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 3, matched: 3, reordered: 0, tries: 0 });
  expect(allocator).toMatchObject({ first: null, why: null });
});

test('of two allocations that overlap the later one may come first', async () => {
  const trace = new TraceLines();
  trace.alloc(task(0));
  trace.alloc(task(1));
  trace.returns(task(1), 0xfffff);
  trace.returns(task(0), 0xffffe);
  const { allocator } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 2, matched: 2, reordered: 1, first: null });
});

test('of two allocations one after the other no other order is allowed', async () => {
  const trace = new TraceLines();
  const entryLine = trace.alloc(task(0));
  const line = trace.returns(task(0), 0xffffe);
  trace.allocated(task(1), 0xfffff);
  const path = trace.save();
  const { allocator } = await verify(path);
  expect(allocator).toMatchObject({ compared: 2, matched: 0 });
  expect(allocator.first).toMatchObject({
    file: path,
    line,
    entryLine,
    recordedPfn: 0xffffe,
    modelPfn: 0xfffff,
    proved: true,
    state: {
      nodes: 0,
      max32: 0x100000,
      cached: null,
      cached32: null,
      loaded: 0,
      prev: 0,
      depot: 0,
    },
  });
});

test('one wrong address is one difference, what follows is compared with the own state', async () => {
  const trace = new TraceLines();
  trace.allocated(task(0), 0xfffff);
  const line = trace.allocated(task(0), 0xabcde);
  trace.allocated(task(0), 0xffffd);
  trace.freed(task(0), 0xabcde);
  trace.allocated(task(0), 0xffffe);
  const { allocator } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 4, matched: 3 });
  expect(allocator.first).toMatchObject({ line, recordedPfn: 0xabcde, modelPfn: 0xffffe });
});

test('a free in an interrupt of another free may come first', async () => {
  const trace = new TraceLines();
  trace.allocated(task(0), 0xfffff);
  trace.allocated(task(0), 0xffffe);
  trace.free(task(0), 0xfffff);
  trace.freed(irq(0), 0xffffe);
  trace.other(task(0));
  // The magazine is a stack: the free of the task was last.
  trace.allocated(task(0), 0xfffff);
  trace.allocated(task(0), 0xffffe);
  const { allocator } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 4, matched: 4, reordered: 1, first: null });
});

test('a free is over at the next line of its CPU, thread and context', async () => {
  const trace = new TraceLines();
  trace.allocated(task(0), 0xfffff);
  trace.allocated(task(0), 0xffffe);
  trace.freed(task(0), 0xfffff);
  trace.freed(irq(0), 0xffffe);
  const line = trace.allocated(task(0), 0xfffff);
  const { allocator } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 3, matched: 2 });
  expect(allocator.first).toMatchObject({ line, recordedPfn: 0xfffff, modelPfn: 0xffffe });
});

test('an allocation that searched the tree came before the free that it would have been given', async () => {
  const trace = new TraceLines();
  trace.alloc(task(0));
  trace.search(task(0));
  trace.returns(task(0), 0xfffff);
  trace.free(task(0), 0xfffff);
  trace.alloc(irq(0));
  trace.search(irq(0));
  trace.returns(irq(0), 0xffffe);
  trace.other(task(0));
  trace.allocated(task(0), 0xfffff);
  const { allocator } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 3, matched: 3, reordered: 1, first: null });
});

test('an interrupt inside of an allocation allocates too', async () => {
  const trace = new TraceLines();
  trace.alloc(task(0));
  trace.alloc(irq(0));
  trace.returns(irq(0), 0xfffff);
  trace.returns(task(0), 0xffffe);
  const { allocator } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 2, matched: 2, reordered: 1 });
});

test('the return of a thread that was moved to another CPU is found', async () => {
  const trace = new TraceLines();
  trace.alloc(task(0));
  trace.returns({ cpu: 2, tid: 100, context: '.' }, 0xfffff);
  const { allocator } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 1, matched: 1 });
});

test('a wrong order of two full magazines shows hundreds of calls later', async () => {
  const trace = new TraceLines();
  const pfns = Array.from({ length: 510 }, (_, i) => 0xfffff - i);
  for (const pfn of pfns) trace.allocated(task(2), pfn);
  for (let i = 0; i < 254; i++) trace.freed(task(0), pfns[i]!);
  for (let i = 255; i < 509; i++) trace.freed(task(1), pfns[i]!);
  // Both CPUs put a full magazine into the depot; CPU 1 is first although it is entered later.
  trace.free(task(0), pfns[254]!);
  trace.free(task(1), pfns[509]!);
  trace.other(task(1));
  trace.other(task(0));
  for (let i = 1; i <= 300; i++) trace.allocated(task(3), 0xffe00 - 64 * i, 64);
  trace.allocated(task(2), pfns[253]!);
  const { allocator } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 811, matched: 811, reordered: 1, first: null });
});

test('on 6.1 the probes do not tell the context, so an interrupt may hide in them', async () => {
  const trace = new TraceLines();
  const probe = { ...task(0), context: 'Z' };
  trace.allocated(probe, 0xfffff);
  trace.allocated(probe, 0xffffe);
  trace.other(task(0));
  trace.free(probe, 0xfffff);
  trace.event(
    probe,
    '__iommu_dma_unmap: (__iommu_dma_unmap+0x5/0x2d0) dev="0000:00:04.0" dma_addr=0xffffe000 size=4096',
  );
  trace.other(irq(0));
  trace.free(probe, 0xffffe);
  trace.other(irq(0));
  trace.other(task(0));
  trace.allocated(probe, 0xfffff);
  trace.allocated(probe, 0xffffe);
  const result = await verify(trace.save(), { read: { kernel: '6.1.192' } });
  expect(result.kernel).toBe('6.1');
  expect(result.allocator).toMatchObject({ compared: 4, matched: 4, reordered: 1 });
});

test('a CPU that goes offline gives its cached ranges to the tree', async () => {
  const trace = new TraceLines();
  trace.allocated(task(3), 0xfffff);
  trace.freed(task(3), 0xfffff);
  trace.event(
    task(0),
    'free_cpu_cached_iovas: (free_cpu_cached_iovas+0x0/0x70) cpu=3 iovad=0xffff888000001008',
  );
  trace.other(task(0));
  trace.allocated(task(3), 0xfffff);
  const { allocator } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 2, matched: 2 });
});

test('a pointer that is used again is another domain', async () => {
  const trace = new TraceLines();
  trace.allocated(task(0), 0xfffff);
  trace.destroy();
  trace.domain();
  trace.allocated(task(0), 0xfffff);
  const { allocator } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 2, matched: 2 });
  expect(allocator.domains.map(({ compared }) => compared)).toEqual([1, 1]);
});

test('an allocation that failed is explained by a failure', async () => {
  const trace = new TraceLines();
  trace.alloc(task(0), 1, 0);
  trace.returns(task(0), 0);
  trace.alloc(task(0), 1, 0xfffffffff);
  trace.returns(task(0), 0xfffffffff);
  const { allocator } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 2, matched: 2 });
});

test('with losses nothing is compared', async () => {
  const trace = new TraceLines();
  trace.allocated(task(0), 0xfffff);
  trace.line('CPU:1 [LOST 37 EVENTS]');
  trace.allocated(task(1), 0xffff0);
  const { allocator, stack } = await verify(trace.save());
  expect(allocator).toMatchObject({ compared: 0, matched: 0, first: null });
  expect(allocator.why).toBe('37 events were lost');
  expect(stack).toMatchObject({ compared: 0, why: '37 events were lost' });
});

test('without the creation of the domain nothing is compared', async () => {
  const trace = new TraceLines(false);
  trace.allocated(task(0), 0xfffff);
  const { allocator } = await verify(trace.save());
  expect(allocator.compared).toBe(0);
  expect(allocator.why).toBe(
    'no domain can be compared: its creation (init_iova_domain) is not in the capture',
  );
});

test('without probes nothing is compared', async () => {
  const trace = new TraceLines(false);
  trace.other(task(0));
  const { allocator } = await verify(trace.save());
  expect(allocator.compared).toBe(0);
  expect(allocator.why).toBe('the capture has no allocation probes (alloc_iova_fast)');
});

test('the text names file, line and both states, in 80 columns', async () => {
  const trace = new TraceLines();
  const line = trace.allocated(task(0), 0xffffe);
  const path = trace.save();
  const text = verifyText(await verify(path));
  expect(text).toContain(`${path}:${line}`);
  expect(text).toContain('recorded  pfn 0xffffe');
  expect(text).toContain('model     pfn 0xfffff');
  const wide = text.split('\n').filter((each) => each.length > 80 && !each.includes(path));
  expect(wide).toEqual([]);
});
