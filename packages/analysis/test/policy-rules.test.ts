import { checkPolicyRules } from '@dmalab/analysis';
import {
  BounceEvent,
  type BouncePolicy,
  type BouncePool,
  BUILT_IN,
  bouncePolicy,
  createDynamicBounce,
  type FlushPolicy,
  flushPolicy,
  HostAnswer,
  type HostPolicy,
  type HostResources,
  hostPolicy,
  type IovaAllocator,
  type IovaPolicy,
  iovaPolicy,
  type Policy,
} from '@dmalab/replay';
import { expect, test } from 'vitest';

const builtIn: Policy[] = Object.values(BUILT_IN).flat();

test.each(builtIn.map((policy) => [`${policy.kind} ${policy.name}`, policy] as const))(
  '%s keeps the rules of its kind',
  (_name, policy) => {
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
  let made = 0;
  const failure = checkPolicyRules(
    broken((inner) => {
      const isSecond = ++made % 2 === 0;
      return {
        alloc: (pages, limit, cpu, lastTry) =>
          isSecond && limit > 0xf_ffff ? -1 : inner.alloc(pages, limit, cpu, lastTry),
      };
    }),
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

/** `dynamic` with other defaults. */
function dynamicWith(defaults: Record<string, number | boolean>): BouncePolicy {
  const dynamic = bouncePolicy('dynamic');
  const parameters = dynamic.parameters.map((one) => ({
    ...one,
    default: defaults[one.name] ?? one.default,
  }));
  return { ...dynamic, parameters };
}

test.each([
  { encrypted: true, atomicPool: 512 },
  { maySleep: true, earlyGrow: 0.5, shrink: 0.01, keep: 0 },
  { canGrow: false },
])('growing pools keep the rules with %j', (defaults) => {
  expect(checkPolicyRules(dynamicWith(defaults), 6).failure).toBeNull();
});

/** A bounce policy with some methods of what it makes replaced. */
function brokenPool(
  change: (inner: BouncePool) => Partial<BouncePool>,
  policy: BouncePolicy = bouncePolicy('static'),
): BouncePolicy {
  return {
    ...policy,
    create: (parameters, port) => {
      const inner = policy.create(parameters, port);
      return Object.assign(Object.create(inner) as BouncePool, forwarded(inner), change(inner));
    },
  };
}

/** The methods of an object of a class, bound to it. */
function forwarded<T extends object>(inner: T): Partial<T> {
  const members = Object.getOwnPropertyNames(Object.getPrototypeOf(inner)) as (keyof T)[];
  const methods = members.filter((name) => typeof inner[name] === 'function');
  return Object.fromEntries(
    methods.map((name) => [name, (inner[name] as () => unknown).bind(inner)]),
  ) as Partial<T>;
}

type Map = BouncePool['map'];
const mapping =
  (map: (inner: BouncePool) => Map) =>
  (inner: BouncePool): Partial<BouncePool> => ({ map: map(inner) });

test.each<[string, (inner: BouncePool) => Partial<BouncePool>]>([
  ['no overlap', (inner) => givenTwice(inner)],
  [
    'masks',
    mapping(
      (inner) => (orig, bytes, align, device, cpu, maySleep) =>
        inner.map(orig, bytes, align, { ...device, minAlignMask: 0 }, cpu, maySleep),
    ),
  ],
  [
    'masks',
    mapping(
      (inner) => (orig, bytes, align, device, cpu, maySleep) =>
        inner.map(orig, bytes, align, { ...device, segBoundary: 2 ** 32 - 1 }, cpu, maySleep),
    ),
  ],
  [
    'inside the pool',
    mapping((inner) => (...request) => {
      const address = inner.map(...request);
      inner.work.slot += inner.totalSlots();
      return address;
    }),
  ],
  [
    'slot sets',
    mapping((inner) => (...request) => {
      const address = inner.map(...request);
      inner.work.slots += 128;
      return address;
    }),
  ],
  [
    'failures',
    mapping((inner) => (...request) => {
      const address = inner.map(...request);
      inner.work.cause = 0;
      return address;
    }),
  ],
  ['numbers', (inner) => ({ usedSlots: () => inner.usedSlots() + 1 })],
  ['numbers', () => ({ areaUsed: () => 0 })],
  ['high water', () => ({ hiwater: () => 0 })],
  [
    'released once',
    (inner) => ({ unmap: (address, device) => inner.unmap(address, device) || true }),
  ],
  ['free again', (inner) => ({ maxMapping: () => inner.totalSlots() * 2048 })],
])('bounce memory that breaks "%s" is found', (rule, change) => {
  const { failure } = checkPolicyRules(brokenPool(change), 20);
  expect(failure?.rule).toBe(rule);
  expect(failure?.operations.length).toBeLessThan(40);
});

// A request of one byte gets the slots of the one before.
function givenTwice(inner: BouncePool): Partial<BouncePool> {
  let last = -1;
  const kept = { ...inner.work };
  return {
    map: (orig, bytes, align, device, cpu, maySleep) => {
      if (bytes === 1 && last >= 0 && device.minAlignMask === 0 && align === 0) {
        Object.assign(inner.work, kept);
        return last;
      }
      const address = inner.map(orig, bytes, align, device, cpu, maySleep);
      Object.assign(kept, inner.work);
      last = address;
      return address;
    },
  };
}

test.each<[string, (port: Parameters<BouncePolicy['create']>[1]) => object]>([
  [
    'memory goes back',
    (port) => ({
      pages: {
        alloc: port.pages.alloc.bind(port.pages),
        free: (at: number) => port.pages.free(at, 99),
      },
    }),
  ],
  ['memory goes back', () => ({ later: () => {} })],
  [
    'inside the pool',
    (port) => ({
      event: (kind: BounceEvent, pool: number, start: number, slots: number, areas: number) => {
        if (kind !== BounceEvent.poolAdd) port.event(kind, pool, start, slots, areas);
      },
    }),
  ],
  [
    'numbers',
    (port) => ({
      event: (kind: BounceEvent, pool: number, start: number, slots: number, areas: number) => {
        if (kind !== BounceEvent.transientDel) port.event(kind, pool, start, slots, areas);
      },
    }),
  ],
])('a pool that grows and breaks "%s" is found', (rule, change) => {
  const dynamic = bouncePolicy('dynamic');
  const policy: BouncePolicy = {
    ...dynamic,
    create: (parameters, port) => createDynamicBounce(parameters, { ...port, ...change(port) }),
  };
  expect(checkPolicyRules(policy, 20).failure?.rule).toBe(rule);
});

/** `pinned` with some methods of what it makes replaced. */
function brokenHost(change: (inner: HostResources) => Partial<HostResources>): HostPolicy {
  const pinned = hostPolicy('pinned');
  return {
    ...pinned,
    create: (parameters, port) => {
      const inner = pinned.create(parameters, port)!;
      const made = Object.assign(Object.create(null) as HostResources, forwarded(inner));
      for (const name of ['outOfResource', 'entries', 'staleEntries'] as const) {
        Object.defineProperty(made, name, { get: () => inner[name], configurable: true });
      }
      const changes = change(inner);
      for (const name of Object.keys(changes)) {
        Object.defineProperty(made, name, Object.getOwnPropertyDescriptor(changes, name)!);
      }
      return made;
    },
  };
}

test.each<[string, (inner: HostResources) => Partial<HostResources>]>([
  ['entries', () => ({ unmapped: () => {} })],
  ['entries', () => ({ refreshUnmapped: () => {} })],
  ['entries', () => ({ undo: () => false })],
  [
    'entries',
    (inner) => ({
      get staleEntries() {
        return inner.staleEntries + 1;
      },
    }),
  ],
  // Said to be cured, although the pages found no room.
  [
    'entries',
    (inner) => ({
      refreshAll: (domain) => {
        inner.refreshAll(domain);
        return HostAnswer.ok;
      },
    }),
  ],
  ['answers', () => ({ refreshMapped: () => 7 as HostAnswer })],
])('a host that breaks "%s" is found', (rule, change) => {
  const { failure } = checkPolicyRules(brokenHost(change), 20);
  expect(failure?.rule).toBe(rule);
  expect(failure?.operations.length).toBeLessThan(20);
});

test('a host that gives pages back twice is found', () => {
  const pinned = hostPolicy('pinned');
  const twice: HostPolicy = {
    ...pinned,
    create: (parameters, port) => {
      const budget = port.pinBudget(Number(parameters.pages));
      const give = budget.give.bind(budget);
      budget.give = (pages) => give(2 * pages);
      return pinned.create(parameters, { ...port, pinBudget: () => budget });
    },
  };
  expect(checkPolicyRules(twice, 5).failure?.rule).toBe('budget');
});
