import { TraceError } from '@dmalab/trace';
import { expect, test } from 'vitest';
import { SpoolFile } from '../src/spool-file.ts';

test('what was written at a place is read from there', () => {
  const file = new SpoolFile('trace.txt');
  file.write(Uint8Array.of(1, 2, 3), 10);
  file.write(Uint8Array.of(9), 11);
  const bytes = new Uint8Array(3);
  file.read(bytes, 10);
  expect([...bytes]).toEqual([1, 9, 3]);
  file.close();
});

test('a directory that cannot be written to is an error that names it', () => {
  const file = new SpoolFile('trace.txt', '/nowhere');
  expect(() => file.write(Uint8Array.of(1), 0)).toThrow(
    new TraceError('trace.txt', null, 'cannot write requests to /nowhere (0 MB written): ENOENT'),
  );
});
