// The options of the cache of converted traces, shared by the commands that replay.

import type { Argv } from 'yargs';
import { parseBytes } from '../memory-size.ts';
import { sharedGroup } from '../option-groups.ts';
import { TraceCache } from './trace-cache.ts';

/** What the options of {@link cacheOptions} give. */
export interface CacheArguments {
  cache: string | undefined;
  cacheSize: string;
}

/** Where a cache is, and how many bytes it may have; data, to be sent to another process. */
export interface CachePlace {
  readonly folder: string;
  readonly limit: number;
}

/** Adds the options to a command. */
export function cacheOptions(y: Argv): Argv<CacheArguments> {
  return sharedGroup(y, 'Reading', ['cache', 'cache-size'])
    .option('cache', {
      describe:
        'Folder that keeps converted traces, so that each is read once; runs and machines may share it',
      type: 'string',
      requiresArg: true,
    })
    .option('cache-size', {
      describe: 'With --cache: above this size the entries that were not used for the longest go',
      type: 'string',
      requiresArg: true,
      default: '10G',
    }) as unknown as Argv<CacheArguments>;
}

/** The place that the options name; null where there is to be no cache. */
export function cachePlace({ cache, cacheSize }: CacheArguments): CachePlace | null {
  const limit = parseBytes('cache-size', cacheSize);
  return cache === undefined ? null : { folder: cache, limit };
}

const open = new Map<string, TraceCache>();

/** The cache at a place, opened once in this process. */
export function openCache(place: CachePlace | null): TraceCache | null {
  if (place === null) return null;
  const key = JSON.stringify(place);
  const known = open.get(key) ?? new TraceCache(place.folder, place.limit);
  open.set(key, known);
  return known;
}

/** The cache that the options name. */
export function cacheOf(options: CacheArguments): TraceCache | null {
  return openCache(cachePlace(options));
}
