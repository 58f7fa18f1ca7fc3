// Reports of single results that are written before the batch is done, by processes that have no trace left.
//
// Which results the report over all leads to is known when all of them are there, but nearly all to which one of those so far
// would lead are among them. What is not is removed at the end, and what is missing is written then (batch-output.ts).

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BatchTable } from '@dmalab/analysis/results';
import { OWN_REPORT } from './batch-files.ts';
import type { JobPool } from './job-pool.ts';

/** Writes such reports in the processes of a pool; `tableSoFar` gives the results that are there. */
export class EarlyReports {
  readonly #out: string;
  readonly #pool: JobPool;
  readonly #tableSoFar: () => BatchTable;
  readonly #begun = new Set<string>();

  constructor(out: string, pool: JobPool, tableSoFar: () => BatchTable) {
    this.#out = out;
    this.#pool = pool;
    this.#tableSoFar = tableSoFar;
  }

  /** Writes one; false where there is none to be foreseen. */
  async write(): Promise<boolean> {
    const { linkedFolders } = await import('@dmalab/analysis');
    const folder = linkedFolders(this.#tableSoFar()).find(
      (each) => !this.#begun.has(each) && !existsSync(join(this.#out, each, OWN_REPORT)),
    );
    if (folder === undefined) return false;
    this.#begun.add(folder);
    try {
      await this.#pool.report({ out: this.#out, folders: [folder] });
    } catch {
      // It is tried again when the batch is done, which then says what is wrong.
      return false;
    }
    return true;
  }
}
