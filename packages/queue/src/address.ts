// Where the server is and how one logs in: a redis:// or rediss:// URL, secrets from the environment or from files.
//
// A password in the URL is seen by everybody who lists processes, so REDIS_PASSWORD and REDIS_PASSWORD_FILE exist;
// rediss:// is TLS, with the authorities of Node or those of REDIS_CA_FILE (and NODE_EXTRA_CA_CERTS).

import { readFileSync } from 'node:fs';
import { QueueError } from './queue-error.ts';

/** A server; what is not stated has the default of the server. */
export interface QueueAddress {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  /** Present for rediss://. */
  readonly tls?: { readonly ca?: string; readonly servername?: string };
}

const DEFAULT_PORT = 6379;

/**
 * The server of `url`, with the secrets of `environment` (REDIS_USERNAME, REDIS_PASSWORD, REDIS_PASSWORD_FILE,
 * REDIS_CA_FILE) where the URL has none. Throws a {@link QueueError} that says what to state.
 */
export function queueAddress(
  url: string,
  environment: Readonly<Record<string, string | undefined>>,
): QueueAddress {
  const parsed = parseUrl(url);
  const username = decodeURIComponent(parsed.username) || environment.REDIS_USERNAME;
  const password = decodeURIComponent(parsed.password) || passwordOf(environment);
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost';
  return {
    host,
    port: parsed.port === '' ? DEFAULT_PORT : Number(parsed.port),
    db: databaseOf(parsed),
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(parsed.protocol === 'rediss:' ? { tls: tlsOf(host, environment) } : {}),
  };
}

/** The address as it may be printed: without user and password. */
export function shownAddress({ host, port, db, tls }: QueueAddress): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${tls === undefined ? 'redis' : 'rediss'}://${name}:${port}${db === 0 ? '' : `/${db}`}`;
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed !== null && /^rediss?:$/.test(parsed.protocol)) return parsed;
  throw new QueueError(
    'the address of the server is not a URL of Redis, expected redis://HOST:PORT or rediss://HOST:PORT (TLS)',
  );
}

function databaseOf({ pathname }: URL): number {
  const [, digits] = /^\/?(\d*)$/.exec(pathname) ?? [];
  if (digits === undefined) {
    throw new QueueError(`the path of the server's URL is "${pathname}", expected a number, as /0`);
  }
  return Number(digits);
}

function passwordOf(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const { REDIS_PASSWORD, REDIS_PASSWORD_FILE } = environment;
  if (REDIS_PASSWORD) return REDIS_PASSWORD;
  if (!REDIS_PASSWORD_FILE) return undefined;
  return readNamed('REDIS_PASSWORD_FILE', REDIS_PASSWORD_FILE).replace(/\r?\n$/, '');
}

function tlsOf(
  host: string,
  { REDIS_CA_FILE }: Readonly<Record<string, string | undefined>>,
): { ca?: string; servername?: string } {
  return {
    // A name only: an IP address is no server name.
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ...(REDIS_CA_FILE ? { ca: readNamed('REDIS_CA_FILE', REDIS_CA_FILE) } : {}),
  };
}

function readNamed(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new QueueError(`${variable}: cannot read ${path}: ${(error as Error).message}`);
  }
}
