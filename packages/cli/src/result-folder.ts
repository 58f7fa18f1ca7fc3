// Result folders: one for each trace and run, found by their summary.json.
//
// A folder is complete when its summary.json is there: it is written last, by rename.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import {
  type LabelledResult,
  RESULT_FILES,
  type ResultTexts,
  type RunResult,
  readResult,
  writeResult,
} from '@dmalab/analysis/results';
import { InputError } from './input-error.ts';
import { writeOutput } from './output-file.ts';

/** Writes a result into `folder`, which is made where it does not exist. */
export function writeResultFolder(folder: string, result: RunResult): void {
  const texts = writeResult(result);
  for (const part of ['series', 'distributions'] as const) {
    writeOutput(join(folder, RESULT_FILES[part]), texts[part]);
  }
  const complete = join(folder, RESULT_FILES.summary);
  writeOutput(complete, texts.summary);
}

/** A result and where it lay. */
export interface FoundResult {
  readonly folder: string;
  /** Trace and run as the folders name them, e.g. "nvme-lazy-randread" and "percpu". */
  readonly trace: string;
  readonly run: string;
  readonly result: RunResult;
}

/** All results in the folders and below them, in the order of their paths. */
export function findResults(roots: readonly string[]): FoundResult[] {
  const found = roots.flatMap((root) =>
    resultFoldersBelow(root).map((folder) => readFolder(root, folder)),
  );
  if (found.length === 0) {
    throw new InputError(
      roots.join(', '),
      `no result folder (with a ${RESULT_FILES.summary}) here; make one with: dmalab replay TRACE -o ${roots[0]}`,
    );
  }
  return found;
}

/** Results under the names of their runs, for output that groups them by trace. */
export function byRun(found: readonly FoundResult[]): LabelledResult[] {
  return found.map(({ run, result }) => ({ label: run, result }));
}

/** Results under the shortest names that tell them apart: the run, the trace, or both. */
export function labelled(found: readonly FoundResult[]): LabelledResult[] {
  const oneTrace = new Set(found.map(({ trace }) => trace)).size === 1;
  const oneRun = new Set(found.map(({ run }) => run)).size === 1;
  return found.map(({ trace, run, result }) => ({
    label: oneTrace ? run : oneRun ? trace : `${trace} ${run}`,
    result,
  }));
}

function resultFoldersBelow(root: string): string[] {
  if (!existsSync(root)) throw new InputError(root, 'no such folder');
  if (!statSync(root).isDirectory()) {
    throw new InputError(
      root,
      'is a file, expected a result folder; make one with: dmalab replay TRACE -o FOLDER',
    );
  }
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => basename(path) === RESULT_FILES.summary)
    .map((path) => dirname(join(root, path)))
    .sort();
}

function readFolder(root: string, folder: string): FoundResult {
  const read = (name: string): string => {
    try {
      return readFileSync(join(folder, name), 'utf8');
    } catch (error) {
      throw new InputError(folder, `incomplete result: ${(error as Error).message}`);
    }
  };
  const texts: ResultTexts = {
    summary: read(RESULT_FILES.summary),
    series: read(RESULT_FILES.series),
    distributions: read(RESULT_FILES.distributions),
  };
  const path = relative(dirname(root), folder);
  const trace = basename(dirname(path)) || basename(root);
  try {
    return { folder, trace, run: basename(folder), result: readResult(texts) };
  } catch (error) {
    if (error instanceof RangeError) throw new InputError(folder, error.message);
    throw error;
  }
}
