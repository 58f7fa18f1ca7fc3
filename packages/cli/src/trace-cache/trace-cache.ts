// A folder of converted traces, shared by any number of processes and machines.
//
// An entry lies in FOLDER/<first two digits>/<key>.<checksum>.parquet: the key says what it was made of, the checksum (SHA-256
// of its bytes) what it must hold. It is written beside its place and renamed, so it is whole or not there; it is never
// changed, so whoever has it open reads on while another one removes it. Its time of change is that of its last use: above
// the limit the entries that were not used for the longest go first. There is no index and no lock.

import { randomUUID } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { hashOfFile } from '../file-hashes.ts';
import { makeFolder } from '../output-file.ts';

const ENTRY = /^([0-9a-f]{64})\.([0-9a-f]{64})\.parquet$/;
const PREFIX = 2;
/** Above the limit so much of it is kept, or every new entry would have the folder looked through. */
const KEPT = 0.9;
/** The folder is looked through anew when this share of the limit was written: others write too. */
const UNSEEN = 1 / 16;
/** ms after which a file that was begun belongs to nobody any more. */
const ABANDONED = 24 * 3600 * 1000;

interface Entry {
  readonly path: string;
  readonly bytes: number;
  /** ms of the last use. */
  readonly used: number;
}

/** Where converted traces are kept, and how many bytes of them. */
export class TraceCache {
  readonly folder: string;
  readonly #limit: number;
  /** Bytes that were there when the folder was looked through, and bytes written since; none before the first time. */
  #seen: number | null = null;
  #written = 0;

  /** Makes the folder; an InputError where that cannot be done. */
  constructor(folder: string, limit: number) {
    makeFolder(folder);
    this.folder = folder;
    this.#limit = limit;
  }

  /** The file of an entry, marked as used; null where there is none. A damaged one is removed. */
  find(key: string): string | null {
    const folder = this.#folderOf(key);
    for (const name of namesIn(folder)) {
      const [, ofKey, checksum] = ENTRY.exec(name) ?? [];
      if (ofKey !== key) continue;
      const path = join(folder, name);
      try {
        if (hashOfFile(path) === checksum) {
          markUsed(path);
          return path;
        }
        this.remove(path);
      } catch {
        // Another process removed it.
      }
    }
    return null;
  }

  /**
   * Adds an entry that `write` writes to the path that it is given. What goes wrong (a full disk, a folder that takes no
   * files) is returned as a message, null where nothing did: a cache is no reason to fail.
   */
  add(key: string, write: (path: string) => void): string | null {
    const folder = this.#folderOf(key);
    const unfinished = join(folder, `.${key.slice(0, 16)}.${randomUUID()}`);
    try {
      mkdirSync(folder, { recursive: true });
      write(unfinished);
      const { size } = statSync(unfinished);
      if (size <= this.#limit) {
        renameSync(unfinished, join(folder, `${key}.${hashOfFile(unfinished)}.parquet`));
        this.#written += size;
        if (this.#mayBeFull()) this.#evict();
      }
      return null;
    } catch (error) {
      return `${this.folder}: ${(error as Error).message}`;
    } finally {
      rmSync(unfinished, { force: true });
    }
  }

  /** Removes an entry, for one that is of no use. */
  remove(path: string): void {
    rmSync(path, { force: true });
  }

  #folderOf(key: string): string {
    return join(this.folder, key.slice(0, PREFIX));
  }

  #mayBeFull(): boolean {
    const isKnown = this.#seen !== null && this.#written <= UNSEEN * this.#limit;
    return !isKnown || this.#seen! + this.#written > this.#limit;
  }

  #evict(): void {
    const entries = this.#entries().sort((a, b) => b.used - a.used);
    let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    if (bytes > this.#limit) {
      while (bytes > KEPT * this.#limit && entries.length > 1) {
        const oldest = entries.pop()!;
        this.remove(oldest.path);
        bytes -= oldest.bytes;
      }
    }
    this.#seen = bytes;
    this.#written = 0;
  }

  #entries(): Entry[] {
    const entries: Entry[] = [];
    for (const folder of namesIn(this.folder)) {
      if (folder.length !== PREFIX) continue;
      for (const name of namesIn(join(this.folder, folder))) {
        const path = join(this.folder, folder, name);
        const stat = statOf(path);
        if (stat === null) continue;
        if (ENTRY.test(name)) entries.push({ path, bytes: stat.size, used: stat.mtimeMs });
        else if (name.startsWith('.') && Date.now() - stat.mtimeMs > ABANDONED) this.remove(path);
      }
    }
    return entries;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function statOf(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null;
}

/** A folder that is only read has no order of use. */
function markUsed(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {}
}
