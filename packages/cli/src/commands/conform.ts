// dmalab conform: the models against the answers of the kernel's own code.

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import {
  type BenchProfile,
  benchProfiles,
  benchStreams,
  type ConformReport,
  type ConformResult,
  checkPolicyRules,
  conform as conformStreams,
  type PolicyReport,
} from '@dmalab/analysis';
import type { Argv, CommandModule } from 'yargs';
import { InputError } from '../input-error.ts';
import { formatNumber, print, printJson, progress, progressDone } from '../output.ts';
import { loadPolicies, type PolicyArguments, policyOption } from '../policy-file.ts';
import { UsageError } from '../usage-error.ts';

/** Timed rounds of a profile, as many as of the C code. */
const ROUNDS = 5;
/** Processes of one profile at most. */
const MOST_TURNS = 5;
/** Two processes agree when the slower takes at most this many times as long as the faster. */
const AGREEMENT = 1.1;

interface ConformArguments extends PolicyArguments {
  dirs: string[];
  bench: boolean;
  profile?: string;
  json: boolean;
}

export const conform: CommandModule<object, ConformArguments> = {
  command: 'conform [dirs..]',
  describe:
    "Check the models against golden streams of the kernel's own code, or a policy against the rules of its kind",
  builder: (y: Argv) =>
    policyOption(y)
      .positional('dirs', {
        describe: 'Folders with scenario files (layout: test/golden/README.md)',
        type: 'string',
        array: true,
        default: [],
      })
      .option('bench', {
        describe: 'Measure the speed of the streams in a folder laid out like test/golden/bench',
        type: 'boolean',
        default: false,
      })
      .option('profile', {
        describe: 'With --bench: one stream and kernel alone, in this process (NAME/KERNEL)',
        type: 'string',
        requiresArg: true,
        implies: 'bench',
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example(
        '$0 conform --policy ./mine.ts',
        'runs your policies against the rules of their kind',
      )
      .example('$0 conform test/golden', 'checks every stream, exit code 1 at any mismatch')
      .example(
        '$0 conform test/golden/bench --bench',
        'ns per operation beside the C code',
      ) as unknown as Argv<ConformArguments>,
  handler: async ({ dirs, policy = [], bench, profile, json }) => {
    if ((dirs.length === 0) === (policy.length === 0)) {
      throw new UsageError('expected folders with golden streams, or --policy FILE instead');
    }
    for (const dir of dirs) {
      if (!existsSync(dir)) throw new InputError(dir, 'no such folder');
      if (bench && !statSync(dir).isDirectory()) {
        throw new InputError(
          dir,
          'not a folder; --profile NAME/KERNEL measures one stream of a folder',
        );
      }
    }
    if (policy.length > 0) await runPolicies(policy, json);
    else if (bench) runBench(dirs, profile ?? null, json);
    else runConform(dirs, json);
  },
};

async function runPolicies(files: readonly string[], json: boolean): Promise<void> {
  const reports: PolicyReport[] = [];
  for (const file of files) {
    for (const policy of await loadPolicies(file)) {
      progress(`${policy.kind} ${policy.name}`);
      reports.push(checkPolicyRules(policy));
    }
  }
  progressDone();
  if (json) printJson({ schema: 'dmalab.policy-rules/1', policies: reports });
  else print(reports.map(policyLines).join('\n'));
  if (reports.some(({ failure }) => failure !== null)) process.exitCode = 1;
}

function policyLines({ kind, name, runs, operations, failure }: PolicyReport): string {
  const what = `${kind} ${name}: ${formatNumber(runs)} streams, ${formatNumber(operations)} operations`;
  if (failure === null) return `ok    ${what}, every rule held`;
  const { rule, message, seed, parameters } = failure;
  const given = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
  return [
    `WRONG ${what}`,
    `      rule "${rule}": ${message}`,
    `      seed ${seed}${given.length === 0 ? '' : `, ${given.join(', ')}`}; the shortest operations that show it:`,
    ...failure.operations.map((operation) => `        ${operation}`),
  ].join('\n');
}

function runConform(dirs: string[], json: boolean): void {
  const report = conformStreams(dirs, ({ name, kernel }) => progress(`${name} (${kernel})`));
  progressDone();
  if (json) printJson({ schema: 'dmalab.conform/1', ...report });
  else print(conformText(report, dirs));
  if (report.mismatches > 0 || report.streams === 0) process.exitCode = 1;
}

function conformText(report: ConformReport, dirs: string[]): string {
  const { streams, ops, mismatches, skipped, results } = report;
  if (streams === 0 && skipped.length === 0) return `no scenario files below ${dirs.join(', ')}`;
  const width = Math.max(0, ...results.map(({ name }) => name.length));
  const lines = results.map((result) => resultLine(result, width));
  for (const { name, kernel, reason } of skipped)
    lines.push(`skipped ${name} (${kernel}): ${reason}`);
  lines.push(
    '',
    `${formatNumber(streams)} streams, ${formatNumber(ops)} operations, ${formatNumber(mismatches)} mismatches${
      skipped.length > 0 ? `, ${formatNumber(skipped.length)} skipped` : ''
    }`,
  );
  return lines.join('\n');
}

function resultLine(
  { name, kernel, family, ops, mismatches, first }: ConformResult,
  width: number,
): string {
  const head = `${mismatches === 0 ? 'ok   ' : 'WRONG'} ${family.padEnd(4)} ${name.padEnd(width)} ${kernel.padEnd(5)} ${formatNumber(ops).padStart(9)} operations`;
  if (first === null) return head;
  const { file, row, column, expected, got } = first;
  return `${head}, ${formatNumber(mismatches)} mismatches\n      first: ${file}${row === null ? '' : `, row ${row}`}${column === '' ? '' : `, ${column}`}: expected ${expected}, got ${got}`;
}

function runBench(dirs: string[], profile: string | null, json: boolean): void {
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

/**
 * Each profile in a process of its own, as the C code was timed. Whoever shares the core slows a process down, by up to
 * two and for a second or more; so profiles take turns, until the two fastest processes of each agree.
 */
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
