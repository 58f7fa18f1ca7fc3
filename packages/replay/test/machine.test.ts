import {
  completeChoice,
  describePolicies,
  kernelPreset,
  machineFromFacts,
  parseMachine,
  sacOfKernel,
} from '@dmalab/replay';
import type { CaptureFacts, Fact } from '@dmalab/trace';
import { expect, test } from 'vitest';

function fact<T>(value: T): Fact<T> {
  return { value, source: 'default' };
}

const domainFacts = {
  granule: fact(4096),
  startPfn: fact(1),
  reserved: fact([]),
  apertureEnd: null,
  devices: [],
  createdAt: null,
  destroyedAt: null,
};
const deviceFacts = { pci: fact(true), translated: fact(true), minAlignMask: fact(0) };

function facts(release: string | null, forcedac = false): CaptureFacts {
  return {
    kernel: release === null ? null : fact(release),
    cpus: fact(4),
    hz: fact(250),
    forcedac: fact(forcedac),
    clock: null,
    devices: [
      { name: '', maskBits: null, ...deviceFacts },
      { name: '0000:00:04.0', maskBits: fact(48), ...deviceFacts },
    ],
    bounce: null,
    domains: [
      { token: '', type: fact('DMA-FQ'), ...domainFacts },
      { token: '0xffff888101', type: fact('DMA'), ...domainFacts },
    ],
  };
}

test.each([
  ['6.12.107-1', '6.12', false],
  ['6.1.192-2', '6.1', false],
  ['6.6.30', '6.6', false],
  ['6.8.0-45-generic', '6.6', true],
  ['6.13.1', '6.12', true],
  ['5.10.0', '4.15', true],
  ['3.10.0', '4.9', true],
] as const)('release %s is replayed by preset %s', (release, preset, unverified) => {
  expect(kernelPreset(release)).toEqual({ preset, unverified });
});

test('devices stop trying 32 bits first after a failure since 6.6', () => {
  expect(sacOfKernel('6.1')).toBe('always');
  expect(sacOfKernel('6.6')).toBe('sticky');
  expect(machineFromFacts(facts('6.12.107')).sac).toBe('sticky');
  expect(machineFromFacts(facts('6.12.107', true)).sac).toBe('off');
});

test('the machine is the recorded one where facts are known, else the stated defaults', () => {
  const machine = machineFromFacts(facts('6.1.192'));
  expect(machine.kernel).toBe('6.1');
  expect(machine.timerMode).toBe('wheel');
  expect(machine.flush).toBe(null);
  expect(machine.allocator.name).toBe('linux');
  expect(machine.allocator.parameters.kernel).toBe('6.1');
  expect(machine.devices.map((device) => device.maskBits)).toEqual([64, 48]);
  expect(machine.domains.map((domain) => domain.type)).toEqual(['DMA-FQ', 'DMA']);
});

test('overrides change one device, every domain, or one', () => {
  const machine = machineFromFacts(facts(null), {
    devices: [{ name: '0000:00:04.0', maskBits: 32 }],
    domain: { apertureEnd: 0xffff_ffff },
    domains: [{}, { startPfn: 16 }],
    flush: { name: 'single', parameters: { timeoutMs: 100 } },
  });
  expect(machine.devices[1]!.maskBits).toBe(32);
  expect(machine.domains.map((domain) => [domain.startPfn, domain.apertureEnd])).toEqual([
    [1, 4294967295],
    [16, 4294967295],
  ]);
  expect(machine.flush).toEqual({
    name: 'single',
    parameters: { size: 32768, timeoutMs: 100, timerCpu: -1 },
  });
});

test('an override of a device that the capture lacks names those it has', () => {
  expect(() => machineFromFacts(facts(null), { devices: [{ name: 'eth0' }] })).toThrow(
    new RangeError('Unknown device "eth0", the capture has: 0000:00:04.0'),
  );
});

test('unknown policies and parameters, and values out of range, say what was expected', () => {
  const choose = (name: string, parameters: Record<string, number>) => () =>
    completeChoice('flush', { name, parameters });
  expect(() => completeChoice('iova', { name: 'rbtee', parameters: {} })).toThrow(
    'Unknown IOVA policy "rbtee", expected one of: linux',
  );
  expect(choose('batches', {})).toThrow(
    'Unknown flush policy "batches", expected one of: strict, percpu, single',
  );
  expect(choose('strict', { size: 4 })).toThrow(
    'Unknown parameter "size" of strict, expected one of: none',
  );
  expect(choose('percpu', { size: 1 })).toThrow(
    'percpu.size: got 1, expected a whole number from 2 to 4194304 entries',
  );
  expect(choose('percpu', { timeoutMs: 0.5 })).toThrow(
    'percpu.timeoutMs: got 0.5, expected a whole number from 1 to 3600000 ms',
  );
});

test('a ring has any size up to kernel 6.6, and a power of two since 6.7', () => {
  const flush = { name: 'percpu', parameters: { size: 100 } };
  expect(() => machineFromFacts(facts('6.12.107'), { flush })).toThrow(
    'percpu.size: got 100, expected a power of two with kernel 6.12 (any size up to 6.6)',
  );
  const { flush: chosen } = machineFromFacts(facts('6.12.107'), { flush, kernel: '6.1' });
  expect(chosen?.parameters.size).toBe(100);
});

test('a machine file states what differs', () => {
  const overrides = parseMachine({
    kernel: 6.1,
    hz: 1000,
    flush: 'single',
    allocator: { name: 'linux', parameters: { magazineSize: 64 } },
    devices: [{ name: '*', maskBits: 32 }],
    domain: { reserved: [[1, 15]] },
    cost: { rcache: 10 },
  });
  expect(overrides).toEqual({
    kernel: '6.1',
    hz: 1000,
    flush: { name: 'single', parameters: {} },
    allocator: { name: 'linux', parameters: { magazineSize: 64 } },
    devices: [{ name: '*', maskBits: 32 }],
    domain: { reserved: [[1, 15]] },
    cost: { rcache: 10 },
  });
});

test('a machine written as JSON is a machine file that makes it again', () => {
  const machine = machineFromFacts(facts('6.12.107'), {
    flush: { name: 'percpu', parameters: {} },
    sac: 'always',
  });
  const again = parseMachine(JSON.parse(JSON.stringify(machine)));
  expect(machineFromFacts(facts('6.12.107'), again)).toEqual(machine);
});

test.each([
  [{ hz: '250' }, 'hz: got "250", expected a whole number from 1 to 10000'],
  [{ timermode: 'wheel' }, 'Unknown key "timermode", expected one of: kernel'],
  [{ devices: [{ maskBits: 32 }] }, 'devices[0].name: got nothing, expected a string'],
  [
    { devices: [{ name: 'a' }, { name: 'b', maskBits: 128 }] },
    'devices[1].maskBits: got 128, expected a whole number from 12 to 64',
  ],
  [{ domain: { granule: 5000 } }, 'domain.granule: got 5000, expected a power of two in bytes'],
  [
    { domain: { reserved: [[4, 2, 1]] } },
    'domain.reserved[0]: got [4,2,1], expected a pair [first pfn, last pfn]',
  ],
  [
    { flush: { name: 'percpu', size: 4 } },
    'Unknown key "flush.size", expected one of: name, param',
  ],
  [{ flush: 'never' }, 'flush: Unknown flush policy "never", expected one of: strict'],
  [
    { allocator: { name: 'linux', parameters: { depot: [] } } },
    'allocator.parameters.depot: got [], expected a number, true or false, or a word',
  ],
  [[], 'machine: got [], expected keys with values'],
])('machine file %j: %s', (file, message) => {
  expect(() => parseMachine(file)).toThrow(message);
});

test('every policy describes itself and its parameters', () => {
  const described = describePolicies();
  const names = described.map(({ kind, name }) => `${kind} ${name}`);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining(['iova linux', 'flush percpu', 'bounce static', 'host vfio']),
  );
  for (const { summary, parameters } of described) {
    expect(summary).not.toBe('');
    for (const parameter of parameters) expect(parameter.summary).not.toBe('');
  }
});

test('a machine that the capture or its own CPUs contradict is refused', () => {
  expect(() => parseMachine({ domain: { reserved: [[9, 5]] } })).toThrow(
    'domain.reserved[0][1]: got 5, expected a whole number from 9 to 4503599627370495',
  );
  expect(() => parseMachine({ domain: { startPfn: 2 ** 52 } })).toThrow('domain.startPfn: got');
  expect(() => parseMachine({ sac: 'x'.repeat(1000) })).toThrow(
    /^sac: got "x{59}\.\.\., expected one of: always, sticky, off$/,
  );
});
