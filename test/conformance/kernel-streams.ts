// Random streams in the formats of test/golden/bench, which the models and the kernel's own code both read.

import type { Family } from '../../bench/kernel-code.ts';
import type { Random } from '../fuzz/random.ts';

/** A stream, and its domain by the names of native.json. */
export interface KernelStream {
  readonly bytes: Buffer;
  readonly operations: number;
  readonly domain: Readonly<Record<string, number | string>>;
}

/** A random stream of some ten thousand operations for a family. */
export function kernelStream(family: Family, random: Random): KernelStream {
  return family === 'iova' ? iovaStream(random) : mapStream(family, random);
}

const HEADER_BYTES = 168;
const RECORD_BYTES = 16;
const LIMITS_AT = 40;
const FREE = 2;
/** Highest pfns: full soon, 30 to 32 bits of address, and beyond. */
const LIMITS = [0x3fff, 0xffff, 0x7ffff, 0xfffff, 0xfffff, 0xffffff, 2 ** 36 - 1, 2 ** 52 - 1];
/** Pages of the allocations of one stream: cached sizes, odd ones, large ones. */
const PAGES = [
  [1],
  [1, 2, 4, 8, 16, 32],
  [1, 3, 5, 7, 9, 17, 31],
  [1, 64, 33, 100],
  [256, 512, 300, 40],
  [1, 1, 1, 2, 2, 40, 200],
] as const;

function iovaStream(random: Random): KernelStream {
  const operations = random.from(10_000, 60_000);
  const cpus = random.pick([1, 2, 3, 4, 8, 16, 32, 64]);
  const lives = new Lives(random, random.pick([50, 300, 2000, 8000]));
  const limits = Array.from({ length: random.from(1, 4) }, () => random.pick(LIMITS));
  const pages = random.pick(PAGES);
  const flushing = random.pick([0, 0.5, 1]);
  const remote = random.pick([0, 0.2, 1]);
  const steps = timeSteps(random);
  const bytes = Buffer.alloc(HEADER_BYTES + operations * RECORD_BYTES);
  writeHeader(bytes, [operations, limits.length, cpus, lives.ids], random, limits);
  const cpuOf = new Uint8Array(lives.ids);
  for (let i = 0; i < operations; i++) {
    const at = HEADER_BYTES + i * RECORD_BYTES;
    const { id, isNew } = lives.next();
    const cpu = isNew || random.chance(remote) ? random.below(cpus) : cpuOf[id]!;
    if (isNew) cpuOf[id] = cpu;
    bytes.writeUInt32LE(id, at);
    bytes.writeUInt32LE(steps(), at + 4);
    bytes.writeUInt16LE(isNew ? random.pick(pages) : 0, at + 8);
    bytes.writeUInt8(isNew ? Number(random.chance(flushing)) : FREE, at + 10);
    bytes.writeUInt8(isNew ? random.below(limits.length) : 0, at + 11);
    bytes.writeUInt8(cpu, at + 12);
  }
  return { bytes, operations, domain: {} };
}

function writeHeader(
  bytes: Buffer,
  counts: readonly number[],
  random: Random,
  limits: readonly number[],
): void {
  bytes.write('IOVBEN01', 'latin1');
  for (const [i, count] of counts.entries()) bytes.writeUInt32LE(count, 8 + 4 * i);
  bytes.writeBigUInt64LE(4096n, 24);
  bytes.writeBigUInt64LE(BigInt(random.pick([1, 1, 2, 256, 4096])), 32);
  for (const [i, limit] of limits.entries())
    bytes.writeBigUInt64LE(BigInt(limit), LIMITS_AT + 8 * i);
}

const COLUMNS = {
  fq: 't_ns,cpu,op,id,dev,phys,size,dma_limit',
  swiotlb:
    't_ns,cpu,op,id,orig_addr,size,alloc_align_mask,min_align_mask,atomic_order,kernel_order',
} as const;

function mapStream(family: 'fq' | 'swiotlb', random: Random): KernelStream {
  const operations = random.from(10_000, 60_000);
  const cpus = random.pick([1, 2, 4, 8, 16]);
  const lives = new Lives(random, random.pick([50, 300, 2000]));
  const steps = timeSteps(random);
  const largest = random.pick([4096, 30_000, 260_000]);
  const last = family === 'fq' ? limitCell(random) : alignCells(random);
  const lines: string[] = [COLUMNS[family]];
  let time = 0;
  for (let i = 0; i < operations; i++) {
    time += steps();
    const { id, isNew } = lives.next();
    const head = `${time},${random.below(cpus)},${isNew ? 'map' : 'unmap'},${id}`;
    const device = family === 'fq' ? ',0' : '';
    const address = `0x${random.from(0x1000, 2 ** 30).toString(16)}`;
    const cells = `${device},${address},${random.from(1, largest)},${last()}`;
    lines.push(isNew ? `${head}${cells}` : `${head}${cells.replace(/[^,]/g, '')}`);
  }
  const domain = family === 'fq' ? queueDomain(random, cpus) : poolDomain(random, cpus);
  return { bytes: Buffer.from(`${lines.join('\n')}\n`), operations, domain };
}

function limitCell(random: Random): () => string {
  const limit = random.pick(['', '', '0xffffffff', '0xffffffffff']);
  return () => limit;
}

function alignCells(random: Random): () => string {
  const [whole, low] = [random.pick([0, 0, 4095]), random.pick([0, 0, 511, 2047, 4095])];
  return () => `${random.chance(0.5) ? whole : 0},${low},,`;
}

function queueDomain(random: Random, cpus: number): KernelStream['domain'] {
  return { cpus, hz: random.pick([100, 250, 1000]), fq: random.pick(['percpu', 'percpu', 'none']) };
}

function poolDomain(random: Random, cpus: number): KernelStream['domain'] {
  return { cpus, nslabs: random.pick([1024, 4096, 32_768]), areas: random.pick([1, 2, 4, 8]) };
}

/** ns to the next operation: often the same order, now and then a pause in which timers run. */
function timeSteps(random: Random): () => number {
  const usual = random.pick([10, 1000, 30_000, 500_000, 3_000_000]);
  return () => Math.floor(random.real() * usual * (random.chance(0.01) ? 100 : 1));
}

/** What is live: it grows and shrinks in waves, and is freed in an order that the stream keeps. */
class Lives {
  /** Ids are below. */
  readonly ids: number;
  readonly #random: Random;
  readonly #order: 'first' | 'last' | 'any';
  readonly #free: number[];
  readonly #live: number[] = [];
  readonly #most: number;
  #target: number;

  constructor(random: Random, most: number) {
    this.ids = 2 * most;
    this.#random = random;
    this.#order = random.pick(['first', 'last', 'any']);
    this.#free = Array.from({ length: this.ids }, (_, id) => id);
    this.#most = most;
    this.#target = most;
  }

  /** An id that begins to live, or one that ends. */
  next(): { readonly id: number; readonly isNew: boolean } {
    const random = this.#random;
    if (random.chance(0.0002)) this.#target = this.#most * random.pick([0.05, 0.3, 1, 1]);
    const isFull = this.#live.length > this.#target;
    const ends = this.#live.length > 0 && random.chance(isFull ? 0.6 : 0.42);
    if (ends || this.#free.length === 0) return { id: this.#end(), isNew: false };
    const id = this.#free.pop()!;
    this.#live.push(id);
    return { id, isNew: true };
  }

  #end(): number {
    const last = this.#live.length - 1;
    const any = this.#order === 'any' ? this.#random.below(last + 1) : last;
    const [id] = this.#live.splice(this.#order === 'first' ? 0 : any, 1);
    this.#free.push(id!);
    return id!;
  }
}
