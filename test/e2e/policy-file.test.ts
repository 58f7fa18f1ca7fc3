// Policies of a user, from a file without a build step.

import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder, writeTemp } from '../support/temp-folder.ts';

const TRACE = 'traces/nvme-lazy-randread/trace.txt.zst';
const BOUNCED = 'traces/swiotlb-small-full/trace.txt.zst';
const folder = tempFolder();

/** A queue that flushes after each `every` unmaps. */
const COUNTING = `
export const counting = {
  kind: 'flush',
  name: 'counting',
  summary: 'flushes after a number of unmaps',
  parameters: [
    { name: 'every', type: 'integer', default: 100, range: [1, 1000], summary: 'unmaps to a flush' },
  ],
  create(parameters, port) {
    const waiting = [];
    const flush = (cause, cpu) => {
      port.invalidateAll(cause);
      for (const [pfn, pages, at, id] of waiting.splice(0)) port.freeIova(pfn, pages, cpu, at, id);
    };
    return {
      queue(pfn, pages, cpu, id) {
        if (waiting.length + 1 === parameters.every) flush(port.kit.FlushCause.full, cpu);
        if (waiting.length === 0) port.timer(cpu, 10, (on) => flush(port.kit.FlushCause.timeout, on));
        waiting.push([pfn, pages, port.now(), id]);
      },
      flush,
      length: () => waiting.length,
      queuedEntries: () => waiting.length,
    };
  },
};
`;

test('a policy of a .js file is listed, chosen by name and named in the result', () => {
  const file = writeTemp(folder, 'counting.js', COUNTING);
  const { policies } = jsonOf<{ policies: { kind: string; name: string }[] }>(
    dmalab(['policies', 'counting', '--policy', file, '--json']),
  );
  expect(policies).toMatchObject([{ kind: 'flush', name: 'counting' }]);
  const replay = ['replay', TRACE, '--policy', file, '--json'];
  const summary = jsonOf<{ machine: object; flushes: { causes: { full: number } } }>(
    dmalab([...replay, '--flush', 'counting:every=50']),
  );
  expect(summary.machine).toMatchObject({
    flush: { name: 'counting', parameters: { every: 50 } },
  });
  expect(summary.flushes.causes.full).toBeGreaterThan(0);
  const machine = writeTemp(folder, 'counting.yaml', 'flush: counting\n');
  expect(jsonOf(dmalab([...replay, '-m', machine]))).toMatchObject({
    machine: { flush: { name: 'counting', parameters: { every: 100 } } },
  });
});

test.each([
  ['absent.ts', null, /absent\.ts: no such file/],
  ['empty.ts', 'export const x: number = 1;', /exports x, expected a policy/],
  ['syntax.ts', 'export const = 1;', /syntax\.ts:1: cannot load it: /],
  ['enum.ts', 'export enum A { x }', /enum\.ts:1: cannot load it: .*enum/],
  ['kind.js', COUNTING.replace("'flush'", "'queue'"), /kind: got "queue", expected one of: iova/],
  ['name.js', COUNTING.replace("'counting'", "'a b'"), /name: got "a b", expected a word/],
  [
    'taken.js',
    COUNTING.replace("'counting'", "'percpu'"),
    /a policy of kind flush is called "percpu" already/,
  ],
  [
    'default.js',
    COUNTING.replace('default: 100', 'default: 5000'),
    /default of counting\.every: got 5000, expected a whole number from 1 to 1000/,
  ],
  [
    'method.js',
    COUNTING.replace('length:', 'len:'),
    /method\.js: what counting\.create gives has no length: .* a method length\(\)/,
  ],
  [
    'throws.js',
    COUNTING.replace('const waiting', 'port.clock();\n const waiting'),
    /throws\.js:10: counting\.create with the defaults failed: port\.clock is not a function/,
  ],
])('%s is refused with its reason', (name, content, reason) => {
  const file = content === null ? name : writeTemp(folder, name, content);
  const { code, stdout, stderr } = dmalab(['policies', '--policy', file]);
  expect(stderr).toMatch(reason);
  expect([code, stdout]).toEqual([1, '']);
});

test('what a policy throws in a replay is told as its own fault', () => {
  const file = writeTemp(folder, 'late.js', COUNTING.replace('waiting.push', 'waiting.add'));
  const { code, stderr } = dmalab(['replay', TRACE, '--policy', file, '--flush', 'counting']);
  expect(stderr).toMatch(/late\.js:19: waiting\.add is not a function/);
  expect(stderr).not.toContain('internal error');
  expect(code).toBe(1);
});

test('what a policy refuses to be created with is one line that names it and the parameter', () => {
  const refusing = COUNTING.replace(
    'const waiting',
    "if (parameters.every > 900) throw new RangeError('every: got ' + parameters.every + ', expected at most 900');\n    const waiting",
  );
  const file = writeTemp(folder, 'refusing.js', refusing);
  const own = dmalab(['replay', TRACE, '--policy', file, '--flush', 'counting:every=999']);
  expect(own.stderr).toMatch(
    /^dmalab: .*refusing\.js:10: flush policy "counting" cannot be created with every=999: every: got 999, expected at most 900\n$/,
  );
  expect(own.code).toBe(1);
});

/** Bounce memory in one area: every buffer takes the lowest free slot sets of its own. */
const SET_EACH = `
export const setEach = {
  kind: 'bounce',
  name: 'set-each',
  summary: 'a whole slot set for every buffer',
  parameters: [
    { name: 'slots', type: 'integer', default: 4096, range: [128, 65536], summary: 'of the pool' },
  ],
  create({ slots }, { kit }) {
    const start = 0x7000_0000;
    const sets = Array.from({ length: slots / 128 }, () => -1);
    const work = { cause: 0, source: 0, pool: 0, area: 0, slot: 0, slots: 128, padSlots: 0, probes: 0, areasTried: 1, convertedBytes: 0 };
    let used = 0;
    let hiwater = 0;
    const take = (bytes, offset) => {
      const set = offset + bytes > 128 * 2048 ? -1 : sets.indexOf(-1);
      work.probes = set < 0 ? sets.length : set + 1;
      work.cause = set < 0 ? kit.FailCause.poolFull : kit.FailCause.none;
      if (set < 0) return kit.NO_SLOT;
      work.source = kit.BounceSource.default;
      work.slot = 128 * set;
      work.padSlots = Math.floor(offset / 2048);
      used += 128;
      hiwater = Math.max(hiwater, used);
      return (sets[set] = start + work.slot * 2048 + offset);
    };
    const release = (address) => {
      const set = sets.indexOf(address);
      if (set < 0) return false;
      sets[set] = -1;
      used -= 128;
      work.slot = 128 * set;
      return true;
    };
    // Low bits up to a page: a device that wants more is not served.
    const offsetOf = (orig, mask) => orig % (Math.min(mask, 4095) + 1);
    return {
      map: (orig, bytes, align, device) => {
        const offset = offsetOf(orig, device.minAlignMask);
        const segment = device.segBoundary + 1;
        if (offset + bytes > segment) return ((work.cause = kit.FailCause.tooLarge), kit.NO_SLOT);
        return take(bytes, offset);
      },
      unmap: release,
      alloc: (bytes) => take(bytes, 0),
      free: release,
      work,
      maxMapping: (device) => 128 * 2048 - (device.minAlignMask > 0 ? 4096 : 0),
      usedSlots: () => used,
      hiwater: () => hiwater,
      totalSlots: () => sets.length * 128,
      transientSlots: () => 0,
      pools: () => 1,
      areas: () => 1,
      areaUsed: () => used,
      waitingBytes: () => 0,
    };
  },
};
`;

test('bounce memory of a user keeps the rules and serves a replay', () => {
  const file = writeTemp(folder, 'set-each.js', SET_EACH);
  const rules = dmalab(['conform', '--policy', file]);
  expect(rules.stdout).toMatch(/^ok {4}bounce set-each: 80 streams, /);
  const summary = jsonOf<{ bounce: { failed: number } }>(
    dmalab([...['replay', BOUNCED, '--policy', file, '--bounce', 'set-each:slots=1024', '--json']]),
  );
  expect(summary).toMatchObject({
    machine: { bounce: { name: 'set-each', parameters: { slots: 1024 } } },
  });
  // 8 buffers at once, whatever their sizes.
  expect(summary.bounce).toMatchObject({ hiwaterSlots: 1024, totalSlots: 1024, endSlots: 0 });
  expect(summary.bounce.failed).toBeGreaterThan(0);
  const leaking = SET_EACH.replace('sets[set] = -1;', '');
  const wrong = dmalab(['conform', '--policy', writeTemp(folder, 'leaking.js', leaking)]);
  expect(wrong.stdout).toMatch(/^WRONG bounce set-each: .*\n +rule "released once": /);
  expect(wrong.code).toBe(1);
});

/** A host with a number of entries, which its guest gets back with each refresh of the aperture. */
const COUNTED = `
export const counted = {
  kind: 'host',
  name: 'counted',
  summary: 'so many entries, and no pinned pages',
  parameters: [
    { name: 'entries', type: 'integer', default: 500, range: [1, 1e6], summary: 'at once' },
  ],
  create({ entries }, { kit }) {
    const live = new Map();
    const stale = new Map();
    const add = (to, domain, pages) => to.set(domain, (to.get(domain) ?? 0) + pages);
    const sum = (of) => [...of.values()].reduce((all, one) => all + one, 0);
    let missing = 0;
    const takeUp = (domain) => {
      const taken = Math.min(missing, Math.max(0, entries - sum(live) - sum(stale)));
      missing -= taken;
      add(live, domain, taken);
      return missing > 0 ? kit.HostAnswer.outOfEntries : kit.HostAnswer.ok;
    };
    return {
      outOfResource: 'globalFlushRetry',
      get entries() { return sum(live) + sum(stale); },
      get staleEntries() { return sum(stale); },
      refreshMapped(domain, pages) { missing = pages; return takeUp(domain); },
      unmapped(domain, pages) { add(live, domain, -pages); add(stale, domain, pages); },
      refreshUnmapped(domain, pages) { add(stale, domain, -pages); },
      refreshAll(domain) { stale.delete(domain); return takeUp(domain); },
      undo(domain, pages) { add(live, domain, missing - pages); missing = 0; return false; },
      adopt(domain, pages) { add(live, domain, pages); },
      removeDomain(domain) { live.delete(domain); stale.delete(domain); },
    };
  },
};
`;

test('a host of a user keeps the rules and refuses in a replay', () => {
  const file = writeTemp(folder, 'counted.js', COUNTED);
  expect(dmalab(['conform', '--policy', file]).stdout).toMatch(/^ok {4}host counted: 80 streams, /);
  const replay = ['replay', TRACE, '--policy', file, '--flush', 'single', '--json'];
  const summary = jsonOf<{ host: { outOfResource: number; selfReclaim: number } }>(
    dmalab([...replay, '--host', 'counted:entries=300']),
  );
  expect(summary).toMatchObject({ machine: { host: { name: 'counted' } } });
  // The queue holds what the host counts: each time it runs out, a refresh of the aperture cures it.
  expect(summary.host).toMatchObject({ peakEntries: 300, failed: 0 });
  expect(summary.host.outOfResource).toBeGreaterThan(0);
  expect(summary.host.selfReclaim).toBe(summary.host.outOfResource);
  const generous = COUNTED.replace('missing > 0', 'missing > 9');
  const wrong = dmalab(['conform', '--policy', writeTemp(folder, 'generous.js', generous)]);
  expect(wrong.stdout).toMatch(/^WRONG host counted: .*\n +rule "entries": /);
  expect(wrong.code).toBe(1);
});
