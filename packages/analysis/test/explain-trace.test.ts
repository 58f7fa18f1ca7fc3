// Failures of a replay: their cause, and replays that show what helps.

import { explainCapture, explainText } from '@dmalab/analysis';
import { type MachineOverrides, machineFromFacts } from '@dmalab/replay';
import { type Capture, readCapture } from '@dmalab/trace';
import { afterAll, beforeAll, expect, test } from 'vitest';

let lazy: Capture;
beforeAll(async () => {
  lazy = await readCapture('traces/nvme-lazy-randread/trace.txt.zst');
});
afterAll(() => lazy.close());

const explained = (overrides: MachineOverrides = {}) =>
  explainCapture(lazy, machineFromFacts(lazy.facts, overrides));

test('nothing failed: no explanation', () => {
  expect(explained().explanations).toEqual([]);
});

test('a full pool: twice the slots are enough, more areas are not', async () => {
  const capture = await readCapture('traces/swiotlb-small-full/trace.txt.zst');
  const { explanations } = explainCapture(capture, machineFromFacts(capture.facts));
  capture.close();
  expect(explanations.map(({ cause }) => cause)).toEqual(['pool-full', 'area-full', 'fragmented']);
  const [full] = explanations;
  expect(full?.helps[0]).toMatchObject({ parameter: 'swiotlb=4096,4,force' });
  expect(full?.proof).toMatchObject([
    { parameter: 'swiotlb=2048,8,force', before: 16, beforeAll: 64 },
    { parameter: 'swiotlb=4096,4,force', after: 0, afterAll: 0 },
  ]);
  expect(full?.proof[0]?.afterAll).toBeGreaterThan(0);
  expect(full?.doesNotHelp).toEqual(['more areas: they share the same slots, as a replay shows']);
  expect(full?.evidence[0]?.where).toMatch(/^traces.*:\d+$/);
});

test('requests above 256 KiB fit into no pool: eight times the slots change nothing', async () => {
  const capture = await readCapture('traces/vblk-large-huge/trace.txt.zst');
  const machine = machineFromFacts(capture.facts, {
    swiotlb: 'force',
    bounce: { name: 'static', parameters: { slots: 32_768 } },
    devices: [{ name: '*', translated: false }],
  });
  const { explanations } = explainCapture(capture, machine);
  capture.close();
  const large = explanations.find(({ cause }) => cause === 'too-large');
  expect(large?.proof[0]?.after).toBe(large?.count);
  expect(large?.helps.map(({ parameter }) => parameter)).toEqual([null, null]);
});

test('a host with few mapping entries: the limit that is enough', () => {
  const result = explained({
    host: { name: 'vfio', parameters: { entries: 100, outOfResource: 'fail' } },
  });
  const [entries] = result.explanations;
  expect(entries?.cause).toBe('host-entries');
  expect(entries?.helps[0]?.parameter).toMatch(/^vfio_iommu_type1\.dma_entry_limit=\d+$/);
  expect(entries?.proof.some((proof) => proof.afterAll === 0)).toBe(true);
  expect(explainText(result)).toContain('mapping entries of the host used up');
});

test('a pool that found no memory to grow: its size at boot without growth', async () => {
  const capture = await readCapture('traces/swiotlb-dynamic-full/trace.txt.zst');
  const { explanations } = explainCapture(capture, machineFromFacts(capture.facts));
  capture.close();
  const [growth] = explanations;
  expect(growth).toMatchObject({ cause: 'coherent-memory', confidence: 'likely', count: 188 });
  expect(growth?.why).toContain('found no contiguous memory for more pools');
  expect(growth?.helps[0]?.parameter).toMatch(/^swiotlb=\d+/);
  expect(growth?.proof.at(-1)).toMatchObject({ afterAll: 0 });
  expect(growth?.proof[0]?.beforeAll).toBeGreaterThan(0);
  expect(growth?.doesNotHelp.join()).not.toContain('swiotlb=');
});

test('an address space that ends below the mask is named, not the mask; strict invalidation helps in part', () => {
  const { explanations } = explained({ domain: { apertureEnd: 0x7_ffff } });
  const [space] = explanations;
  expect(explanations).toHaveLength(1);
  expect(space?.cause).toBe('iova-space');
  expect(space?.helps.slice(0, 2)).toMatchObject([
    { text: 'address spaces 16 times as large, as a replay shows', parameter: null },
    { parameter: 'iommu.strict=1' },
  ]);
  expect(space?.helps[1]?.text).toContain('in part');
});

test('a narrow mask: a wider one is tried without the limits that were recorded with each request', () => {
  const devices = lazy.facts.devices.map(({ name }) => ({ name, maskBits: 19 }));
  const machine = machineFromFacts(lazy.facts, { devices });
  const { openStart, close } = { openStart: () => lazy.openStart(), close: () => {} };
  const narrow: Capture = {
    ...{ facts: lazy.facts, report: lazy.report, tasks: lazy.tasks, lists: lazy.lists },
    openStart,
    close,
    *requests() {
      for (const batch of lazy.requests()) {
        yield { ...batch, dmaLimit: batch.dmaLimit.map(() => 2 ** 19 - 1) };
      }
    },
  };
  const [low] = explainCapture(narrow, machine).explanations;
  expect(low?.cause).toBe('iova-32bit');
  expect(low?.proof.at(-1)).toMatchObject({ change: 'DMA masks of 64 bits', afterAll: 0 });
});

test('a restricted pool is not made larger on the command line', async () => {
  const capture = await readCapture('traces/swiotlb-force-default/trace.txt.zst');
  const machine = machineFromFacts(capture.facts, {
    bounce: { name: 'restricted', parameters: { slots: 256 } },
  });
  const { explanations } = explainCapture(capture, machine);
  capture.close();
  const parameters = explanations.flatMap(({ helps, proof }) =>
    [...helps, ...proof].map(({ parameter }) => parameter),
  );
  expect(parameters.every((parameter) => parameter === null)).toBe(true);
  expect(explanations[0]?.helps[0]?.text).toContain('in the device tree, as a replay shows');
});
