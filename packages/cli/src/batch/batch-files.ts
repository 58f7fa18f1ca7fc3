// Names in the folder of a batch: OUT/<path of the trace>/<run>/ for each result, the tables and reports beside them.

import { folderName, unique } from '../run-name.ts';

/** The table of all results as JSON, from which tables and reports are made; see {@link BatchTable}. */
export const BATCH_TABLE = 'batch.json';

/** What else a finished batch writes at the top of its folder. */
export const BATCH_FILES = {
  csv: 'batch.csv',
  parquet: 'batch.parquet',
  html: 'report.html',
  text: 'report.txt',
} as const;

/** The report of one result, in its folder. */
export const OWN_REPORT = 'report.html';

/** Table of one shard. */
export function shardTable(index: number, count: number): string {
  return `shard-${index}-of-${count}.json`;
}

/** Index and count of the table of a shard; null for other files. */
export function shardOfFile(name: string): { index: number; count: number } | null {
  const [, index, count] = /^shard-(\d+)-of-(\d+)\.json$/.exec(name) ?? [];
  return index === undefined ? null : { index: Number(index), count: Number(count) };
}

/** Folder of a trace below OUT: its path, with a + in front where a file of the batch has that name. */
export function traceFolder(path: string): string {
  return /^\+*(?:batch\.|report\.|shard-)/.test(path) ? `+${path}` : path;
}

/** Folders of the runs below that of the trace. */
export function runFolders(names: readonly string[]): string[] {
  return unique(names.map(folderName));
}
