// dmalab merge: the shards of a batch as one result, the same as that of a batch in one piece.

import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type BatchTable, batchSentence, batchTable, readBatchJson } from '@dmalab/analysis';
import type { Argv, CommandModule } from 'yargs';
import { BATCH_FILES, BATCH_TABLE, OWN_REPORT, shardOfFile } from '../batch/batch-files.ts';
import { lockBatch } from '../batch/batch-lock.ts';
import { writeBatch } from '../batch/batch-output.ts';
import { failureLines } from '../batch/failure-lines.ts';
import { InputError } from '../input-error.ts';
import { print, printJson, progressDone } from '../output.ts';
import { makeFolder, tried } from '../output-file.ts';
import { UsageError } from '../usage-error.ts';

interface MergeArguments {
  folders: string[];
  out: string | undefined;
  json: boolean;
}

export const merge: CommandModule<object, MergeArguments> = {
  command: 'merge <folders..>',
  describe: 'Put the shards of a batch together: one table and one report',
  builder: (y: Argv) =>
    y
      .positional('folders', {
        describe: 'Folders that dmalab batch --shard wrote into: one that all shared, or several',
        type: 'string',
        array: true,
        demandOption: true,
      })
      .option('out', {
        alias: 'o',
        describe: 'Folder for the result; the folder itself where there is one only',
        type: 'string',
        requiresArg: true,
      })
      .option('json', { describe: 'One JSON document', type: 'boolean', default: false })
      .example('$0 merge part1 part2 -o all', 'puts two folders together')
      .example(
        '$0 merge out',
        'finishes a folder that all shards shared',
      ) as unknown as Argv<MergeArguments>,
  handler: runMerge,
};

/** A table, and the folder that it lies in. */
interface Part {
  readonly file: string;
  readonly folder: string;
  readonly table: BatchTable;
}

async function runMerge({ folders, out = folders[0]!, json }: MergeArguments): Promise<void> {
  const isInPlace = folders.length === 1 && resolve(out) === resolve(folders[0]!);
  if (folders.length > 1 && folders.some((folder) => resolve(folder) === resolve(out))) {
    throw new UsageError('merge: -o must name a folder of its own where several are put together');
  }
  const parts = folders.flatMap(partsOf);
  checkParts(parts);
  const { version, machines } = parts[0]!.table;
  const table = batchTable(
    version,
    machines,
    parts.flatMap(({ table: { rows } }) => rows),
  );
  makeFolder(out);
  const lock = await lockBatch(out);
  if (!isInPlace) copyResults(parts, out);
  await writeBatch(out, table);
  lock.release();
  if (isInPlace) for (const { file } of parts) if (!file.endsWith(BATCH_TABLE)) rmSync(file);
  progressDone();
  const failed = table.rows.filter(({ error }) => error !== null);
  if (json) {
    const failures = failed.map(({ trace, machine, error }) => ({ trace, machine, error }));
    const results = table.rows.length - failed.length;
    printJson({ schema: 'dmalab.batch-run/1', out, results, kept: results, failures, notBegun: 0 });
  } else print(`${batchSentence(table)} The report is ${join(out, BATCH_FILES.html)}`);
  for (const line of failureLines(failed)) process.stderr.write(line);
  if (failed.length > 0) process.exitCode = 1;
}

/** The tables of the shards in a folder; where there are none, that of a batch in one piece. */
function partsOf(folder: string): Part[] {
  if (!existsSync(folder)) throw new InputError(folder, 'no such folder');
  const names = readdirSync(folder).sort();
  const shards = names.filter((name) => shardOfFile(name) !== null);
  const files = shards.length > 0 ? shards : names.filter((name) => name === BATCH_TABLE);
  if (files.length === 0) {
    const problem = `found no ${BATCH_TABLE} and no shard-i-of-n.json: no shard was finished here`;
    throw new InputError(folder, `${problem}; run its dmalab batch again`);
  }
  return files.map((name) => {
    const file = join(folder, name);
    try {
      return { file, folder, table: readBatchJson(readFileSync(file, 'utf8')) };
    } catch (error) {
      throw new InputError(file, (error as Error).message);
    }
  });
}

/** All shards must be there, made by one version on the same machines, and no result twice. */
function checkParts(parts: readonly Part[]): void {
  const [first] = parts;
  const same = JSON.stringify([first!.table.version, first!.table.machines]);
  const seen = new Map<string, string>();
  for (const { file, table } of parts) {
    if (JSON.stringify([table.version, table.machines]) !== same) {
      throw new InputError(
        file,
        `made on other machines or by another version than ${first!.file}`,
      );
    }
    for (const { trace, machine } of table.rows) {
      const key = `${trace}\0${machine}`;
      const other = seen.get(key);
      if (other !== undefined) throw new InputError(file, `${trace} is in ${other} as well`);
      seen.set(key, file);
    }
  }
  const shards = parts.flatMap(({ file }) => shardOfFile(file.split(/[\\/]/).at(-1)!) ?? []);
  const count = shards[0]?.count ?? 0;
  const missing = Array.from({ length: count }, (_, i) => i + 1).filter(
    (index) => !shards.some((shard) => shard.index === index && shard.count === count),
  );
  if (missing.length > 0) {
    const which = missing.map((index) => `${index}/${count}`).join(', ');
    throw new InputError(first!.folder, `shards that are missing or not finished: ${which}`);
  }
}

function copyResults(parts: readonly Part[], out: string): void {
  for (const { folder, table } of parts) {
    for (const row of table.rows) {
      if (row.folder === null) continue;
      const [from, to] = [join(folder, row.folder), join(out, row.folder)];
      // An older result in its place goes first, and the report of a part is not that of the whole.
      tried(to, () => {
        rmSync(to, { recursive: true, force: true });
        cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith(OWN_REPORT) });
      });
    }
  }
}
