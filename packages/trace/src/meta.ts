// meta.json beside a trace: what the recorder knew about the machine.
//
// The file is optional and foreign: every value is checked, what is missing or of another type is
// simply not known, and a file that cannot be read as JSON is one counted warning. Its layout is that
// of traces/README.md. Only what the facts need is read.

import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isDirectory } from './byte-source.ts';
import type { Diagnostic } from './capture.ts';
import { type MetaBounce, metaBounce } from './meta-bounce.ts';

/** A device as meta.json lists it. */
export interface MetaDevice {
  readonly maskBits: number | null;
  readonly coherentMaskBits: number | null;
  readonly group: string | null;
  /** PCI class code with its 0x, e.g. "0x010802". */
  readonly pciClass: string | null;
}

/** An IOMMU group as meta.json lists it. */
export interface MetaGroup {
  readonly type: string | null;
  /** Bytes, both included. */
  readonly reserved: readonly (readonly [number, number])[];
}

/** What meta.json tells; null where it does not. */
export interface Meta {
  readonly kernel: string | null;
  readonly cpus: number | null;
  readonly granule: number | null;
  readonly clock: string | null;
  readonly forcedac: boolean | null;
  readonly strict: boolean | null;
  /** By PCI address. */
  readonly devices: ReadonlyMap<string, MetaDevice>;
  readonly groups: ReadonlyMap<string, MetaGroup>;
  readonly bounce: MetaBounce;
}

const LIMIT = 16 * 1024 * 1024;
type Json = Record<string, unknown>;

/** Reads meta.json beside `trace`, or in it where it is a directory; a broken one is added to `diagnostics`. */
export async function readMeta(trace: string, diagnostics: Diagnostic[]): Promise<Meta | null> {
  if (trace === '-') return null;
  const path = join(isDirectory(trace) ? trace : dirname(trace), 'meta.json');
  try {
    const { size } = await stat(path);
    if (size > LIMIT) throw new Error(`${size} bytes, expected at most ${LIMIT}`);
  } catch (error) {
    if (isMissing(error)) return null;
    diagnostics.push(broken(path, error));
    return null;
  }
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (!isObject(json)) throw new Error('expected an object');
    noteLosses(object(json.ring_buffer), trace, path, diagnostics);
    return parseMeta(json);
  } catch (error) {
    diagnostics.push(broken(path, error));
    return null;
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function broken(path: string, error: unknown): Diagnostic {
  const why = error instanceof Error ? error.message : String(error);
  return { code: 'BAD_META', message: `meta.json is not used: ${why}`, count: 1, where: [path] };
}

// What the ring buffers lost is not always in the trace: dropped events leave no mark in its text. Where a
// folder has several traces, stats.NAME stands for trace.NAME.txt.
function noteLosses(stats: Json, trace: string, path: string, diagnostics: Diagnostic[]): void {
  const name = basename(trace).split('.')[1] ?? '';
  const total = object(object(stats[`stats.${name}`] ?? stats.stats).total);
  const lost = ['overrun', 'commit_overrun', 'dropped']
    .map((key) => within(total[key], 0, Number.MAX_SAFE_INTEGER) ?? 0)
    .reduce((sum, count) => sum + count, 0);
  if (lost === 0) return;
  const message = `the ring buffers lost ${lost} events while recording, as their statistics tell`;
  diagnostics.push({ code: 'LOST_WHILE_RECORDING', message, count: lost, where: [path] });
}

/** The known values of a parsed meta.json. */
export function parseMeta(json: Json): Meta {
  const machine = object(json.machine);
  const after = object(json.after);
  const before = object(json.before);
  const words = (text(json.cmdline) ?? '').split(/\s+/);
  return {
    kernel: release(text(json.kernel)),
    cpus: within(machine.cpus, 1, 65_535),
    granule: powerOfTwo(json.iommu_granule),
    clock: text(json.trace_clock),
    forcedac: words.length > 1 ? switched(words, 'iommu.forcedac') === '1' : null,
    strict: strictness(words),
    devices: new Map([...devices(before), ...devices(after)]),
    groups: groups(object(after.iommu_groups ?? before.iommu_groups)),
    bounce: metaBounce(json, words),
  };
}

function release(kernel: string | null): string | null {
  return kernel?.match(/\b\d+\.\d+(\.\d+)?[\w.+-]*/)?.[0] ?? null;
}

function switched(words: readonly string[], name: string): string | undefined {
  return words.findLast((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

function strictness(words: readonly string[]): boolean | null {
  const value = switched(words, 'iommu.strict');
  if (value !== undefined) return value !== '0';
  return words.includes('intel_iommu=strict') ? true : null;
}

function devices(side: Json): [string, MetaDevice][] {
  return list(side.devices).flatMap((device): [string, MetaDevice][] => {
    const name = text(device.bdf);
    if (name === null) return [];
    const group = device.iommu_group;
    return [
      [
        name,
        {
          maskBits: within(device.dma_mask_bits, 1, 64),
          coherentMaskBits: within(device.consistent_dma_mask_bits, 1, 64),
          pciClass: text(device.class),
          group: typeof group === 'number' || typeof group === 'string' ? String(group) : null,
        },
      ],
    ];
  });
}

function groups(byName: Json): Map<string, MetaGroup> {
  const found = new Map<string, MetaGroup>();
  for (const [name, value] of Object.entries(byName)) {
    const group = object(value);
    found.set(name, { type: text(group.type), reserved: reservedRanges(group) });
  }
  return found;
}

function reservedRanges(group: Json): [number, number][] {
  return list(group.reserved_regions).flatMap((region): [number, number][] => {
    const start = Number(text(region.start) ?? Number.NaN);
    const end = Number(text(region.end) ?? Number.NaN);
    return start >= 0 && end >= start ? [[start, end]] : [];
  });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function object(value: unknown): Json {
  return isObject(value) ? value : {};
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function within(value: unknown, low: number, high: number): number | null {
  const isIn =
    typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high;
  return isIn ? value : null;
}

function powerOfTwo(value: unknown): number | null {
  const size = within(value, 4096, 1 << 30);
  return size !== null && Number.isInteger(Math.log2(size)) ? size : null;
}
