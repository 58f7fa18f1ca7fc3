// The speed of the models on golden streams, beside that of the kernel's own code.
//
// Each profile is timed in a process of its own, as the C code was, and in turns with the others.

import { spawnSync } from 'node:child_process';
import { type BenchProfile, benchProfiles, benchStreams, takeTurns } from '@dmalab/analysis';
import { print, printJson, progress, progressDone } from '../output.ts';

/** Timed rounds of a profile, as many as of the C code. */
const ROUNDS = 5;

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

/** The fastest process of each profile. */
function benchApart(dir: string): BenchProfile[] {
  const names = benchProfiles(dir);
  const fastest = new Map<string, BenchProfile>();
  takeTurns(names, (name, turn) => {
    progress(`${name}, turn ${turn}`);
    const measured = benchProcess(dir, name);
    const before = fastest.get(name);
    if (before === undefined || measured.nsPerOp < before.nsPerOp) fastest.set(name, measured);
    return [measured.nsPerOp];
  });
  return names.map((name) => fastest.get(name)!);
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
