// The connection: reached once before any work, so that a wrong address or password is told and not waited for;
// from then on a server that goes away is waited for.

import { Redis } from 'ioredis';
import { type QueueAddress, shownAddress } from './address.ts';
import { QueueError } from './queue-error.ts';

/** The queue of all batches; BullMQ keeps it under keys that begin with "bull:". */
export const QUEUE_NAME = 'dmalab';
const CONNECT_TIMEOUT_MS = 10_000;
const LONGEST_PAUSE_MS = 2_000;

/** Options of every connection of BullMQ: no command is given up while the server restarts. */
export function connectionOptions(address: QueueAddress): QueueAddress & {
  maxRetriesPerRequest: null;
  retryStrategy: (times: number) => number;
} {
  return {
    ...address,
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(50 * 2 ** times, LONGEST_PAUSE_MS),
  };
}

/** Connects, logs in and leaves; throws a {@link QueueError} where that fails. */
export async function reach(address: QueueAddress): Promise<void> {
  const { host, port, db, username, password, tls } = address;
  const client = new Redis({
    host,
    port,
    db,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let last: Error | null = null;
  client.on('error', (error: Error) => {
    last ??= error;
  });
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    throw new QueueError(`${shownAddress(address)}: ${reason(last ?? (error as Error))}`);
  } finally {
    client.disconnect();
  }
}

function reason(error: Error): string {
  const { message } = error;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (/NOAUTH|WRONGPASS|invalid password/i.test(message)) {
    return `the server refuses the login (${/\w+/.exec(message)?.[0]}); state REDIS_PASSWORD or REDIS_PASSWORD_FILE, and REDIS_USERNAME where it has users`;
  }
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'ETIMEDOUT') {
    return `no Redis or Valkey server answers (${code}); start one with: redis-server`;
  }
  return `cannot use the server: ${message || code}`;
}
