// The readers that are fuzzed: for each its examples, a way to make new inputs, and how one is read.

import { gzipSync, zstdCompressSync } from 'node:zlib';
import { parseKernelLog } from '@dmalab/trace';
import type { Random } from '../random.ts';
import { anyCompressed, anyDat, anyPerf, anyPipe } from './binary-seeds.ts';
import { grammarOf } from './grammar.ts';
import { mutateBinary } from './mutate-binary.ts';
import { mutateBytes } from './mutate-bytes.ts';
import {
  condition,
  configFile,
  hostFile,
  machineFile,
  memorySize,
  metaFile,
  policyArgument,
} from './parsers.ts';
import { readTable, readTrace, type Taken } from './read-trace.ts';
import {
  BPFTRACE,
  CONDITIONS,
  CONFIGS,
  CSV,
  DMA_DEBUG,
  HOSTS,
  JSON_ARRAY,
  JSON_LINES,
  KERNEL_LOG,
  MACHINES,
  METAS,
  POLICIES,
  SIZES,
} from './small-texts.ts';
import { damageParquet, damageTextTable, oddTables, writtenTables } from './table-seeds.ts';
import { type TextSeeds, textSeeds } from './text-seeds.ts';

/** One reader. */
export interface FuzzedReader {
  readonly name: string;
  /** Inputs to damage and to take pieces from. */
  readonly seeds: readonly Buffer[];
  /** A few longer ones. */
  readonly long?: readonly Buffer[];
  /** A new input, well-formed or nearly so. */
  readonly make: (random: Random) => Buffer;
  /** A way to damage an input that knows what is in it; any bytes are damaged where there is none. */
  readonly damage?: (original: Buffer, random: Random, others: readonly Buffer[]) => Buffer;
  /** Reads an input; throws what the reader throws. */
  readonly read: (bytes: Buffer, random: Random) => Taken | Promise<Taken>;
}

const MADE = 200;

type MakeReader = (random: Random) => FuzzedReader | Promise<FuzzedReader>;

const READERS: Readonly<Record<string, MakeReader>> = {
  ftrace: () =>
    text(
      'ftrace',
      textSeeds(
        /trace\.(?:default|noirq|tgid|clock|pipe|percpu|stack|raw|hex|nocontext|overwrite)[^/]*\.txt|(?:swiotlb|nvme|sas)[^/]*\/trace\.txt/,
      ),
    ),
  'ftrace-latency': () => text('ftrace-latency', textSeeds(/trace\.latency[^/]*\.txt/)),
  'ftrace-fields': () => text('ftrace-fields', textSeeds(/trace\.fields[^/]*\.txt/)),
  'function-graph': () => text('function-graph', textSeeds(/trace\.f(?:graph|unction)[^/]*\.txt/)),
  'trace-cmd-report': () => text('trace-cmd-report', textSeeds(/\.report[^/]*\.txt/)),
  'perf-script': () => text('perf-script', textSeeds(/script[^/]*\.txt/)),
  bpftrace: () => text('bpftrace', BPFTRACE),
  csv: () => text('csv', CSV),
  'json-lines': () => text('json-lines', JSON_LINES),
  'json-array': () => text('json-array', JSON_ARRAY),
  'dma-debug': () => text('dma-debug', DMA_DEBUG),
  'kernel-log': () => ({
    ...text('kernel-log', KERNEL_LOG),
    read: (bytes) => (parseKernelLog(bytes.toString('latin1')).length > 0 ? 'read' : 'refused'),
  }),
  'trace-dat-v6': (random) => binary('trace-dat-v6', random, (r) => anyDat(6, r)),
  'trace-dat-v7': (random) => binary('trace-dat-v7', random, (r) => anyDat(7, r)),
  'perf-data': (random) => binary('perf-data', random, anyPerf),
  'perf-pipe': (random) => binary('perf-pipe', random, anyPipe),
  'perf-compressed': (random) => binary('perf-compressed', random, anyCompressed),
  parquet: (random) => table('parquet', random),
  arrow: (random) => table('arrow', random),
  'request-csv': (random) => textTable('request-csv', random),
  'request-json-lines': (random) => textTable('request-json-lines', random),
  gzip: () => wrapped('gzip', gzipSync),
  zstd: () => wrapped('zstd', zstdCompressSync),
  'machine-file': () => ({ ...text('machine-file', MACHINES), read: machineFile }),
  'policy-argument': () => ({ ...text('policy-argument', POLICIES), read: policyArgument }),
  'host-file': () => ({ ...text('host-file', HOSTS), read: hostFile }),
  'config-file': () => ({ ...text('config-file', CONFIGS), read: configFile }),
  'meta-file': () => ({ ...text('meta-file', METAS), read: metaFile }),
  condition: () => ({ ...text('condition', CONDITIONS), read: condition }),
  'memory-size': () => ({ ...text('memory-size', SIZES), read: memorySize }),
};

/** Names of all readers. */
export const READER_NAMES: readonly string[] = Object.keys(READERS);

/** The reader of this name, with its examples. */
export async function fuzzedReader(name: string, random: Random): Promise<FuzzedReader> {
  const make = READERS[name];
  if (make === undefined) {
    throw new RangeError(`Unknown reader "${name}", expected one of: ${READER_NAMES.join(', ')}`);
  }
  return make(random);
}

function text(name: string, examples: TextSeeds | readonly Buffer[]): FuzzedReader {
  const { small, long } = 'small' in examples ? examples : { small: examples, long: [] };
  return { name, seeds: small, long, make: grammarOf(small), read: readTrace };
}

function binary(name: string, random: Random, make: (random: Random) => Buffer): FuzzedReader {
  const seeds = Array.from({ length: MADE }, () => make(random));
  return { name, seeds, make, damage: mutateBinary, read: readTrace };
}

/** Tables can only be written whole, so new ones are made beforehand. */
async function table(name: 'parquet' | 'arrow', random: Random): Promise<FuzzedReader> {
  const texts = tableTexts();
  const seeds = await writtenTables(texts, name, random);
  const odd = await oddTables(texts, name, random);
  const all = [...seeds, ...odd];
  const damage = name === 'parquet' ? damageParquet : mutateBinary;
  return { name, seeds: all, make: (r) => r.pick(odd), damage, read: readTable };
}

/** Tables of requests as text, which are no traces: a reader of their own takes them. */
async function textTable(name: string, random: Random): Promise<FuzzedReader> {
  const format = name === 'request-csv' ? 'csv' : 'jsonl';
  const written = await writtenTables(tableTexts(), format, random);
  const seeds = written.filter((bytes) => bytes.includes('dmalab.requests'));
  return { name, seeds, make: grammarOf(seeds), damage: damageTextTable, read: readTable };
}

function tableTexts(): readonly Buffer[] {
  return textSeeds(/(?:nvme|swiotlb)[^/]*\/trace\.txt/).small;
}

/** Texts that are packed, damaged before or after. */
function wrapped(name: string, pack: (bytes: Uint8Array) => Buffer): FuzzedReader {
  const texts = textSeeds(/formats-ftrace\/trace\.default/).small;
  const grammar = grammarOf(texts);
  const make = (random: Random): Buffer => {
    const parts = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () => {
      const text = random.chance(0.5) ? grammar(random) : random.pick(texts);
      return pack(random.chance(0.5) ? mutateBytes(text, random, texts) : text);
    });
    return Buffer.concat(parts);
  };
  return { name, seeds: texts.map(pack), make, damage: mutateBinary, read: readTrace };
}
