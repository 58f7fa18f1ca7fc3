// The benchmarks that npm run bench runs, and what each of them shows.

/** A section of docs/performance.md. */
export interface Benchmark {
  readonly title: string;
  readonly script: string;
  readonly words: readonly string[];
  /** After so many it is ended, but for --full. */
  readonly minutes: number;
  /** What is compared with what, and the bound it should keep. */
  readonly text: string;
}

/** In the order of the page. */
export const BENCHMARKS: readonly Benchmark[] = [
  {
    title: 'Reading',
    script: 'read.ts',
    words: ['200'],
    minutes: 6,
    text: 'Text to events and to paired requests, against a readline and regular expression script that extracts the same fields (`bench/baseline-readline.ts`). The script keeps 64-bit addresses exactly (BigInt); the same script with doubles stands beside it. It counts no errors and computes no hash. Bound: text to requests at least 4 times as fast as the exact one.',
  },
  {
    title: 'Reading trace.dat',
    script: 'trace-dat.ts',
    words: [],
    minutes: 2,
    text: 'The bundled recording of trace-cmd, its pages repeated 600 times, to events and to paired requests, against `trace-cmd report > /dev/null` on the same file; `dmalab info` is a whole process. Bound: to events at least 8 times as fast.',
  },
  {
    title: 'Reading perf.data',
    script: 'perf-data.ts',
    words: [],
    minutes: 2,
    text: 'The bundled recording of perf, its samples repeated 800 times, to events and to paired requests, against `perf script > /dev/null` on the same file; `dmalab info` is a whole process. Bound: to events at least 6 times as fast.',
  },
  {
    title: 'Converted traces',
    script: 'convert.ts',
    words: ['100'],
    minutes: 2,
    text: 'The same requests from the text, and from the tables that `dmalab convert` makes of it. Bound: Parquet and Arrow many times as fast. Text tables are for other tools.',
  },
  {
    title: 'Memory',
    script: 'memory.ts',
    words: ['1000'],
    minutes: 3,
    text: 'A synthetic trace of 1 GB, read, paired, replayed and summarised in one process. Bound: 300 MB.',
  },
  {
    title: 'Stages of a run',
    script: 'stages.ts',
    words: [],
    minutes: 2,
    text: 'What of a run takes how long: one trace read, replayed under a per-CPU flush queue, summarised, and its report made.',
  },
  {
    title: 'Batch',
    script: 'batch.ts',
    words: [],
    minutes: 8,
    text: 'A batch in one and in two processes, in two from a full cache, a process for each trace beside it, and two batches of half the traces each at once: these share nothing, so their ratio is what the two processors of this machine can give. Bound: two on two free cores at least 1.8 times one, table and report included; a small trace under 20 ms.',
  },
  {
    title: 'Sweep',
    script: 'sweep.ts',
    words: ['0.3'],
    minutes: 3,
    text: 'One sweep of 12 cells (two queues, six sizes) against 12 runs of `dmalab replay` on the same trace, by CPU time of the processes. Bound: at least 3 times less.',
  },
  {
    title: 'How cost grows',
    script: 'growth.ts',
    words: [],
    minutes: 8,
    text: 'CPU time of a process that reads a synthetic trace from a pipe, pairs it, replays it under a per-CPU flush queue and summarises, from its first byte on: compiling is a part of it, and most of the short rows. Every row was measured, rows of up to 10^6 events three times.',
  },
  {
    title: 'Replaying',
    script: 'replay.ts',
    words: [],
    minutes: 10,
    text: 'Operation streams of `test/golden/bench` through the models and through the kernel’s own code: the same functions of Debian’s `linux-source-6.1` and `linux-source-6.12`, compiled on this machine (`bench/kernel`, gcc -O2, locks and per-CPU access reduced to plain memory). Streams of `iova` call the allocator, those of `fq` the DMA layer with its queue, those of `swiotlb` the pool; every address of both is equal. Each profile runs in processes of its own that take turns, up to five, until the two fastest of both agree within 10 %; the fastest counts: whoever else uses the core of a virtual machine slows code of many instructions per cycle by up to two, for seconds. "C recorded" is the time in `native.json`, of another machine. A whole replay with its outcome columns is under "Stages of a run". Bounds against the C code here: 2 where the caches, the queue or the pool serve (rcache_*, exhaust_32bit_noflush, fq_*, swiotlb_*), 0.1 for mixed_1_64 and exhaust_32bit_flush, 0.5 for tree_large_sizes*.',
  },
];
