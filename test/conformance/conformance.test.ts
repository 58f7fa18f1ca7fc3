import { expect, test } from 'vitest';
import { Random } from '../fuzz/random.ts';
import { conformanceCases } from './cases.ts';

const OPERATIONS = 4000;

for (const { name, run } of conformanceCases) {
  test(`${name} does what its slow reference does`, () => {
    let done = 0;
    for (let seed = 1; done < OPERATIONS; seed++) done += run(new Random(seed));
    expect(done).toBeGreaterThanOrEqual(OPERATIONS);
  });
}
