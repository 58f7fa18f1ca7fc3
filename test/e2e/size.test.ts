import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';

const SMALL = 'traces/swiotlb-small-full/trace.txt.zst';

test('size answers with a number, proof on both sides, and a line to paste', () => {
  const words = ['size', SMALL, '--bounce', 'static', '--goal', 'no-failures', '--json'];
  const result = jsonOf<{ replays: number; curve: { value: number }[] }>(dmalab(words));
  expect(result).toMatchObject({
    schema: 'dmalab.size/1',
    parameter: 'bounce.slots',
    answer: 4096,
    unit: 'slots',
    bytes: 2 ** 23,
    passes: true,
    below: { value: 2048, passes: false },
    kernelParameter: 'swiotlb=4096,4,force',
  });
  expect(result.replays).toBeLessThan(15);
  expect(result.curve.map(({ value }) => value)).toContain(2048);
});

test('size prints the answer, what the kernel would have taken, and the curve', () => {
  const words = ['size', SMALL, '--bounce', 'static', '--memory', '8G', '--rate', '2'];
  const { code, stdout, stderr } = dmalab(words);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/answer +\d[\d,]* slots = .* MiB/);
  expect(stdout).toMatch(/set it with +swiotlb=\d+,4,force/);
  expect(stdout).toMatch(/6 % of 8 GiB.*\n +262,144 slots, \d+ times the answer: meets the goals/);
  expect(stdout).toContain('failure rate');
});

test('what cannot be sized is refused before the trace is read', () => {
  const refused = (words: readonly string[]): string => {
    const { code, stderr } = dmalab(['size', 'no-such-trace.txt', ...words]);
    expect(code).toBe(2);
    return stderr;
  };
  expect(refused(['--goal', 'fails<=3'])).toMatch(/--goal: got "fails<=3", expected one of/);
  expect(refused(['--parameter', 'slot'])).toMatch(/--parameter: got "slot", expected one of/);
  expect(refused(['--memory', 'much'])).toMatch(/--memory: got "much", expected a size as in 8G/);
  expect(refused(['--flush', 'percpu', '--flush', 'single'])).toMatch(/one machine, got 2/);
});
