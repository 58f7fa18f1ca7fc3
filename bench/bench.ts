// All benchmarks, one after the other, each in a process of its own; writes docs/performance.md.
//
//   npm run bench [-- [--quick | --full] [SECTION...]]
//
// The page is written anew after each section, and sections that were not run stay as they were, so a benchmark that fails or
// takes longer than its share costs its own section only: the section says so. A SECTION is a title or the beginning of one.
// --quick and --full measure fewer or more rows of what grows; with --full there is no bound of time. Figures are only worth
// something on a machine that does nothing else. Ratios within one run are what the page is about.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BENCHMARKS, type Benchmark } from './benchmarks.ts';

const PAGE = fileURLToPath(new URL('../docs/performance.md', import.meta.url));
const HEAD = `# Performance

Made by \`npm run bench\`, which can measure one section anew. A shared machine: compare ratios, not times. Answers are checked to be
equal before anything is timed.
`;
const MACHINE = `Node ${process.version}, ${cpus().length} CPUs (${cpus()[0]?.model.trim() ?? 'unknown'})`;

/**
 * Compiled code is kept as `dmalab` keeps it. A process that finds none strips the types by a WebAssembly
 * module, and once the memory of one has grown every access to a typed array costs a check more.
 */
const compileCache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'dmalab');

const words = process.argv.slice(2);
const amount: string[] = words.filter((word) => word === '--quick' || word === '--full');
const wanted = words.filter((word) => !word.startsWith('--')).map((word) => word.toLowerCase());
const isWanted = ({ title }: Benchmark): boolean =>
  wanted.length === 0 || wanted.some((word) => title.toLowerCase().startsWith(word));
if (
  words.some((word) => word.startsWith('--') && !amount.includes(word)) ||
  !BENCHMARKS.some(isWanted)
) {
  const titles = BENCHMARKS.map(({ title }) => title).join(', ');
  console.error(`usage: npm run bench [-- [--quick | --full] [SECTION...]], sections: ${titles}`);
  process.exit(2);
}

const sections = earlierSections();
for (const benchmark of BENCHMARKS.filter(isWanted)) {
  console.log(`\n${benchmark.title}`);
  sections.set(benchmark.title, await section(benchmark));
  const texts = BENCHMARKS.flatMap(({ title }) => sections.get(title) ?? []);
  writeFileSync(PAGE, [HEAD, ...texts].join('\n'));
}

/** The sections that the page has, by title. */
function earlierSections(): Map<string, string> {
  const page = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '';
  const [, ...parts] = page.split(/^(?=## )/m);
  return new Map(parts.map((part) => [part.slice(3, part.indexOf('\n')), `${part.trimEnd()}\n`]));
}

async function section({ title, script, words: own, minutes, text }: Benchmark): Promise<string> {
  const given = script === 'growth.ts' ? amount : own;
  const { output, problem } = await run(script, given, amount.includes('--full') ? null : minutes);
  if (problem !== '') {
    console.error(`${title}: ${problem}`);
    process.exitCode = 1;
  }
  const told = problem === '' ? '' : `\n**Not complete**: ${problem}\n`;
  return `## ${title}\n\n${text}\n\n\`node bench/${[script, ...given].join(' ')}\`, ${MACHINE}\n${told}\n\`\`\`\n${output}\`\`\`\n`;
}

/** Runs a benchmark for at most so many minutes; what it has printed counts also where it fails. */
async function run(
  script: string,
  given: readonly string[],
  minutes: number | null,
): Promise<{ output: string; problem: string }> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  // A group of its own, as benchmarks start processes too.
  const child = spawn(process.execPath, [path, ...given], {
    detached: true,
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  let isLate = false;
  child.stdout.on('data', (text: Buffer) => {
    process.stdout.write(text);
    output += text;
  });
  child.stderr.on('data', (text: Buffer) => {
    errors += text;
  });
  const end = (): void => {
    isLate = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  const timer = minutes === null ? undefined : setTimeout(end, minutes * 60_000);
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  if (isLate) return { output, problem: `it was ended after ${minutes} minutes.` };
  if (status === 0) return { output, problem: '' };
  const message = /^\w*Error: .*$/m.exec(errors)?.[0] ?? errors.trim().split('\n').at(-1) ?? '';
  return { output, problem: `it failed: ${message}` };
}
