// A parsed log with what its other lines tell of the machine, and which lines are explained already.

import { SLOT_BYTES } from '@dmalab/replay';
import type { CmaPool, KernelLogLine, MaskOverflow, SwiotlbMissing } from '@dmalab/trace';
import { formatCount } from '../quantity.ts';
import type { Evidence } from './explanation.ts';

/** Bounce pools have areas from this kernel on. */
const AREAS_SINCE = [6, 0] as const;
/** A message follows from a full pool if it is that many messages of its device later at most. */
const REACH = 16;
/** The kernel tells what is left of a CMA area so many lines after a failure at most. */
const CMA_LINES = 3;

/** See the head of the file. */
export class LogContext {
  readonly lines: readonly KernelLogLine[];
  /** Slots of the pool as the boot says, null where it does not. */
  readonly bootSlots: number | null;
  /** The line that tells that there was no memory for a pool at boot. */
  readonly missing: SwiotlbMissing | null;
  /** True: an IOMMU failed a map or stopped a device. */
  readonly hasIommuFailure: boolean;
  readonly #areas: number | null;
  readonly #restricted: ReadonlySet<number>;
  readonly #text: readonly string[];
  readonly #source: string;
  readonly #explained = new Set<KernelLogLine>();
  /** What may follow from a full pool, by device, in the order of the lines. */
  readonly #followers: ReadonlyMap<string, Followers>;
  readonly #wide: ReadonlySet<string>;
  /** What is left of a CMA area, by the line that tells it; at 0 its size at boot. */
  readonly #cma: ReadonlyMap<number, CmaPool>;

  constructor(lines: readonly KernelLogLine[], text: string, source: string) {
    this.lines = lines;
    this.#text = text.split(/\r\n|\r|\n/);
    this.#source = source;
    this.bootSlots = bootSlotsOf(lines);
    this.missing = missingOf(lines);
    this.hasIommuFailure = lines.some(
      ({ kind }) => kind === 'iova-failed' || kind === 'iommu-fault',
    );
    this.#areas = areasOf(lines);
    this.#restricted = restrictedOf(lines);
    this.#followers = followersOf(lines);
    this.#cma = cmaOf(lines);
    const wide = lines.filter((line) => line.kind === 'wide-addresses');
    this.#wide = new Set(wide.map(({ device }) => device));
  }

  evidence({ line, last }: KernelLogLine): Evidence {
    const text = this.#text.slice(line - 1, last).map((row) => row.trim());
    return { where: `${this.#source}:${line}`, text: text.join(' ') };
  }

  /**
   * Areas of the pool that a message of `total` slots tells of: 1 for a restricted one and for a kernel without areas,
   * else as the boot says; null where nothing tells.
   */
  areas(total: number | null): number | null {
    return total !== null && this.#restricted.has(total) ? 1 : this.#areas;
  }

  /** True: the device has gone over to addresses above 4 GiB. */
  isWide(device: string): boolean {
    return this.#wide.has(device);
  }

  /** What the kernel tells next of the CMA area after `line`, else of its size at boot. */
  cmaAfter({ last }: KernelLogLine): CmaPool | null {
    for (let next = last + 1; next <= last + CMA_LINES; next++) {
      const pool = this.#cma.get(next);
      if (pool !== undefined) return pool;
    }
    return this.#cma.get(0) ?? null;
  }

  /** Marks what follows from the full pool of `after` as explained, and gives it. */
  consequences(device: string, size: number, after: KernelLogLine): KernelLogLine[] {
    const found: KernelLogLine[] = [];
    for (const key of new Set([device, ''])) {
      const followers = this.#followers.get(key);
      if (followers === undefined) continue;
      followers.skipTo(after.line, this.#explained);
      for (const line of followers.next(REACH)) {
        if (!this.#explained.has(line) && isOf(line, device, size)) found.push(line);
      }
    }
    this.explained(found);
    return found;
  }

  explained(lines: readonly KernelLogLine[]): void {
    for (const line of lines) this.#explained.add(line);
  }

  unexplained(): KernelLogLine[] {
    return this.lines.filter((line) => !this.#explained.has(line));
  }

  /** Messages that the kernel did not print, when low addresses ran out, and pools that could not grow. */
  notes(): string[] {
    return [...suppressedNotes(this.lines), ...wideNotes(this.lines), ...growthNotes(this.lines)];
  }
}

type Follower = Exclude<KernelLogLine, { kind: 'swiotlb-full' }>;

/** Messages of one device, looked at from a place that only moves on. */
class Followers {
  readonly #lines: Follower[] = [];
  #at = 0;

  add(line: Follower): void {
    this.#lines.push(line);
  }

  skipTo(line: number, explained: ReadonlySet<KernelLogLine>): void {
    while (this.#at < this.#lines.length && this.#passed(line, explained)) this.#at++;
  }

  #passed(line: number, explained: ReadonlySet<KernelLogLine>): boolean {
    const at = this.#lines[this.#at]!;
    return at.line <= line || explained.has(at);
  }

  next(count: number): Follower[] {
    return this.#lines.slice(this.#at, this.#at + count);
  }
}

function followersOf(lines: readonly KernelLogLine[]): Map<string, Followers> {
  const found = new Map<string, Followers>();
  for (const line of lines) {
    if (
      line.kind !== 'swiotlb-refused' &&
      line.kind !== 'mask-overflow' &&
      line.kind !== 'coherent-failed'
    )
      continue;
    const of = found.get(line.device) ?? new Followers();
    found.set(line.device, of);
    of.add(line);
  }
  return found;
}

// A list of segments tells the size of one, or of all that is left.
function isOf(line: Follower, device: string, size: number): boolean {
  if (line.kind === 'swiotlb-refused') return line.size === size;
  if (line.kind === 'coherent-failed') return line.source === 'swiotlb' && line.bytes === size;
  return follows(line as MaskOverflow, device, size);
}

function follows(line: MaskOverflow, device: string, size: number): boolean {
  return !line.bounced && line.device === device && line.size >= size;
}

function bootSlotsOf(lines: readonly KernelLogLine[]): number | null {
  for (const line of lines) {
    if (line.kind === 'swiotlb-pool' && line.bytes !== null && !line.restricted && !line.wanted)
      return Math.round(line.bytes / SLOT_BYTES);
  }
  return null;
}

function missingOf(lines: readonly KernelLogLine[]): SwiotlbMissing | null {
  for (const line of lines) if (line.kind === 'swiotlb-missing' && line.boot) return line;
  return null;
}

function restrictedOf(lines: readonly KernelLogLine[]): Set<number> {
  const found = new Set<number>();
  for (const line of lines) {
    if (line.kind === 'swiotlb-pool' && line.restricted && line.bytes !== null)
      found.add(line.bytes / SLOT_BYTES);
  }
  return found;
}

/** As the boot says, 1 for a kernel without areas, null where neither is known. */
function areasOf(lines: readonly KernelLogLine[]): number | null {
  for (const line of lines) {
    if (line.kind === 'swiotlb-pool' && line.areas !== null) return line.areas;
  }
  const [major, minor] = AREAS_SINCE;
  for (const line of lines) {
    if (line.kind !== 'kernel-release') continue;
    const [a = 0, b = 0] = line.release.split(/[.-]/).map(Number);
    if (a < major || (a === major && b < minor)) return 1;
  }
  return null;
}

function cmaOf(lines: readonly KernelLogLine[]): Map<number, CmaPool> {
  const found = new Map<number, CmaPool>();
  for (const line of lines) {
    if (line.kind === 'cma-pool') found.set(line.free === null ? 0 : line.line, line);
  }
  return found;
}

function suppressedNotes(lines: readonly KernelLogLine[]): string[] {
  const counts = new Map<string, number>();
  for (const line of lines) {
    if (line.kind !== 'suppressed') continue;
    counts.set(line.function, (counts.get(line.function) ?? 0) + line.count);
  }
  return [...counts].map(
    ([name, count]) =>
      `${formatCount(count)} messages of ${name} were not printed: counts are lower bounds.`,
  );
}

function wideNotes(lines: readonly KernelLogLine[]): string[] {
  const told = new Set<string>();
  const notes: string[] = [];
  for (const line of lines) {
    if (line.kind !== 'wide-addresses' || told.has(line.device)) continue;
    told.add(line.device);
    notes.push(
      `${line.device} went over to ${line.bits}-bit addresses (line ${line.line}): those below 4 GiB ran out once, which fails nothing.`,
    );
  }
  return notes;
}

function growthNotes(lines: readonly KernelLogLine[]): string[] {
  const failed = lines.filter((line) => line.kind === 'swiotlb-pool' && line.growthFailed);
  const [first] = failed;
  if (first === undefined) return [];
  const times = failed.length === 1 ? '' : ` ${formatCount(failed.length)} times`;
  return [
    `A dynamic pool could not grow${times} (first in line ${first.line}): no contiguous memory was left.`,
  ];
}
