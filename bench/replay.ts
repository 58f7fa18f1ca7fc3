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
import { type BenchProfile, benchProfiles } from '@dmalab/analysis';
import { compileKernelCode, type Family, type KernelCode, programWords } from './kernel-code.ts';

/** Processes of one profile at most, and as which they agree: the slower takes so many times as long as the faster. */
const MOST_TURNS = 5;
const AGREEMENT = 1.1;
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

/** A stream and a kernel, with what the processes took so far, the fastest first. */
interface Row {
  readonly id: string;
  ours: Timing[];
  theirs: Timing[];
  profile: BenchProfile | null;
}

const command = fileURLToPath(new URL('../packages/cli/bin/dmalab.mjs', import.meta.url));
const golden = fileURLToPath(new URL('../test/golden/bench', import.meta.url));
const directory = process.argv[2] ?? golden;
const { profiles: natives } = JSON.parse(readFileSync(join(directory, 'native.json'), 'utf8')) as {
  profiles: Record<string, NativeProfile>;
};

const code = compileKernelCode();
try {
  const rows = benchProfiles(directory).map(
    (id): Row => ({ id, ours: [], theirs: [], profile: null }),
  );
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    for (const row of rows) if (!hasSettled(row, code)) takeTurn(row, code);
  }
  console.log(
    `${'profile'.padEnd(26)}kernel   ops   ns/op  C code   ratio  C recorded   ratio  answers`,
  );
  for (const row of rows) console.log(line(row));
  if (code.missing !== '') console.log(`for the C code of every kernel here: ${code.missing}`);
} finally {
  code.close();
}

function hasSettled({ id, ours, theirs }: Row, { kernels }: KernelCode): boolean {
  const hasCode = kernels.includes(id.split('/')[1]!);
  return agree(ours) && (!hasCode || agree(theirs));
}

function agree([fastest, second]: readonly Timing[]): boolean {
  return second !== undefined && second.ns <= fastest!.ns * AGREEMENT;
}

function takeTurn(row: Row, { kernels }: KernelCode): void {
  const [name, kernel] = row.id.split('/') as [string, string];
  if (kernels.includes(kernel)) insert(row.theirs, kernelTiming(natives[name]!, kernel));
  const words = [command, 'conform', directory, '--bench', '--json', '--profile', row.id];
  const output = execFileSync(process.execPath, words, { encoding: 'utf8' });
  const [profile] = (JSON.parse(output) as { profiles: [BenchProfile] }).profiles;
  row.profile = profile;
  insert(row.ours, { ns: profile.nsPerOp, checksum: profile.checksum });
}

function insert(timings: Timing[], timing: Timing): void {
  timings.push(timing);
  timings.sort((a, b) => a.ns - b.ns);
}

function kernelTiming({ family, file, domain }: NativeProfile, kernel: string): Timing {
  const input = zstdDecompressSync(readFileSync(join(directory, file)));
  const words = [String(ROUNDS), ...programWords(family, domain ?? {})];
  const output = execFileSync(code.program(kernel, family), words, { encoding: 'utf8', input });
  const timing = JSON.parse(output) as { ns_per_op: number; checksum: string };
  return { ns: timing.ns_per_op, checksum: timing.checksum };
}

function line({ id, ours, theirs, profile }: Row): string {
  const [name, kernel] = id.split('/') as [string, string];
  const { ns, checksum } = ours[0]!;
  const here = theirs[0] ?? null;
  const recorded = profile!.native?.nsPerOp ?? null;
  const compared = here === null ? profile!.agrees : here.checksum === checksum;
  const cells = [
    ns.toFixed(1).padStart(8),
    fixed(here?.ns ?? null, 1).padStart(8),
    fixed(here === null ? null : ns / here.ns, 2).padStart(8),
    fixed(recorded, 1).padStart(12),
    fixed(recorded === null ? null : ns / recorded, 2).padStart(8),
  ];
  const answers = compared === null ? 'unchecked' : compared ? 'equal' : 'WRONG';
  return `${name.padEnd(26)}${kernel.padEnd(6)}${String(profile!.ops).padStart(6)}${cells.join('')}  ${answers}`;
}

function fixed(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}
