import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder, writeTemp } from '../support/temp-folder.ts';

const folder = tempFolder();
const FULL =
  'nvme 0000:00:04.0: swiotlb buffer is full (sz: 65536 bytes), total 2048 (slots), used 2040 (slots)';

test('explain takes a log by its content, from a file, standard input or the command line', () => {
  const path = writeTemp(
    folder,
    'kern.log',
    `[    1.000000] usb 1-1: new device\n[   12.500000] ${FULL}\n`,
  );
  const file = dmalab(['explain', path]);
  expect(file.stderr).toBe('');
  expect(file.code).toBe(0);
  expect(file.stdout).toContain(
    '1. bounce pool full: nvme 0000:00:04.0 (pool-full, certain, 1 message)',
  );
  expect(file.stdout).toContain('swiotlb=4096\n');
  expect(file.stdout).toContain(`${path}:2  [   12.500000] nvme`);
  expect(dmalab(['explain', '-'], FULL).stdout).toContain('-:1  nvme');
  expect(dmalab(['explain', FULL]).stdout).toContain('argument:1  nvme');
});

test('explain says so where nothing in a log tells, and refuses what is neither log nor trace', () => {
  const quiet = dmalab(['explain', '-', '--json'], '[    1.000000] usb 1-1: new device\n');
  expect(jsonOf(quiet)).toMatchObject({
    schema: 'dmalab.explain/1',
    input: 'log',
    explanations: [{ cause: 'not-enough-information', count: 0 }],
  });
  const nothing = dmalab(['explain', writeTemp(folder, 'letter.txt', 'Dear all,\nhello\n')]);
  expect(nothing.code).toBe(1);
  expect(nothing.stderr).toContain('letter.txt: no kernel log');
  expect(dmalab(['explain', '-'], '').stderr).toContain('found an empty file');
  expect(dmalab(['explain', 'no-such-file']).stderr).toContain('no such file');
});

test('explain takes a log in UTF-16, with zeros, and in the middle of a letter', () => {
  const utf16 = Buffer.from(`\ufeff[   12.500000] ${FULL}\r\n`, 'utf16le');
  const zeros = Buffer.from(`[   12.500000] usb\n\0\0\0[   13.000000] ${FULL}\n`);
  const letter = Buffer.from(
    `Dear all,\n\n> caf\xe9\n> ${FULL.replace('), ', '),\n> ')}\n\nhello\n`,
    'latin1',
  );
  const paths = [utf16, zeros, letter].map((bytes, i) => writeTemp(folder, `log-${i}`, bytes));
  const { inputs } = jsonOf<{ inputs: { explanations: unknown }[] }>(
    dmalab(['explain', '--json', ...paths]),
  );
  for (const { explanations } of inputs) {
    expect(explanations).toMatchObject([{ cause: 'pool-full', device: 'nvme 0000:00:04.0' }]);
  }
});

test('explain reads a trace from standard input, and replays it', () => {
  const trace =
    '# tracer: nop\n#\n' +
    '             fio-2831    [002] d..1.   912.004382: dma_map_phys: 0000:01:00.0 dir=FROM_DEVICE dma_addr=fffff200 size=512 phys_addr=123456200 attrs=\n';
  const { stdout, stderr } = dmalab(['explain', '-'], trace);
  expect(stderr).toBe('');
  expect(stdout).toContain('no map fails');
});
