import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder, writeTemp } from '../support/temp-folder.ts';

const folder = tempFolder();

const WRONG = `# tracer: nop
#
             fio-2831    [002] d..1.   912.004382: dma_map_phys: 0000:01:00.0 dir=FROM_DEVICE dma_addr=fffff200 size=512 phys_addr=123456200 attrs=
          <idle>-0       [002] d.h2.   912.004612: dma_unmap_phys: 0000:01:00.0 dir=TO_DEVICE dma_addr=fffff200 size=512 attrs=
`;

test('check fails a trace with a fault, and names the lines', () => {
  const path = writeTemp(folder, 'wrong.txt', WRONG);
  const { code, stdout } = dmalab(['check', path]);
  expect(code).toBe(1);
  expect(stdout).toContain('certain: unmapped with another direction (DIRECTION_MISMATCH)');
  expect(stdout).toContain(`  map         ${path}:3\n  unmap       ${path}:4\n`);
  const finished = dmalab(['check', path, '--json']);
  expect(finished.code).toBe(1);
  expect(jsonOf(finished)).toMatchObject({ schema: 'dmalab.check/1', passed: false });
});

test('check passes a clean capture', () => {
  const { code, stdout } = dmalab(['check', 'traces/hot-remove/trace.txt.zst']);
  expect(code).toBe(0);
  expect(stdout).toContain('nothing wrong in 7,344 requests, nothing lost');
});
