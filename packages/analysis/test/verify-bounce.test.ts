import { bounceHolds, verify, verifyText } from '@dmalab/analysis';
import { describe, expect, test } from 'vitest';
import { BounceLines, slot } from './support/bounce-lines.ts';
import { irq, task } from './support/trace-lines.ts';

const KIB = 1024;

async function verifyBounce(trace: BounceLines, after?: { used: number; hiwater: number }) {
  const { bounce } = await verify(trace.save(after));
  return bounce;
}

describe('slots of maps', () => {
  test('follow one another in the area of the CPU', async () => {
    const trace = new BounceLines();
    trace.mapped(task(0), 4 * KIB, slot(0));
    trace.mapped(task(1), 2 * KIB, slot(256));
    trace.mapped(task(2), 4 * KIB, slot(2));
    trace.released(task(0), slot(0));
    trace.mapped(task(0), 4 * KIB, slot(4));
    const bounce = await verifyBounce(trace, { used: 5, hiwater: 5 });
    expect(bounce).toMatchObject({ compared: 4, matched: 4, reordered: 0, first: null, why: null });
    expect(bounce.usage).toMatchObject({
      used: { recorded: 5, lowest: 5, highest: 5, explained: true },
      hiwater: { recorded: 5, lowest: 5, highest: 5, explained: true },
    });
    expect(bounceHolds(bounce)).toBe(true);
  });

  test('of two maps that overlap the later one may have come first', async () => {
    const trace = new BounceLines();
    trace.map(task(0), 4 * KIB);
    trace.map(task(2), 4 * KIB);
    trace.returns(task(2), slot(0));
    trace.returns(task(0), slot(2));
    expect(await verifyBounce(trace)).toMatchObject({ compared: 2, matched: 2, first: null });
  });

  test('of two maps one after the other no other order is allowed', async () => {
    const trace = new BounceLines();
    const entryLine = trace.map(task(0), 4 * KIB);
    const line = trace.returns(task(0), slot(2));
    trace.mapped(task(2), 4 * KIB, slot(0));
    const bounce = await verifyBounce(trace);
    expect(bounce).toMatchObject({ compared: 2, matched: 0 });
    expect(bounce.first).toMatchObject({
      line,
      entryLine,
      bytes: 4096,
      recorded: slot(2),
      model: slot(0),
      area: 0,
      used: 0,
      index: 0,
      proved: true,
    });
    expect(bounceHolds(bounce)).toBe(false);
  });

  test('an address outside of the pool is never explained', async () => {
    const trace = new BounceLines();
    trace.mapped(task(0), 4 * KIB, slot(4096));
    expect(await verifyBounce(trace)).toMatchObject({ compared: 1, matched: 0 });
  });

  test('may be those of a release that is still going on', async () => {
    const trace = new BounceLines();
    trace.mapped(task(0), 252 * KIB, slot(0));
    trace.mapped(task(2), 252 * KIB, slot(128));
    trace.mapped(task(1), 252 * KIB, slot(256));
    trace.mapped(task(3), 252 * KIB, slot(384));
    trace.release(irq(1), slot(128));
    trace.mapped(task(0), 64 * KIB, slot(128));
    trace.other(task(1));
    expect(await verifyBounce(trace)).toMatchObject({ compared: 5, matched: 5, reordered: 1 });
  });

  test('are put off where a map that took long came later than its entry', async () => {
    const trace = new BounceLines();
    trace.map(task(0), 4 * KIB);
    trace.mapped(task(2), 2 * KIB, slot(0));
    trace.mapped(task(2), 4 * KIB, slot(2));
    trace.returns(task(0), slot(4));
    expect(await verifyBounce(trace)).toMatchObject({ compared: 3, matched: 3, first: null });
  });
});

describe('a search in vain', () => {
  function full(): BounceLines {
    const trace = new BounceLines();
    for (const first of [0, 128]) trace.mapped(task(0), 252 * KIB, slot(first));
    for (const first of [256, 384]) trace.mapped(task(1), 252 * KIB, slot(first));
    return trace;
  }

  test('of every area makes a map fail', async () => {
    const trace = full();
    trace.mapped(task(0), 64 * KIB, null);
    expect(await verifyBounce(trace)).toMatchObject({
      failures: { recorded: 1, explained: 1 },
      misses: { recorded: 2, explained: 2 },
    });
  });

  test('is not explained while an area has room', async () => {
    const trace = full();
    trace.released(task(1), slot(256));
    const entryLine = trace.map(task(0), 64 * KIB);
    trace.returns(task(0), null);
    const bounce = await verifyBounce(trace);
    expect(bounce).toMatchObject({
      compared: 4,
      matched: 4,
      failures: { recorded: 1, explained: 0 },
      misses: { recorded: 2, explained: 1 },
      first: { entryLine, recorded: null, model: slot(256), area: 1 },
    });
    expect(bounceHolds(bounce)).toBe(false);
  });

  test('may have come before a release that overlaps it', async () => {
    const trace = full();
    trace.map(task(0), 64 * KIB);
    trace.released(task(1), slot(256));
    trace.returns(task(0), null);
    expect(await verifyBounce(trace)).toMatchObject({
      failures: { recorded: 1, explained: 1 },
      misses: { recorded: 2, explained: 2 },
    });
  });

  test('precedes slots of another area than that of the CPU', async () => {
    const trace = full();
    trace.released(task(1), slot(256));
    trace.mapped(task(0), 64 * KIB, slot(256));
    expect(await verifyBounce(trace)).toMatchObject({
      compared: 5,
      matched: 5,
      misses: { recorded: 1, explained: 1 },
    });
  });
});

test('debugfs afterwards must be what the calls allow', async () => {
  const trace = new BounceLines();
  trace.mapped(task(0), 4 * KIB, slot(0));
  const bounce = await verifyBounce(trace, { used: 2, hiwater: 3 });
  expect(bounce.matched).toBe(1);
  expect(bounce.usage?.hiwater).toEqual({ recorded: 3, lowest: 2, highest: 2, explained: false });
  expect(bounceHolds(bounce)).toBe(false);
});

test('lines of debugfs in the trace are compared with the calls before them', async () => {
  const trace = new BounceLines();
  const sample = (used: number, hiwater: number) =>
    trace.event(
      task(3),
      `tracing_mark_write: swiotlb_debugfs io_tlb_nslabs=512 io_tlb_used=${used} io_tlb_used_hiwater=${hiwater} io_tlb_transient_nslabs=0`,
    );
  sample(0, 0);
  trace.mapped(task(0), 4 * KIB, slot(0));
  sample(2, 2);
  const firstLine = sample(3, 3);
  expect((await verifyBounce(trace)).usage?.samples).toEqual({
    recorded: 3,
    explained: 2,
    atRest: 2,
    equal: 1,
    firstLine,
  });
});

test('a pool in use before the trace is not compared', async () => {
  const trace = new BounceLines();
  trace.mapped(task(0), 4 * KIB, slot(0));
  const { bounce } = await verify(trace.save(null, { used: 3, hiwater: 8 }));
  expect(bounce).toMatchObject({ compared: 0, why: '3 slots were in use before the trace' });
});

test('the text names addresses, areas and what debugfs says', async () => {
  const trace = new BounceLines();
  trace.mapped(task(0), 4 * KIB, slot(2));
  const text = verifyText(await verify(trace.save({ used: 2, hiwater: 2 })));
  expect(text).toContain('0 of 1 slot addresses explained: 0.00 %');
  expect(text).toContain('recorded  0x77001000');
  expect(text).toContain('model     0x77000000');
  expect(text).toContain('high-water mark: 2 recorded, 2 by the calls');
});
