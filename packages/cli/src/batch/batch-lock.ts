// One batch at a time writes the tables of a folder: the others are told, and what a killed one left behind holds nobody up.
//
// OUT/.dmalab-batch names the process that writes, and lives as long as it does. A process of the same machine is looked up: where it
// is gone (kill -9), its lock is taken. One of another machine, on a shared folder, cannot be: its lock is touched every few
// seconds, and is taken when nobody touched it for longer than that. Shards write no tables and need no lock; results
// of one trace may be written by several processes anyway.

import {
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InputError } from '../input-error.ts';
import { tried } from '../output-file.ts';

const NAME = '.dmalab-batch';
const TOUCH_MS = 5000;
/** ms without a touch after which a process of another machine is taken for ended. */
const PATIENCE_MS = 30_000;
const LOOKS = 20;

/** The right to write the tables of a folder. */
export interface BatchLock {
  /** Gives it back. */
  release(): void;
}

/** Takes the lock of a folder; an InputError where another batch has it. */
export async function lockBatch(out: string, patienceMs: number = PATIENCE_MS): Promise<BatchLock> {
  const path = join(out, NAME);
  const own = JSON.stringify({ place: placeOf(), pid: process.pid, started: startOf(process.pid) });
  while (!begun(path, own)) {
    const found = await leftBehind(path, patienceMs);
    if (found === null) throw heldBy(out, path);
    remove(path, found);
  }
  const timer = setInterval(() => touch(path), TOUCH_MS).unref();
  const release = (): void => {
    clearInterval(timer);
    process.off('exit', release);
    if (contentOf(path) === own) rmSync(path, { force: true });
  };
  process.on('exit', release);
  return { release };
}

function begun(path: string, own: string): boolean {
  return tried(path, () => {
    try {
      writeFileSync(path, own, { flag: 'wx' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  });
}

/** What a lock holds whose process has ended ('' where it was given back meanwhile); null where it is alive. */
async function leftBehind(path: string, patienceMs: number): Promise<string | null> {
  const content = contentOf(path);
  if (content === null) return '';
  const { place, pid, started } = parsed(content);
  if (place === placeOf()) return pid !== null && startOf(pid) === started ? null : content;
  const before = touched(path);
  for (let look = 0; look < LOOKS; look++) {
    await sleep(patienceMs / LOOKS);
    if (touched(path) !== before) return contentOf(path) === null ? '' : null;
  }
  return content;
}

/** Removes a lock that was left behind, unless another process has taken it by now. */
function remove(path: string, content: string): void {
  if (content === '') return;
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (contentOf(aside) === content) rmSync(aside);
    else renameSync(aside, path);
  } catch {
    // Somebody else was faster.
  }
}

function heldBy(out: string, path: string): InputError {
  const { place, pid } = parsed(contentOf(path) ?? '');
  const where = place === placeOf() || place === null ? '' : ` on ${place.split(' ')[0]}`;
  return new InputError(
    out,
    `another batch writes here (process ${pid ?? 'unknown'}${where}); wait for its end, or take another folder. Shards (--shard) may share one`,
  );
}

/** Where a process number means something: the machine, and in a container its name space. */
function placeOf(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** When a process started, in ticks after the start of the machine: numbers of processes come again. null where it has ended. */
function startOf(pid: number): string | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return null;
  }
  try {
    // After the name, which may hold spaces: the state is the third field, the start the 22nd.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? '');
  } catch {
    return '';
  }
}

function parsed(content: string): {
  place: string | null;
  pid: number | null;
  started: string | null;
} {
  try {
    return JSON.parse(content) as { place: string; pid: number; started: string };
  } catch {
    // Its process has only just made it, or was killed while it did.
    return { place: null, pid: null, started: null };
  }
}

function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function touched(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Removed by hand: the batch goes on.
  }
}
