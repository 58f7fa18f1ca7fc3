// The speed of the models on golden streams, beside that of the kernel's own code.
//
// Each profile is timed in a process of its own, as the C code was. Whoever shares the core slows a process down, by up to
// two and for a second or more; so profiles take turns, until the two fastest processes of each agree.

import { spawnSync } from 'node:child_process';
import { type BenchProfile, benchProfiles, benchStreams } from '@dmalab/analysis';
import { print, printJson, progress, progressDone } from '../output.ts';

/** Timed rounds of a profile, as many as of the C code. */
const ROUNDS = 5;
/** Processes of one profile at most. */
const MOST_TURNS = 5;
/** Two processes agree when the slower takes at most this many times as long as the faster. */
const AGREEMENT = 1.1;

/**
 * Times every profile below `dirs` and prints them, `profile` (NAME/KERNEL) alone in this process; exit code 1 if any
 * answers are wrong, and where there are no profiles.
 */
export function timeStreams(dirs: string[], profile: string | null, json: boolean): void {
  const profiles = dirs.flatMap((dir) =>
    profile === null ? benchApart(dir) : benchStreams(dir, clock, ROUNDS, () => {}, profile),
  );
  progressDone();
  if (json) printJson({ schema: 'dmalab.bench/1', profiles });
  else print(benchText(profiles, dirs));
  const wrong = profiles.some(({ agrees }) => agrees === false);
  if (wrong || profiles.length === 0) process.exitCode = 1;
}

function clock(): number {
  return performance.now();
}

function benchApart(dir: string): BenchProfile[] {
  const names = benchProfiles(dir);
  const processes = new Map<string, BenchProfile[]>(names.map((name) => [name, []]));
  for (let turn = 1; turn <= MOST_TURNS; turn++) {
    for (const name of names) {
      const measured = processes.get(name)!;
      if (settled(measured)) continue;
      progress(`${name}, turn ${turn}`);
      measured.push(benchProcess(dir, name));
      measured.sort((a, b) => a.nsPerOp - b.nsPerOp);
    }
  }
  return [...processes.values()].map(([fastest]) => fastest!);
}

function settled([fastest, second]: readonly BenchProfile[]): boolean {
  return second !== undefined && second.nsPerOp <= fastest!.nsPerOp * AGREEMENT;
}

function benchProcess(dir: string, profile: string): BenchProfile {
  const words = ['conform', dir, '--bench', '--json', '--profile', profile];
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [...process.execArgv, process.argv[1]!, ...words],
    { encoding: 'utf8' },
  );
  if (stdout === '') throw error ?? new Error(`${profile}: exit code ${status}: ${stderr}`);
  return (JSON.parse(stdout) as { profiles: [BenchProfile] }).profiles[0];
}

function benchText(profiles: readonly BenchProfile[], dirs: string[]): string {
  if (profiles.length === 0) return `no benchmark streams below ${dirs.join(', ')}`;
  const lines = ['profile                    kernel   ns/op   C code   ratio   answers'];
  for (const { name, kernel, nsPerOp, native, ratio, agrees } of profiles) {
    const same = agrees === null ? 'no checksum' : agrees ? 'equal' : 'WRONG';
    lines.push(
      `${name.padEnd(26)} ${kernel.padEnd(6)} ${nsPerOp.toFixed(1).padStart(7)} ${(native?.nsPerOp.toFixed(1) ?? '').padStart(8)} ${(ratio?.toFixed(2) ?? '').padStart(7)}   ${same}`,
    );
  }
  lines.push(
    '',
    'C code: recorded in native.json on another machine; `npm run bench -- Replaying` compiles and times it on this one.',
  );
  return lines.join('\n');
}
