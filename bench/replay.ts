// How fast operations are replayed: the models beside the kernel's own C code.
//
//   node bench/replay.ts [DIRECTORY]
//
// The directory is laid out like test/golden/bench; its streams are of fixed seeds. The C code was timed
// on another machine (native.json says how): ratios of different profiles can be compared, and a ratio
// against the bound of 2 on the cache-hit profiles tells whether something became slower. Each profile
// runs in processes of its own, as it does under `dmalab conform --bench`.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { BenchProfile } from '@dmalab/analysis';

const command = fileURLToPath(new URL('../packages/cli/bin/dmalab.mjs', import.meta.url));
const golden = fileURLToPath(new URL('../test/golden/bench', import.meta.url));
const directory = process.argv[2] ?? golden;

console.log(
  `${'profile'.padEnd(26)}kernel        ops   min   median ns/op   C code   ratio  answers`,
);
const words = [command, 'conform', directory, '--bench', '--json'];
const output = execFileSync(process.execPath, words, { encoding: 'utf8' });
const { profiles } = JSON.parse(output) as { profiles: BenchProfile[] };
for (const profile of profiles) console.log(row(profile));

function row({
  name,
  kernel,
  ops,
  minNsPerOp,
  nsPerOp,
  native,
  ratio,
  agrees,
}: BenchProfile): string {
  const times = [minNsPerOp, nsPerOp].map((ns) => ns.toFixed(1).padStart(8)).join('');
  const answers = agrees === null ? 'unchecked' : agrees ? 'equal' : 'WRONG';
  const beside = native === null ? '-' : native.nsPerOp.toFixed(1);
  const versus = ratio === null ? '-' : ratio.toFixed(2);
  return `${name.padEnd(26)}${kernel.padEnd(6)}${String(ops).padStart(10)}${times}${beside.padStart(16)}${versus.padStart(8)}  ${answers}`;
}
