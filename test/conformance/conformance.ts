// Models beside slow references: node test/conformance/conformance.ts [OPERATIONS] [SEED]
//
// OPERATIONS (10 million) in total, shared equally by the cases; streams have seeds of their own,
// counted up from SEED. The first difference ends the run with exit code 1, its seed and its case.

import { Random } from '../fuzz/random.ts';
import { conformanceCases } from './cases.ts';

const [operations = 10_000_000, firstSeed = 1] = process.argv.slice(2).map(Number);
if (!(operations > 0) || !Number.isInteger(firstSeed)) {
  console.error('usage: node test/conformance/conformance.ts [OPERATIONS] [SEED]');
  process.exit(2);
}

const share = operations / conformanceCases.length;
let total = 0;
for (const { name, run } of conformanceCases) {
  const start = performance.now();
  let done = 0;
  let seed = firstSeed;
  try {
    for (; done < share; seed++) done += run(new Random(seed));
  } catch (error) {
    console.error(`${name}, seed ${seed}: ${error instanceof Error ? error.stack : error}`);
    process.exit(1);
  }
  total += done;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(
    `${name.padEnd(20)} ${done.toLocaleString('en')} operations, ${seed - firstSeed} streams, ${seconds} s`,
  );
}
console.log(`${total.toLocaleString('en')} operations, 0 differences, seeds from ${firstSeed}`);
