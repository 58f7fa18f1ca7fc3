// Tracefs of the running kernel: what it offers, and writes to its files.
//
// Described in Documentation/trace/ftrace.rst. A folder of plain files may stand in for it (--tracefs): then
// nobody needs to be root, and an instance is a folder that is emptied.

import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '../input-error.ts';
import { isAtLeast, type KernelVersion } from './kernel-release.ts';
import { type ProbeStyle, probesFor } from './probes.ts';
import { FIRST_WITH_FPROBES, type Recipe } from './recipe.ts';

/** f_type of statfs: "trac". */
const TRACEFS_MAGIC = 0x74726163;

/** Where a recording writes: tracefs, or a folder that stands in for it. */
export interface Tracefs {
  readonly root: string;
  /** Plain files, not the kernel's. */
  readonly isStandIn: boolean;
}

/** Opens tracefs, or says what is missing. */
export function openTracefs(root: string, isDefault: boolean): Tracefs {
  if (!existsSync(root)) throw new InputError(root, `is not there: ${MOUNT}`);
  const isStandIn = statfsSync(root).type !== TRACEFS_MAGIC;
  if (isStandIn && isDefault) throw new InputError(root, `is no tracefs: ${MOUNT}`);
  if (!isStandIn && process.getuid?.() !== 0) {
    throw new InputError(root, 'recording needs root: run it with sudo, or see --print');
  }
  if (!existsSync(join(root, 'events'))) {
    throw new InputError(root, 'has no events: this kernel was built without CONFIG_FTRACE');
  }
  return { root, isStandIn };
}

const MOUNT =
  'recording needs Linux with tracefs (as root: mount -t tracefs nodev /sys/kernel/tracing); --print shows the commands for another machine';

/** What this kernel has of the recipe, and what it has not. */
export interface Offer extends Pick<Recipe, 'style' | 'probes' | 'systems'> {
  readonly missing: readonly string[];
}

/** Asks tracefs for the events and functions of the recipe. */
export function offerOf({ root }: Tracefs, version: KernelVersion): Offer {
  const systems = ['dma', 'iommu', 'swiotlb'].filter((s) => existsSync(join(root, 'events', s)));
  const wanted = probesFor(version, systems.includes('dma'));
  const functions = traceable(root);
  const probes = functions === null ? wanted : wanted.filter(({ symbol }) => functions.has(symbol));
  const missing = new Set(
    wanted.filter((probe) => !probes.includes(probe)).map(({ symbol }) => symbol),
  );
  return { style: styleOf(root, version), probes, systems, missing: [...missing] };
}

/** The functions that can be probed; null where the kernel does not say, as when it is locked down. */
function traceable(root: string): Set<string> | null {
  const text = read(join(root, 'available_filter_functions'));
  if (text === null) return null;
  return new Set(text.split('\n').map((line) => line.split(/\s/, 1)[0] ?? ''));
}

function styleOf(root: string, version: KernelVersion): ProbeStyle {
  const readme = read(join(root, 'README'));
  const hasFprobes =
    readme === null ? isAtLeast(version, FIRST_WITH_FPROBES) : readme.includes('f[:[');
  return hasFprobes ? 'fprobe' : 'kprobe';
}

/** The text of a file, null where there is none. */
export function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Writes a line to a file of tracefs. */
export function write({ root, isStandIn }: Tracefs, name: string, line: string): void {
  const path = join(root, name);
  if (isStandIn) mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(path, `${line}\n`);
  } catch (error) {
    throw new InputError(path, `"${line}" was refused: ${(error as Error).message}`);
  }
}

/** Adds a line to dynamic_events; false where the kernel refuses it. */
export function define({ root }: Tracefs, line: string): boolean {
  try {
    appendFileSync(join(root, 'dynamic_events'), `${line}\n`);
    return true;
  } catch {
    return false;
  }
}

/** Makes an instance of its own. */
export function makeInstance({ root }: Tracefs, name: string): void {
  const path = join(root, 'instances', name);
  try {
    mkdirSync(path);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new InputError(
      path,
      isThere
        ? 'is there already: another recording is running, or one was killed (then remove it with rmdir)'
        : `cannot be made: ${(error as Error).message}`,
    );
  }
}

/** Removes an instance, of tracefs with its buffers; an error of the file system where it is in use. */
export function removeInstance({ root, isStandIn }: Tracefs, name: string): void {
  const path = join(root, 'instances', name);
  if (isStandIn) rmSync(path, { recursive: true, force: true });
  else rmdirSync(path);
}
