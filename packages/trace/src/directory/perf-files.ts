// The directory that `perf record --threads` writes (tools/perf/Documentation/perf.data-directory-format.txt).
//
//   data       a perf.data file with everything but the samples
//   data.0 ... the records of one thread each, which has drained the buffers of one or more CPUs
//
// Left out: kcore_dir, which `perf record --kcore` puts beside them.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EventReader } from '../event-reader.ts';
import { EventSink } from '../event-sink.ts';
import { lineWindow } from '../lines.ts';
import type { CpuFile } from './cpu-files.ts';

const HEAD = /^data(?:\.(?:gz|zst))?$/;
const RECORDS = /^data\.(\d{1,5})(?:\.(?:gz|zst))?$/;

/** The file with the header and those of the threads in their order; null where the directory is none of perf. */
export function findPerfFiles(directory: string): readonly CpuFile[] | null {
  const names = readdirSync(directory);
  const head = names.find((name) => HEAD.test(name));
  const numbers = names.filter((name) => RECORDS.test(name));
  if (head === undefined || numbers.length === 0) return null;
  const files = numbers.map((name) => fileOf(directory, name, Number(RECORDS.exec(name)![1])));
  return [fileOf(directory, head, -1), ...files.sort((a, b) => a.cpu - b.cpu)];
}

function fileOf(directory: string, name: string, number: number): CpuFile {
  return { cpu: number, path: join(directory, name), name, stats: '' };
}

/** Reads the files of perf as one trace named `directory`. */
export function perfFilesReader(directory: string, files: readonly CpuFile[]): EventReader {
  const window = lineWindow();
  const sink = new EventSink(directory, window);
  return {
    source: directory,
    format: 'perf.data, a directory',
    compression: 'none',
    ...sink.tables,
    async *batches() {
      const { readParts } = await import('./parts.ts');
      const { readPerfData } = await import('../formats/perf-data.ts');
      const { roomFor } = await import('../formats/perf-data-pending.ts');
      yield* readParts(files, sink.counts, (parts) => {
        const [head, ...others] = parts.map(({ bytes }) => bytes);
        const size = parts.reduce((sum, { bytes }) => sum + bytes.size, 0);
        return readPerfData(head!, window, sink, roomFor(size), others);
      });
    },
  };
}
