import { type Machine, parseMachine, QueueKind } from '@dmalab/replay';
import { expect, test } from 'vitest';
import { domain, machine, type Outcome, ofKind, outcomes } from './support/outcomes.ts';
import { map, type Row, unmap } from './support/requests.ts';

const MS = 1e6;
const strict = [domain(), domain({ type: 'DMA' })];

/** A mapping unmapped before the switch at 10 ms, and one after it. */
const rows: Row[] = [map(1, 0), unmap(1, MS), map(2, 2 * MS), unmap(2, 20 * MS), map(3, 5000 * MS)];

function switched(changes: Partial<Machine>): Outcome[] {
  const typeSwitches = [{ at: 10 * MS, domain: 1, to: 'DMA-FQ', bound: true }] as const;
  return outcomes(machine({ domains: strict, typeSwitches, ...changes }), rows);
}

function flushTimes(found: readonly Outcome[]): number[] {
  return ofKind('flush', found).map(({ time }) => time / MS);
}

test('a strict domain becomes lazy in mid-replay; the unmaps before were strict', () => {
  const found = switched({});
  expect(found.map(({ kind }) => kind)).toEqual([
    'map',
    'unmap',
    'sync',
    'release',
    'map',
    'typeSwitch',
    'unmap',
    'flush',
    'release',
    'map',
  ]);
  expect(flushTimes(found)).toEqual([30]);
  expect(ofKind('typeSwitch', found)[0]).toMatchObject({
    time: 10 * MS,
    domain: 1,
    value: 0,
    path: QueueKind.percpu,
    cause: QueueKind.percpu,
  });
});

test('an initialiser that reads the type of the domain makes the single queue, whatever was asked for', () => {
  const found = switched({ fqInitReads: 'domainType' });
  expect(ofKind('typeSwitch', found)[0]).toMatchObject({
    path: QueueKind.percpu,
    cause: QueueKind.single,
  });
  expect(flushTimes(found)).toEqual([1020]);
  const asked = switched({
    fqInitReads: 'requestedType',
    typeSwitches: [{ at: 0, domain: 1, to: 'DMA-SQ', bound: true }],
  });
  expect(flushTimes(asked)).toEqual([1001]);
});

test('stored options decide on the queue, and the machine file on them', () => {
  const found = switched({ flush: { name: 'single', parameters: { timeoutMs: 100 } } });
  expect(flushTimes(found)).toEqual([120]);
  expect(ofKind('typeSwitch', found)[0]).toMatchObject({
    path: QueueKind.single,
    cause: QueueKind.single,
  });
});

test.each([
  ['6.12', 1],
  ['6.1', 16],
] as const)('kernel %s refuses the way back while a driver is bound', (kernel, errno) => {
  const found = switched({
    kernel,
    domains: [domain(), domain({ type: 'DMA-FQ' })],
    typeSwitches: [{ at: 10 * MS, domain: 1, to: 'DMA', bound: true }],
  });
  expect(ofKind('typeSwitch', found)[0]).toMatchObject({ value: errno, cause: QueueKind.percpu });
  expect(ofKind('sync', found)).toEqual([]);
});

test('without a driver the domain is made anew', () => {
  const found = switched({
    domains: [domain(), domain({ type: 'DMA-FQ' })],
    typeSwitches: [{ at: 10 * MS, domain: 0, to: 'DMA', bound: false }],
  });
  expect(found.map(({ kind }) => kind)).toEqual([
    'map',
    'unmap',
    'map',
    'domainDestroy',
    'typeSwitch',
    'skipped',
    'map',
  ]);
  expect(found.at(-1)!.pfn).toBe(found[0]!.pfn);
});

test('a domain that is made anew as identity translates nothing, until it has its old type again', () => {
  const found = switched({
    typeSwitches: [
      { at: 1.5 * MS, domain: 1, to: 'identity', bound: false },
      { at: 30 * MS, domain: 1, to: 'auto', bound: false },
    ],
  });
  expect(found.map(({ kind, value }) => `${kind} ${value}`)).toEqual([
    'map 0',
    `unmap ${MS}`,
    'sync 0',
    'release 0',
    'domainDestroy 0',
    'typeSwitch 0',
    'direct 1',
    'direct 2',
    'domainDestroy 0',
    'typeSwitch 0',
    'map 0',
  ]);
  const bound = [{ at: 10 * MS, domain: 1, to: 'identity', bound: true }] as const;
  expect(ofKind('typeSwitch', switched({ typeSwitches: bound }))[0]?.value).toBe(1);
});

test('a mapping of an identity domain is unmapped without translation, whatever the domain is by then', () => {
  const found = switched({
    domains: [domain(), domain({ type: 'identity' })],
    typeSwitches: [{ at: 10 * MS, domain: 1, to: 'DMA', bound: false }],
  });
  const after = found.slice(found.findIndex(({ kind }) => kind === 'typeSwitch') + 1);
  expect(after.map(({ kind }) => kind)).toEqual(['direct', 'map']);
});

test('kernel 6.1 leaves a domain that has the type already, later ones make a new one', () => {
  const again = (kernel: '6.1' | '6.12') =>
    switched({
      kernel,
      domains: [domain(), domain({ type: 'DMA-FQ' })],
      typeSwitches: [{ at: 10 * MS, domain: 1, to: 'DMA-FQ', bound: false }],
    }).map(({ kind }) => kind);
  expect(again('6.1')).not.toContain('domainDestroy');
  expect(again('6.12')).toContain('domainDestroy');
});

test('kernel 6.1 changes no type of a group with several devices, live or not', () => {
  const domains = [domain(), domain({ type: 'DMA', groupDevices: 2 })];
  const refused = ofKind('typeSwitch', switched({ kernel: '6.1', domains }))[0];
  expect(refused).toMatchObject({ value: 22, cause: QueueKind.none });
  expect(ofKind('typeSwitch', switched({ kernel: '6.12', domains }))[0]?.value).toBe(0);
});

test('without deferred flushes a lazy domain is made strict; the live switch does not ask', () => {
  const lazy = [domain(), domain({ type: 'DMA-FQ', deferredFlush: false })];
  const never = { domains: lazy, typeSwitches: [] };
  expect(ofKind('sync', switched(never))).toHaveLength(2);
  expect(ofKind('sync', switched({ ...never, kernel: '6.1' }))).toHaveLength(0);
  const later = ofKind('sync', switched({ domains: lazy }));
  expect(later.map(({ time }) => time / MS)).toEqual([1]);
});

test('a machine file writes times with their unit', () => {
  const { typeSwitches } = parseMachine({ typeSwitches: [{ at: '2 s', to: 'DMA-FQ' }] });
  expect(typeSwitches).toEqual([{ at: 2e9, domain: 0, to: 'DMA-FQ', bound: true }]);
  expect(() => parseMachine({ typeSwitches: [{ at: '2 days', to: 'DMA-FQ' }] })).toThrow(
    'typeSwitches[0].at: got "2 days", expected ns from 0 on, or a text such as "2 s" or "10 ms"',
  );
  expect(() => parseMachine({ typeSwitches: [{ at: 0, to: 'lazy' }] })).toThrow(
    'typeSwitches[0].to: got "lazy", expected one of: DMA, DMA-FQ, DMA-SQ, identity, auto',
  );
});
