import { fileURLToPath } from 'node:url';
import { type Summary, summarise } from '@dmalab/analysis';
import { costOfWork, type MachineOverrides, machineFromFacts, replay } from '@dmalab/replay';
import { readCapture } from '@dmalab/trace';
import { expect, test } from 'vitest';

async function summaryOf(trace: string, changes: MachineOverrides): Promise<Summary> {
  const path = `../../../traces/${trace}/trace.txt.zst`;
  const capture = await readCapture(fileURLToPath(new URL(path, import.meta.url)));
  const { report, facts } = capture;
  const machine = machineFromFacts(facts, changes);
  const { summary } = summarise({ report, facts, machine, version: '0' }, replay(machine, capture));
  capture.close();
  return summary;
}

test('bouncing: bytes copied, slots searched and areas waited for are in the modelled latency', async () => {
  const { modelledWork, modelledCost, modelledLatency, machine } = await summaryOf(
    'swiotlb-force-default',
    {},
  );
  expect(modelledWork.bounceSearch).toBeGreaterThan(1000);
  expect(modelledWork.copyByte).toBeGreaterThan(1e6);
  expect(modelledCost.total / costOfWork(modelledWork, machine.cost)).toBeCloseTo(1, 9);
  expect(modelledLatency.map.count).toBeGreaterThan(0);
  expect(modelledLatency.map.min).toBeGreaterThan(100);
});

test('a host behind the page table: refreshes and entries are charged', async () => {
  const { modelledWork, modelledCost, machine } = await summaryOf('nvme-lazy-randread', {
    host: { name: 'vfio', parameters: {} },
    flush: { name: 'single', parameters: {} },
  });
  expect(modelledWork.hostRange).toBeGreaterThan(1000);
  expect(modelledWork.hostGlobal).toBeGreaterThan(0);
  expect(modelledCost.total / costOfWork(modelledWork, machine.cost)).toBeCloseTo(1, 9);
});
