// Policies of a user, from a file without a build step.

import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder, writeTemp } from '../support/temp-folder.ts';

const TRACE = 'traces/nvme-lazy-randread/trace.txt.zst';
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
