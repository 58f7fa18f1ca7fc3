import { afterEach, expect, test } from 'vitest';
import { BLOCK_MASK, BLOCK_ROWS, RequestStore } from '../src/request-store.ts';

let store: RequestStore;
afterEach(() => store.close());

function fill(rows: number, newest: number): void {
  store = new RequestStore('test', newest);
  for (let row = 0; row < rows; row++) {
    expect(store.reserve()).toBe(row);
    store.block(row).size[row & BLOCK_MASK] = row;
  }
}

function sizes(): number[] {
  const all: number[] = [];
  for (const batch of store.batches(() => {})) all.push(...batch.size.subarray(0, batch.length));
  return all;
}

test('gives back every row in order, also those on disk', () => {
  const rows = 5 * BLOCK_ROWS + 17;
  fill(rows, 2);
  expect(sizes()).toEqual(Array.from({ length: rows }, (_, row) => row));
});

test('can be walked several times at once', () => {
  fill(5 * BLOCK_ROWS, 1);
  const first = store.batches(() => {});
  const second = store.batches(() => {});
  const a = first.next().value!;
  const b = second.next().value!;
  expect(a.length).toBe(65_536);
  expect([...b.size.subarray(0, 3)]).toEqual([0, 1, 2]);
  expect(first.next().value!.size[0]).toBe(65_536);
  expect(b.size[0]).toBe(0);
});

test('a row on disk can be changed', () => {
  fill(12 * BLOCK_ROWS, 1);
  for (let row = 3; row < store.length - BLOCK_ROWS; row += BLOCK_ROWS) {
    store.block(row).size[row & BLOCK_MASK] = -row;
  }
  const all = sizes();
  expect(all[3]).toBe(-3);
  expect(all[3 + 9 * BLOCK_ROWS]).toBe(-(3 + 9 * BLOCK_ROWS));
  expect(all[4]).toBe(4);
});

test('a new row is zero, though its memory was used before', () => {
  fill(3 * BLOCK_ROWS, 1);
  const row = store.reserve();
  const block = store.block(row);
  expect([block.size[row & BLOCK_MASK], block.op[row & BLOCK_MASK]]).toEqual([0, 0]);
});

test('a batch is corrected as it is handed out', () => {
  fill(3, 1);
  const [batch] = [...store.batches((b) => b.size.fill(9, 0, b.length))];
  expect([...batch!.size.subarray(0, 3)]).toEqual([9, 9, 9]);
  expect(sizes()).toEqual([0, 1, 2]);
});
