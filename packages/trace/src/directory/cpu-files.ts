// Which files of a directory hold the events of one CPU each.
//
//   per_cpu/cpu0/trace, per_cpu/cpu1/trace     a copy of tracefs, or of one of its instances (or of per_cpu alone)
//   trace.cpu0.txt, trace.cpu1.txt.zst         a file for each CPU, named after it
//   a.txt, b.txt                               any names, where each file begins with events of one CPU only
//
// In a copy of tracefs the raw pages (trace_pipe_raw) come before the text where there are any: they are
// exact. A directory that is something else gives an error that names what is in it.

import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openBytes } from '../byte-source.ts';
import { TraceError } from '../trace-error.ts';
import { findPerfFiles } from './perf-files.ts';

/** A file with the events of one CPU. */
export interface CpuFile {
  readonly cpu: number;
  readonly path: string;
  /** Path inside the directory. */
  readonly name: string;
  /** Text of the statistics beside it, "CPU: N" in front; empty where there are none. */
  readonly stats: string;
}

/** The files of all CPUs, in the order of their CPUs. */
export interface CpuFiles {
  readonly files: readonly CpuFile[];
  /** They hold pages of ring buffers, not text. */
  readonly pages: boolean;
}

const LAYOUT =
  'a directory with a file for each CPU: per_cpu/cpuN/trace of tracefs, or names like trace.cpu0.txt';
/** What is looked into to tell the CPU of a file without one in its name. */
const CHUNK = 64 * 1024;
const MAX_STATS = 4096;
const NAMED = /(?:^|[^a-z])(?:per[-_.]?)?cpu[-_.]?(\d{1,5})(?!\d)/i;
const COLUMN = /^(?!#).{0,60}?[\s)]\[(\d{3,5})\]\s/gm;
/** No traces: what recorders and people put beside them. */
const BESIDE = /^(?:meta\.json|stats?(?:\..*)?|.*\.md|aux\..*)$/i;

/** The files of `directory`. Throws a TraceError where it is no directory of per-CPU files. */
export async function findCpuFiles(directory: string): Promise<CpuFiles> {
  const found = nested(join(directory, 'per_cpu'), 'per_cpu') ?? nested(directory, '');
  if (found !== null) return checked(directory, found);
  const names = entries(directory)
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .filter((name) => !BESIDE.test(name))
    .sort();
  refuseKnown(directory, names);
  const named = names.filter((name) => NAMED.test(name));
  if (named.length > 0 && named.length === names.length) {
    const files = named.map((name) => fileOf(directory, name, Number(NAMED.exec(name)![1])));
    const kinds = await Promise.all(files.map(({ path }) => isPages(path)));
    if (new Set(kinds).size > 1) {
      throw problem(directory, 'found pages of ring buffers beside text; keep one of both');
    }
    return checked(directory, { files, pages: kinds[0]! });
  }
  const files = named.length > 0 ? null : await byContent(directory, names);
  if (files !== null) return checked(directory, { files, pages: false });
  throw problem(directory, contents(directory, names, named));
}

/**
 * True for a directory that is one trace by the names in it: tracefs, perf's, or files that all name their CPU. What only the
 * content of files would tell is not looked for: a directory of traces is more likely than that.
 */
export function isTraceDirectory(directory: string): boolean {
  const found = nested(join(directory, 'per_cpu'), 'per_cpu') ?? nested(directory, '');
  if (found !== null && found.files.length > 0) return true;
  if (findPerfFiles(directory) !== null) return true;
  const all = entries(directory);
  const names = all.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'));
  const traces = names.filter(({ name }) => !BESIDE.test(name));
  return traces.length > 1 && traces.every(({ name }) => NAMED.test(name));
}

/** cpuN/trace and the like below `folder`; null where there is no such folder. */
function nested(folder: string, prefix: string): CpuFiles | null {
  const cpus = entries(folder)
    .filter((entry) => entry.isDirectory() && /^cpu\d{1,5}$/.test(entry.name))
    .map(({ name }) => name);
  if (cpus.length === 0) return null;
  for (const [pattern, pages] of KINDS) {
    const files: CpuFile[] = [];
    for (const cpu of cpus) {
      const name = entries(join(folder, cpu)).find((entry) => pattern.test(entry.name))?.name;
      if (name === undefined) continue;
      // trace_pipe of a running tracefs has no size, and to read it would wait for events.
      if (name.startsWith('trace_pipe') && statSync(join(folder, cpu, name)).size === 0) continue;
      files.push(fileOf(folder, join(cpu, name), Number(cpu.slice(3)), join(prefix, cpu, name)));
    }
    if (files.length > 0) return { files, pages };
  }
  return { files: [], pages: false };
}

const KINDS: readonly (readonly [RegExp, boolean])[] = [
  [/^trace_pipe_raw(?:\.(?:gz|zst))?$/, true],
  [/^trace(?:\.txt)?(?:\.(?:gz|zst))?$/, false],
  [/^trace_pipe(?:\.txt)?(?:\.(?:gz|zst))?$/, false],
];

function fileOf(folder: string, name: string, cpu: number, shown = name): CpuFile {
  const path = join(folder, name);
  return { cpu, path, name: shown, stats: statsOf(path, cpu) };
}

/** The `stats` file beside per_cpu/cpuN/trace. */
function statsOf(path: string, cpu: number): string {
  if (!/[\\/]cpu\d+[\\/][^\\/]+$/.test(path)) return '';
  try {
    return `CPU: ${cpu}\n${readFileSync(join(path, '../stats'), 'latin1').slice(0, MAX_STATS)}`;
  } catch {
    return '';
  }
}

/** Files whose first lines are events of one CPU, each of another; null where one is not. */
async function byContent(directory: string, names: readonly string[]): Promise<CpuFile[] | null> {
  if (names.length < 2) return null;
  const files: CpuFile[] = [];
  for (const name of names) {
    const cpus = new Set<string>();
    const text = Buffer.from(await headOf(join(directory, name))).toString('latin1');
    for (const [, cpu] of text.matchAll(COLUMN)) cpus.add(cpu!);
    if (cpus.size !== 1) return null;
    files.push(fileOf(directory, name, Number([...cpus][0])));
  }
  return new Set(files.map(({ cpu }) => cpu)).size === files.length ? files : null;
}

async function isPages(path: string): Promise<boolean> {
  return (await headOf(path)).includes(0);
}

async function headOf(path: string): Promise<Uint8Array> {
  const source = await openBytes(path, CHUNK);
  await source.close();
  return source.head;
}

function checked(directory: string, { files, pages }: CpuFiles): CpuFiles {
  if (files.length === 0) throw problem(directory, 'found folders of CPUs without a trace in them');
  const sorted = [...files].sort((a, b) => a.cpu - b.cpu);
  sorted.forEach((file, i) => {
    if (i > 0 && sorted[i - 1]!.cpu === file.cpu) {
      const both = `${sorted[i - 1]!.name} and ${file.name}`;
      throw problem(directory, `found two files of CPU ${file.cpu}: ${both}`, 'CPU_OVERLAP');
    }
  });
  return { files: sorted, pages };
}

function refuseKnown(directory: string, names: readonly string[]): void {
  if (names.includes('metadata')) {
    throw problem(
      directory,
      'found a CTF trace: read it as text with "babeltrace2", or give the perf.data that it was made of',
      'UNKNOWN_FORMAT',
    );
  }
}

function contents(directory: string, names: readonly string[], named: readonly string[]): string {
  const advice = 'name a trace inside it';
  if (named.length > 0) {
    const others = names.filter((name) => !named.includes(name));
    return `found a directory with ${list(named)}, and with ${list(others)}, of no one CPU; ${advice}`;
  }
  if (names.length > 0) return `found a directory with ${list(names)}; ${advice}`;
  const folders = entries(directory).filter((entry) => entry.isDirectory());
  const what = folders.length === 0 ? 'nothing in it' : `folders only (${folders[0]!.name})`;
  return `found a directory with ${what}; ${advice}`;
}

function list(names: readonly string[]): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return `${names.slice(0, 3).join(', ')}${more}`;
}

function entries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

function problem(directory: string, found: string, code = 'IO'): TraceError {
  return new TraceError(directory, null, `${code}: expected a file, or ${LAYOUT}, ${found}`);
}
