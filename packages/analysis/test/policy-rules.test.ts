import { checkPolicyRules, hasRules } from '@dmalab/analysis';
import {
  BUILT_IN,
  type FlushPolicy,
  flushPolicy,
  type IovaAllocator,
  type IovaPolicy,
  iovaPolicy,
  type Policy,
} from '@dmalab/replay';
import { expect, test } from 'vitest';

const builtIn: Policy[] = [...BUILT_IN.iova, ...BUILT_IN.flush];

test.each(builtIn.map((policy) => [`${policy.kind} ${policy.name}`, policy] as const))(
  '%s keeps the rules of its kind',
  (_name, policy) => {
    expect(hasRules(policy)).toBe(true);
    const { failure, operations } = checkPolicyRules(policy, 6);
    expect(failure).toBeNull();
    expect(operations).toBeGreaterThan(500);
  },
);

/** `linux` with some of its methods replaced. */
function broken(change: (inner: IovaAllocator) => Partial<IovaAllocator>): IovaPolicy {
  const linux = iovaPolicy('linux');
  return {
    ...linux,
    create: (parameters, port) => {
      const inner = linux.create(parameters, port);
      const members = Object.getPrototypeOf(inner) as object;
      const bound = Object.fromEntries(
        [
          'alloc',
          'free',
          'reserve',
          'occupy',
          'cpuDown',
          'cpuUp',
          'takenPages',
          'cachedPages',
          'low32Pages',
        ]
          .filter((name) => name in members)
          .map((name) => [
            name,
            (inner as unknown as Record<string, () => void>)[name]!.bind(inner),
          ]),
      );
      return { ...bound, work: inner.work, ...change(inner) } as unknown as IovaAllocator;
    },
  };
}

test('a range given twice is found, with the shortest list of operations that shows it', () => {
  const twice = broken((inner) => {
    let first = 0;
    return {
      alloc: (pages, limit, cpu, lastTry) => {
        if (pages === 1 && first > 0 && first <= limit) return first;
        const pfn = inner.alloc(pages, limit, cpu, lastTry);
        if (pages === 1) first = pfn;
        return pfn;
      },
    };
  });
  const { failure } = checkPolicyRules(twice);
  expect(failure?.rule).toBe('no overlap');
  expect(failure?.operations.length).toBeLessThanOrEqual(3);
  expect(failure?.operations[0]).toMatch(/^alloc id=\d+ pages=\d+ limit=\d+ cpu=\d lastTry=/);
});

test('a range at the wrong place is found, unless the policy claims no alignment', () => {
  const odd = broken(() => ({ alloc: (pages) => (pages === 3 ? 0x41 : -1) }));
  expect(checkPolicyRules(odd).failure?.rule).toBe('aligned');
  expect(checkPolicyRules({ ...odd, aligned: false }).failure?.rule).not.toBe('aligned');
});

test.each([
  [
    'reusable after free',
    (inner: IovaAllocator) => ({ free: () => {}, cachedPages: () => inner.low32Pages() }),
  ],
  [
    'inside the limit',
    (inner: IovaAllocator) => ({
      alloc: (pages: number, _limit: number, cpu: number, lastTry: boolean) =>
        inner.alloc(pages, 2 ** 36 - 1, cpu, lastTry),
    }),
  ],
  ['occupancy', () => ({ cachedPages: () => -1 })],
  [
    'no exception',
    () => ({
      cpuDown: () => {
        throw new Error('no CPUs here');
      },
    }),
  ],
])('an allocator that breaks "%s" is found', (rule, change) => {
  expect(checkPolicyRules(broken(change)).failure?.rule).toBe(rule);
});

test('an allocator that answers differently the second time is found', () => {
  let calls = 0;
  const failure = checkPolicyRules(
    broken((inner) => ({
      alloc: (pages, limit, cpu, lastTry) =>
        ++calls > 300 && limit > 0xf_ffff ? -1 : inner.alloc(pages, limit, cpu, lastTry),
    })),
    3,
  ).failure;
  expect(failure?.rule).toBe('deterministic');
});

/** `percpu` on a port that was tampered with. */
function tampered(change: (port: Parameters<FlushPolicy['create']>[1]) => object): FlushPolicy {
  const percpu = flushPolicy('percpu');
  return {
    ...percpu,
    create: (parameters, port) => percpu.create(parameters, { ...port, ...change(port) }),
  };
}

test.each([
  ['flushed before released', () => ({ invalidateAll: () => {} })],
  ['released in the end', () => ({ timer: () => {} })],
  [
    'released once',
    (port: Parameters<FlushPolicy['create']>[1]) => ({
      freeIova: (pfn: number, pages: number, cpu: number, at: number, id: number) => {
        port.freeIova(pfn, pages, cpu, at, id);
        port.freeIova(pfn, pages, cpu, at, id);
      },
    }),
  ],
  ['released as queued', () => ({ now: () => 7 })],
])('a queue that breaks "%s" is found', (rule, change) => {
  const failure = checkPolicyRules(tampered(change), 5).failure;
  expect(failure?.rule).toBe(rule);
  expect(failure?.operations.length).toBeLessThanOrEqual(2);
});
