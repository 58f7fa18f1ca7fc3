// How fast operations are replayed: the models beside the kernel's own C code.
//
//   node bench/replay.ts [DIRECTORY]
//
// The directory is laid out like test/golden/bench; its streams are of fixed seeds. The kernel's code is compiled on this
// machine where the source of a kernel is installed (kernel-code.ts), and both take turns, each profile in processes of its
// own; the answers of both must be equal. Without a source the C code's time of native.json stands there, which is of another
// machine.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';
import { type BenchProfile, benchProfiles, takeTurns } from '@dmalab/analysis';
import { compileKernelCode, type Family, programWords } from './kernel-code.ts';

/** Timed rounds of a process of the C code, as many as of ours. */
const ROUNDS = 5;

/** One process: nanoseconds per operation, the median of its rounds; checksum as in native.json. */
interface Timing {
  readonly ns: number;
  readonly checksum: string;
}

interface NativeProfile {
  readonly family: Family;
  readonly file: string;
  readonly domain?: Readonly<Record<string, number | string>>;
}

/** The fastest process of a stream and a kernel; `theirs` null where there is no code of that kernel. */
interface Row {
  readonly ours: BenchProfile;
  readonly theirs: Timing | null;
}

const command = fileURLToPath(new URL('../packages/cli/bin/dmalab.mjs', import.meta.url));
const golden = fileURLToPath(new URL('../test/golden/bench', import.meta.url));
const directory = process.argv[2] ?? golden;
const { profiles: natives } = JSON.parse(readFileSync(join(directory, 'native.json'), 'utf8')) as {
  profiles: Record<string, NativeProfile>;
};

const code = compileKernelCode();
try {
  const rows = new Map<string, Row>();
  takeTurns(benchProfiles(directory), (id) => {
    const turn = { theirs: kernelTiming(id), ours: modelTiming(id) };
    rows.set(id, fastest(rows.get(id) ?? turn, turn));
    return turn.theirs === null ? [turn.ours.nsPerOp] : [turn.ours.nsPerOp, turn.theirs.ns];
  });
  console.log(
    `${'profile'.padEnd(26)}kernel   ops   ns/op  C code   ratio  C recorded   ratio  answers`,
  );
  for (const row of rows.values()) console.log(line(row));
  if (code.missing !== '') console.log(`for the C code of every kernel here: ${code.missing}`);
} finally {
  code.close();
}

function fastest(a: Row, b: Row): Row {
  const isOurs = a.ours.nsPerOp <= b.ours.nsPerOp;
  const isTheirs = a.theirs === null || b.theirs === null || a.theirs.ns <= b.theirs.ns;
  return { ours: isOurs ? a.ours : b.ours, theirs: isTheirs ? a.theirs : b.theirs };
}

function modelTiming(id: string): BenchProfile {
  const words = [command, 'conform', directory, '--bench', '--json', '--profile', id];
  const output = execFileSync(process.execPath, words, { encoding: 'utf8' });
  return (JSON.parse(output) as { profiles: [BenchProfile] }).profiles[0];
}

function kernelTiming(id: string): Timing | null {
  const [name, kernel] = id.split('/') as [string, string];
  if (!code.kernels.includes(kernel)) return null;
  const { family, file, domain } = natives[name]!;
  const input = zstdDecompressSync(readFileSync(join(directory, file)));
  const words = [String(ROUNDS), ...programWords(family, domain ?? {})];
  const output = execFileSync(code.program(kernel, family), words, { encoding: 'utf8', input });
  const timing = JSON.parse(output) as { ns_per_op: number; checksum: string };
  return { ns: timing.ns_per_op, checksum: timing.checksum };
}

function line({ ours, theirs }: Row): string {
  const { name, kernel, ops, nsPerOp, native, ratio, checksum } = ours;
  const compared = theirs === null ? ours.agrees : theirs.checksum === checksum;
  const cells = [
    nsPerOp.toFixed(1).padStart(8),
    fixed(theirs?.ns ?? null, 1).padStart(8),
    fixed(theirs === null ? null : nsPerOp / theirs.ns, 2).padStart(8),
    fixed(native?.nsPerOp ?? null, 1).padStart(12),
    fixed(ratio, 2).padStart(8),
  ];
  const answers = compared === null ? 'unchecked' : compared ? 'equal' : 'WRONG';
  return `${name.padEnd(26)}${kernel.padEnd(6)}${String(ops).padStart(6)}${cells.join('')}  ${answers}`;
}

function fixed(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}
