import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';

const TRACE = 'traces/nvme-lazy-randread/trace.txt.zst';

test.each([
  [[], /command/i],
  [['repaly', 'x'], /Did you mean replay/],
  [['info'], /Not enough non-option arguments/],
  [['info', 'x', '--jsn'], /Unknown argument: jsn/],
  [['replay', TRACE, '--no-cache'], /--no-cache: there is no such option; leave --cache out/],
  [
    ['replay', 'x', '--flush', 'percpuu'],
    /Unknown flush policy "percpuu", expected one of: strict, percpu, single/,
  ],
  [
    ['replay', 'x', '--flush', 'percpu:size=1'],
    /percpu\.size: got 1, expected a whole number from 2/,
  ],
  [['replay', 'x', '--flush', 'percpu:size'], /key=value/],
  [['replay', 'x', '--flush'], /Not enough arguments following: flush/],
  [
    ['replay', TRACE, '--flush', 'percpu:timerCpu=9'],
    /percpu\.timerCpu: got 9, expected a CPU below 4/,
  ],
  [['replay', 'x', '--cpus', '0'], /--cpus: got 0, expected a whole number from 1/],
  [['chart', 'out', 'nonsense', '-o', 'x.svg'], /Unknown chart "nonsense", expected one of: /],
])('%j is a usage error: exit code 2 and one line that says what to do', (words, message) => {
  const { code, stdout, stderr } = dmalab(words);
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain('    at ');
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

test('help names every command', () => {
  const { code, stdout } = dmalab(['--help']);
  expect(code).toBe(0);
  for (const command of ['info', 'replay', 'verify', 'conform', 'report', 'chart', 'policies']) {
    expect(stdout).toContain(`dmalab ${command}`);
  }
});

test('policies lists the kinds with their parameters', () => {
  const { policies } = jsonOf<{
    policies: { kind: string; name: string; parameters: { name: string }[] }[];
  }>(dmalab(['policies', '--json']));
  const names = policies.map(({ kind, name }) => `${kind} ${name}`);
  for (const name of ['iova linux', 'flush strict', 'flush percpu', 'flush single']) {
    expect(names).toContain(name);
  }
  const percpu = policies.find(({ name }) => name === 'percpu');
  expect(percpu?.parameters.map(({ name }) => name)).toContain('size');
});
