import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CONDITION_FIELDS,
  conditionSearch,
  divergenceSearch,
  minimise,
  parseCondition,
} from '@dmalab/analysis';
import { type Machine, type MachineOverrides, machineFromFacts } from '@dmalab/replay';
import { type Capture, Op, readCapture, writeRequests } from '@dmalab/trace';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempFolder } from '../../../test/support/temp-folder.ts';

const folder = tempFolder();
const path = fileURLToPath(
  new URL('../../../traces/nvme-lazy-randread/trace.txt.zst', import.meta.url),
);
let capture: Capture;
beforeAll(async () => {
  capture = await readCapture(path);
});
afterAll(() => capture.close());

const machine = (changes: MachineOverrides = {}): Machine =>
  machineFromFacts(capture.facts, changes);
const flush = (name: string) => machine({ flush: { name, parameters: {} } });

function ops(left: Capture): string[] {
  const names = Object.entries(Op);
  return [...left.requests()].flatMap(({ op, length }) =>
    Array.from(op.subarray(0, length), (code) => names.find(([, n]) => n === code)![0]),
  );
}

const holds = (text: string, figures: Record<string, number | string>) =>
  parseCondition(text, CONDITION_FIELDS)((name) => figures[name] ?? 0);

test('conditions: comparisons, words, units, and what binds tighter', () => {
  expect(holds('steps > 1000', { steps: 1001 })).toBe(true);
  expect(holds('steps > 1_000', { steps: 1000 })).toBe(false);
  expect(holds('failure', { failure: 1 })).toBe(true);
  expect(holds('cause == no_gap', { cause: 'noGap' })).toBe(true);
  expect(holds('latency >= 5us && bytes <= 4KiB', { latency: 5000, bytes: 4096 })).toBe(true);
  expect(holds('maps == 1 or maps == 2 and failure', { maps: 1 })).toBe(true);
  expect(holds('(maps == 1 or maps == 2) and failure', { maps: 1 })).toBe(false);
  expect(holds('not failure and not (steps > 3)', { steps: 3 })).toBe(true);
  expect(holds('queued > live', { queued: 3, live: 2 })).toBe(true);
});

test.each([
  ['', 'at the end: got nothing, expected a name or a number'],
  ['steps >', 'at the end: got nothing'],
  ['stepz > 3', 'at character 1: got "stepz", expected one of: kind, failure'],
  ['steps > 3 4', 'at character 11: got "4", expected "and", "or" or the end'],
  ['cause > no_gap', 'at character 7: got ">", expected == or !=, as cause is a word'],
  ['cause == leak', 'at character 10: got "leak", expected one of: none, max32'],
  ['latency > 5parsecs', 'at character 11: got "5parsecs", expected a number, with ns'],
  ['(steps > 3', 'at the end: got nothing, expected ")"'],
  ['steps > 3; failure', 'at character 10: got ";"'],
])('a condition that is wrong says where: %s', (text, message) => {
  expect(() => parseCondition(text, CONDITION_FIELDS)).toThrow(message);
});

test('two flushes of a queue need two mappings that end apart', () => {
  const lazy = flush('percpu');
  const found = minimise(capture, lazy, conditionSearch('flushes >= 2', lazy))!;
  expect(found.minimal).toBe(true);
  expect(
    ops(found.capture).map((op) => (/map|alloc/.test(op) && op !== 'unmap' ? 'in' : 'out')),
  ).toEqual(['in', 'out', 'in', 'out']);
  expect(found.before).toBeGreaterThan(found.left);
});

test('strict and lazy differ at the first address that is used again at once', async () => {
  const search = divergenceSearch(flush('strict'), flush('percpu'));
  const found = minimise(capture, machine(), search)!;
  expect(found.left).toBe(3);
  const file = join(folder, 'small.csv');
  expect(writeRequests(found.capture, file, 'csv')).toBe(3);
  const written = await readCapture(file);
  expect(search(written)).toEqual(found.eventLeft);
  written.close();
});

test('the same machine twice never differs, and an event that never comes leaves nothing', () => {
  const lazy = flush('percpu');
  expect(minimise(capture, lazy, divergenceSearch(lazy, lazy))).toBeNull();
  expect(minimise(capture, lazy, conditionSearch('steps > 1e9', lazy))).toBeNull();
});

test('a budget that ends first leaves more, which still shows the event', () => {
  const lazy = flush('percpu');
  const search = conditionSearch('flushes >= 2', lazy);
  const found = minimise(capture, lazy, search, { replays: 12 })!;
  expect(found).toMatchObject({ minimal: false, replays: 12 });
  expect(search(found.capture)).toEqual(found.eventLeft);
});
