import { expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';

test('sweep replays every combination, and refuses a wrong name before it reads', () => {
  const words = ['--vary', 'flush=percpu,single', '--vary', 'flush.size=16..256:x4'];
  const trace = 'traces/nvme-lazy-seqread/trace.txt.zst';
  const { rows } = jsonOf<{ rows: { pareto: boolean }[] }>(
    dmalab(['sweep', trace, ...words, '--json']),
  );
  expect(rows).toHaveLength(6);
  expect(rows.map(({ pareto }) => pareto)).toContain(true);
  const { code, stderr } = dmalab(['sweep', 'no-such-trace.txt', '--vary', 'flush.siez=64']);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /--vary: flush: Unknown parameter "siez" of percpu, expected one of: size/,
  );
});
