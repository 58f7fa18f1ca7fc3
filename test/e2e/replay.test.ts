import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder, writeTemp } from '../support/temp-folder.ts';

const folder = tempFolder();
const TRACE = 'traces/nvme-lazy-randread/trace.txt.zst';

interface Summary {
  run: string;
  requests: { mapped: number; failed: number };
  flushes: { total: number; rangeInvalidations: number };
  exposure: { staleWindow: { max: number | null } };
}

test('replay compares queues on one trace and keeps the results', () => {
  const out = join(folder, 'out');
  const words = ['--flush', 'strict', '--flush', 'percpu', '--flush', 'single'];
  const { code, stdout, stderr } = dmalab(['replay', TRACE, ...words, '-o', out]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toContain('nvme-lazy-randread');
  for (const line of stdout.split('\n').slice(1, -2)) expect(line.length).toBeLessThanOrEqual(72);
  for (const run of ['strict', 'percpu', 'single']) {
    for (const file of ['summary.json', 'series.json', 'distributions.json']) {
      expect(existsSync(join(out, 'nvme-lazy-randread', run, file))).toBe(true);
    }
  }
});

test('strict invalidates every unmap and leaves no stale window; a lazy queue flushes now and then', () => {
  const { runs } = jsonOf<{ runs: Summary[] }>(
    dmalab(['replay', TRACE, '--flush', 'strict', '--flush', 'percpu', '--json']),
  );
  const [strict, percpu] = runs;
  expect(strict?.requests).toMatchObject({ mapped: 6226, failed: 0 });
  expect(strict?.flushes).toMatchObject({ total: 0, rangeInvalidations: 6214 });
  expect(strict?.exposure.staleWindow.max).toBe(0);
  expect(percpu?.requests).toMatchObject({ mapped: 6226, failed: 0 });
  expect(percpu?.flushes.rangeInvalidations).toBe(0);
  expect(percpu?.flushes.total).toBeGreaterThan(0);
});

test('the same trace and machine give the same bytes', () => {
  const results = ['first', 'second'].map((name) => {
    dmalab(['replay', TRACE, '--flush', 'percpu', '-o', join(folder, name)]);
    return readFileSync(join(folder, name, 'nvme-lazy-randread', 'percpu', 'summary.json'), 'utf8');
  });
  expect(results[0]).toBe(results[1]);
});

test('a machine file repeats a run, and a wrong one is named with its key', () => {
  const good = writeTemp(
    folder,
    'vm.yaml',
    'cpus: 8\nflush:\n  name: single\n  parameters: { size: 1024 }\n',
  );
  const summary = jsonOf<Summary & { machine: { cpus: number; flush: { name: string } } }>(
    dmalab(['replay', TRACE, '-m', good, '--json']),
  );
  expect(summary.run).toBe('vm');
  expect(summary.machine).toMatchObject({
    cpus: 8,
    flush: { name: 'single', parameters: { size: 1024 } },
  });

  const wrong = writeTemp(
    folder,
    'wrong.yaml',
    'flush:\n  name: single\n  parameters: { size: 1000 }\n',
  );
  const { code, stderr } = dmalab(['replay', TRACE, '-m', wrong]);
  expect(stderr).toMatch(/wrong\.yaml: .*size.*1000.*power of two/);
  expect(code).toBe(1);

  const broken = writeTemp(folder, 'broken.yaml', 'cpus: [8\nflush: {');
  expect(dmalab(['replay', TRACE, '-m', broken]).stderr).toMatch(
    /broken\.yaml:\d+: not valid YAML or JSON/,
  );
});

test('a kernel in a machine file is what was written, not a number', () => {
  const file = writeTemp(folder, 'kernel.yaml', 'kernel: 6.10\n');
  const { code, stderr } = dmalab(['replay', TRACE, '-m', file]);
  expect(stderr).toMatch(/kernel\.yaml: kernel: got "6\.10", expected one of: 4\.9, /);
  expect(code).toBe(1);
});

test('a machine file for another capture is bad input, and named', () => {
  const device = writeTemp(folder, 'device.yaml', 'devices: [{ name: eth9, maskBits: 32 }]\n');
  const domains = writeTemp(folder, 'domains.yaml', 'domains: [{}, {}, { granule: 65536 }]\n');
  for (const [file, message] of [
    [device, /device\.yaml: Unknown device "eth9", the capture has: 0000:00:04\.0/],
    [domains, /domains\.yaml: domains: got 3, the capture has 2/],
  ] as const) {
    const { code, stderr } = dmalab(['replay', TRACE, '-m', file]);
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
  }
});

test('flags for devices add to those of a machine file', () => {
  const file = writeTemp(folder, 'mask.yaml', 'devices: [{ name: "*", maskBits: 32 }]\n');
  const words = ['replay', TRACE, '-m', file, '--translate-all', '--json'];
  const summary = jsonOf<{ machine: { devices: object[] } }>(dmalab(words));
  expect(summary.machine.devices.at(-1)).toMatchObject({ maskBits: 32, translated: true });
});

test('results that cannot be written are an error before anything is read', () => {
  const file = writeTemp(folder, 'file', '');
  for (const out of [file, join(file, 'below'), '/proc/nowhere']) {
    const { code, stdout, stderr } = dmalab(['replay', TRACE, '-o', out]);
    expect(stderr).toMatch(/: cannot write: /);
    expect(stderr).not.toContain('    at ');
    expect([code, stdout]).toEqual([1, '']);
  }
  const page = '/proc/nowhere/report.html';
  dmalab(['replay', TRACE, '-o', join(folder, 'kept')]);
  expect(dmalab(['report', join(folder, 'kept'), '-o', page]).stderr).toMatch(/cannot write: /);
});

test('traces whose names differ in signs only keep results of their own', () => {
  const text = readFileSync('traces/formats-clocks/trace.clock-tai.txt');
  const files = ['a b.txt', 'a-b.txt'].map((name) => writeTemp(folder, name, `# ${name}\n${text}`));
  const out = join(folder, 'names');
  expect(dmalab(['replay', ...files, '-o', out]).code).toBe(0);
  expect(readdirSync(out).sort()).toEqual(['a-b', 'a-b-2']);
});

test('a kernel preset is taken by its name', () => {
  for (const kernel of ['6.1', '6.12']) {
    const words = ['replay', TRACE, '--kernel', kernel, '--cpus', '2', '--hz', '1000', '--json'];
    const summary = jsonOf<{ machine: object }>(dmalab(words));
    expect(summary.machine).toMatchObject({ kernel, cpus: 2, hz: 1000 });
  }
});

test('charts and a report are made from the results without the trace', () => {
  const out = join(folder, 'charts');
  dmalab(['replay', TRACE, '--flush', 'strict', '--flush', 'percpu', '-o', out]);
  for (const name of ['occupancy', 'stale-window', 'flush-batch', 'lifetime']) {
    for (const ending of ['.svg', '.png', '.vl.json']) {
      const file = join(folder, `${name}${ending}`);
      const { code, stderr } = dmalab(['chart', out, name, '-o', file]);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(readFileSync(file).length).toBeGreaterThan(1000);
    }
  }
  const page = join(folder, 'report.html');
  expect(dmalab(['report', out, '-o', page]).code).toBe(0);
  const html = readFileSync(page, 'utf8');
  expect(html).toContain('nvme-lazy-randread');
  expect(html).not.toMatch(/(?:src|href)="https?:/);
});

test('report and chart say how to make a result folder where there is none', () => {
  const { code, stderr } = dmalab(['report', folder, '-o', join(folder, 'x.html')]);
  if (code !== 0) expect(stderr).toMatch(/dmalab replay TRACE -o/);
  const missing = dmalab(['chart', join(folder, 'nowhere'), 'occupancy', '-o', 'x.svg']);
  expect(missing.stderr).toMatch(/nowhere: no such folder/);
  expect(missing.code).toBe(1);
});
