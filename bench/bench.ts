// All benchmarks, one after the other, each in a process of its own; writes docs/performance.md.
//
//   npm run bench [-- --quick | --full]      (more or fewer rows of what grows)
//
// Figures are only worth something on a machine that does nothing else. Ratios within one run are
// what the page is about; absolute times are there to see the order of magnitude.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Benchmark {
  readonly title: string;
  readonly script: string;
  readonly words: readonly string[];
  /** What is compared with what, and the bound it should keep. */
  readonly text: string;
}

const BENCHMARKS: readonly Benchmark[] = [
  {
    title: 'Reading',
    script: 'read.ts',
    words: ['200'],
    text: 'Text to events and to paired requests, against a readline and regular expression script that extracts the same fields (`bench/baseline-readline.ts`). The script keeps 64-bit addresses exactly (BigInt); the same script with doubles stands beside it. It counts no errors and computes no hash. Bound: text to requests at least 4 times as fast as the exact one.',
  },
  {
    title: 'Reading trace.dat',
    script: 'trace-dat.ts',
    words: [],
    text: 'The bundled recording of trace-cmd, its pages repeated 600 times, to events and to paired requests, against `trace-cmd report > /dev/null` on the same file; `dmalab info` is a whole process. Bound: to events at least 8 times as fast.',
  },
  {
    title: 'Reading perf.data',
    script: 'perf-data.ts',
    words: [],
    text: 'The bundled recording of perf, its samples repeated 800 times, to events and to paired requests, against `perf script > /dev/null` on the same file; `dmalab info` is a whole process. Bound: to events at least 6 times as fast.',
  },
  {
    title: 'Converted traces',
    script: 'convert.ts',
    words: ['100'],
    text: 'The same requests from the text, and from the tables that `dmalab convert` makes of it. Bound: Parquet and Arrow many times as fast. Text tables are for other tools.',
  },
  {
    title: 'Memory',
    script: 'memory.ts',
    words: ['1000'],
    text: 'A synthetic trace of 1 GB, read, paired, replayed and summarised in one process. Bound: 300 MB.',
  },
  {
    title: 'Stages of a run',
    script: 'stages.ts',
    words: [],
    text: 'What of a run takes how long: one trace read, replayed under a per-CPU flush queue, summarised, and its report made.',
  },
  {
    title: 'Batch',
    script: 'batch.ts',
    words: [],
    text: 'A batch on one and on two threads, and a process for each trace beside it. Bound: two threads on two free cores at least 1.8 times one, table and report included; a small trace under 20 ms.',
  },
  {
    title: 'How cost grows',
    script: 'growth.ts',
    words: [],
    text: 'CPU time of a process that reads a synthetic trace from a pipe, pairs it, replays it under a per-CPU flush queue and summarises, from its first byte on: compiling is a part of it, and most of the short rows. Every row was measured, rows of up to 10^6 events three times.',
  },
  {
    title: 'Replaying',
    script: 'replay.ts',
    words: [],
    text: 'Operation streams of `test/golden/bench`, each profile in a process of its own. As in the C program, streams of `iova` call the allocator, those of `fq` the DMA layer with its queue, those of `swiotlb` the pool; a whole replay with its outcome columns is under "Stages of a run". The C column is the kernel’s own code (gcc -O2), timed on another machine, so the ratio is only good for an order of magnitude. Bounds: 2 where the caches, the queue or the pool serve (rcache_*, exhaust_32bit_noflush, fq_*, swiotlb_*), 0.1 for mixed_1_64 and exhaust_32bit_flush, 0.5 for the other tree profiles.',
  },
];

/**
 * Compiled code is kept as `dmalab` keeps it. A process that finds none strips the types by a WebAssembly
 * module, and once the memory of one has grown every access to a typed array costs a check more.
 */
const compileCache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'dmalab');

const growth = process.argv.filter((word) => word === '--quick' || word === '--full');

const sections = BENCHMARKS.map(({ title, script, words, text }) => {
  console.log(`\n${title}`);
  return `## ${title}\n\n${text}\n\n\`node bench/${[script, ...words].join(' ')}\`\n\n\`\`\`\n${run(script, script === 'growth.ts' ? growth : words)}\`\`\`\n`;
});
const head = `# Performance

Made by \`npm run bench\`, Node ${process.version}, ${cpus().length} CPUs (${cpus()[0]?.model.trim() ?? 'unknown'}). A shared machine:
compare ratios, not times. Answers are checked to be equal before anything is timed.
`;
writeFileSync(
  fileURLToPath(new URL('../docs/performance.md', import.meta.url)),
  [head, ...sections].join('\n'),
);

function run(script: string, words: readonly string[]): string {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...words], {
    encoding: 'utf8',
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
  });
  process.stdout.write(stdout);
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
  return stdout;
}
