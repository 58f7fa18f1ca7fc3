// The package @dmalab/queue, which need not be installed, and its errors as those of the command line.

import { InputError } from '../input-error.ts';
import { UsageError } from '../usage-error.ts';

/** Loads the package; an error says how to install it. */
export async function loadQueue(): Promise<typeof import('@dmalab/queue')> {
  try {
    return await import('@dmalab/queue');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageError(
      '--redis needs a package that is not installed: npm install @dmalab/queue',
    );
  }
}

/** The address of the server: --redis, else REDIS_URL. */
export function serverUrl(redis: string): string {
  const url = redis || process.env.REDIS_URL;
  if (url) return url;
  throw new UsageError('--redis: expected a URL, as redis://localhost, here or in REDIS_URL');
}

/** Does it; what the package refuses is bad input. */
export async function blamingQueue<T>(action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const { name, message } = error as Error;
    if (name === 'QueueError') throw new InputError('--redis', message);
    if (name === 'RootError') throw new InputError('root', message);
    throw error;
  }
}
