// Models beside the kernel's own code, on random streams: npm run conformance:kernel [-- STREAMS [SEED]]
//
// The code is that of Debian's linux-source packages, with the fixes that they have by now (bench/kernel). STREAMS (20) of each
// family go through both, with seeds counted up from SEED; the checksum of all addresses must be the same. A search of 6.1 that
// never ends in the model must not end in the kernel's code either. Exit code 1 at a difference; where no source is installed
// it says what to install, and has checked nothing.

import { spawnSync } from 'node:child_process';
import { compileKernelCode, FAMILIES, type Family, programWords } from '../../bench/kernel-code.ts';
import { pfnChecksum } from '../../packages/analysis/src/conform/bench.ts';
import type { BenchFamily } from '../../packages/analysis/src/conform/bench-family.ts';
import { benchFq } from '../../packages/analysis/src/conform/bench-fq.ts';
import { benchIova } from '../../packages/analysis/src/conform/bench-iova.ts';
import { benchSwiotlb } from '../../packages/analysis/src/conform/bench-swiotlb.ts';
import { Fields } from '../../packages/analysis/src/conform/scenario.ts';
import { Random } from '../fuzz/random.ts';
import { type KernelStream, kernelStream } from './kernel-streams.ts';

const READERS: Readonly<Record<Family, BenchFamily>> = {
  iova: benchIova,
  fq: benchFq,
  swiotlb: benchSwiotlb,
};

/** A program of the C code that takes longer, for what takes milliseconds, searches for ever. */
const PATIENCE_MS = 10_000;
const ENDLESS = 'a search without end';

const [streams = 20, firstSeed = 1] = process.argv.slice(2).map(Number);
if (!(streams > 0) || !Number.isInteger(firstSeed)) {
  console.error('usage: npm run conformance:kernel [-- STREAMS [SEED]]');
  process.exit(2);
}

const code = compileKernelCode();
try {
  for (const kernel of code.kernels) for (const family of FAMILIES) compare(kernel, family);
  if (code.kernels.length === 0) console.log('nothing was checked: no source of a kernel is here');
  if (code.missing !== '') console.log(`for the code of every kernel: ${code.missing}`);
} finally {
  code.close();
}

function compare(kernel: string, family: Family): void {
  let operations = 0;
  let differences = 0;
  let endless = 0;
  for (let seed = firstSeed; seed < firstSeed + streams; seed++) {
    const stream = kernelStream(family, new Random(seed));
    operations += stream.operations;
    const [ours, theirs] = [modelled(kernel, family, stream), answered(kernel, family, stream)];
    if (ours === ENDLESS) endless++;
    if (ours === theirs) continue;
    differences++;
    console.error(
      `${family} ${kernel}, seed ${seed}: the kernel's code gives ${theirs}, the model ${ours}`,
    );
  }
  if (differences > 0) process.exitCode = 1;
  const what = `${operations.toLocaleString('en')} operations, ${streams} streams`;
  const also = endless > 0 ? `, ${endless} of them end in a search without end` : '';
  console.log(`${family.padEnd(8)} ${kernel.padEnd(5)} ${what}, ${differences} differences${also}`);
}

/** Checksum of the addresses, or {@link ENDLESS}. */
function modelled(kernel: string, family: Family, { bytes, domain }: KernelStream): string {
  const fields = new Fields('random stream', 'domain', domain);
  const round = READERS[family].read('random stream', bytes, fields).prepare(kernel);
  round.run();
  return (round.counts?.().endless ?? 0) > 0 ? ENDLESS : pfnChecksum(round.pfns());
}

/** As {@link modelled}, of the C code. */
function answered(kernel: string, family: Family, { bytes, domain }: KernelStream): string {
  const words = ['1', ...programWords(family, domain)];
  const program = code.program(kernel, family);
  const { error, status, signal, stdout, stderr } = spawnSync(program, words, {
    encoding: 'utf8',
    input: bytes,
    timeout: PATIENCE_MS,
  });
  if (error !== undefined && (error as NodeJS.ErrnoException).code === 'ETIMEDOUT') return ENDLESS;
  if (status !== 0)
    throw error ?? new Error(`${program} ended with ${status ?? signal}: ${stderr}`);
  return (JSON.parse(stdout) as { checksum: string }).checksum;
}
