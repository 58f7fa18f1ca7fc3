import { expect, test } from 'vitest';
import { LiveTable } from '../src/structures/live-table.ts';

/** The columns are replaced when the table grows: take the slot first. */
function add(live: LiveTable, id: number, pfn: number): void {
  const slot = live.add(id);
  live.pfn[slot] = pfn;
}

test('finds what was added and not what was removed', () => {
  const live = new LiveTable();
  add(live, 7, 70);
  add(live, 8, 80);
  live.remove(live.find(7));
  expect(live.find(7)).toBe(-1);
  expect(live.pfn[live.find(8)]).toBe(80);
  expect(live.size).toBe(1);
});

test('its memory follows what is live, not how many ids there were', () => {
  const live = new LiveTable();
  for (let id = 1; id <= 100_000; id++) {
    add(live, id, id);
    if (id > 300) live.remove(live.find(id - 300));
  }
  expect(live.size).toBe(300);
  expect(live.id.length).toBe(1024);
  for (let id = 99_701; id <= 100_000; id++) expect(live.pfn[live.find(id)]).toBe(id);
});

test('agrees with a map under additions and removals in any order', () => {
  const live = new LiveTable();
  const model = new Map<number, number>();
  let random = 1;
  for (let id = 1; id <= 20_000; id++) {
    random = (random * 48_271) % 2_147_483_647;
    add(live, id, random);
    model.set(id, random);
    const victim = random % id;
    if (model.delete(victim)) live.remove(live.find(victim));
  }
  expect(live.size).toBe(model.size);
  for (const [id, pfn] of model) expect(live.pfn[live.find(id)]).toBe(pfn);
});

test('forgets everything of one domain', () => {
  const live = new LiveTable();
  for (let id = 1; id <= 5000; id++) {
    const slot = live.add(id);
    live.domain[slot] = id % 3;
  }
  live.removeDomain(1);
  expect(live.size).toBe(3333);
  expect(live.find(4)).toBe(-1);
  expect(live.domain[live.find(5)]).toBe(2);
});
