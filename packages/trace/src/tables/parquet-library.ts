// hyparquet and hyparquet-writer: 50 modules, loaded with the first Parquet file that is read or written.
//
// Tables are begun by plain calls, so this is `require`, which takes such modules as well.

import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

/** What reads Parquet. */
export function parquetReading(): typeof import('hyparquet') {
  return load('hyparquet') as typeof import('hyparquet');
}

/** What writes it. */
export function parquetWriting(): typeof import('hyparquet-writer') {
  return load('hyparquet-writer') as typeof import('hyparquet-writer');
}
