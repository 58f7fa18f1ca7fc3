import { queueAddress, shownAddress } from '@dmalab/queue';
import { expect, test } from 'vitest';
import { tempFolder, writeTemp } from '../../../test/support/temp-folder.ts';

const folder = tempFolder();

test('an address has the port of Redis where it names none', () => {
  expect(queueAddress('redis://fleet', {})).toEqual({ host: 'fleet', port: 6379, db: 0 });
});

test('rediss is TLS, with the authority of a file', () => {
  const REDIS_CA_FILE = writeTemp(folder, 'ca.pem', 'CERTIFICATE');
  expect(queueAddress('rediss://fleet:6380/2', { REDIS_CA_FILE })).toEqual({
    host: 'fleet',
    port: 6380,
    db: 2,
    tls: { servername: 'fleet', ca: 'CERTIFICATE' },
  });
});

test('the password of a file loses its line end, and that of the URL goes first', () => {
  const environment = { REDIS_PASSWORD_FILE: writeTemp(folder, 'password', 'from file\n') };
  expect(queueAddress('redis://fleet', environment).password).toBe('from file');
  expect(queueAddress('redis://bob:a%40b@fleet', environment)).toMatchObject({
    username: 'bob',
    password: 'a@b',
  });
});

test('an address is shown without its secrets', () => {
  expect(shownAddress(queueAddress('rediss://bob:secret@[::1]:7000/1', {}))).toBe(
    'rediss://[::1]:7000/1',
  );
});

test.each(['fleet:6379', 'http://fleet', ''])('"%s" is refused without being repeated', (url) => {
  expect(() => queueAddress(url, {})).toThrow(/expected redis:\/\/HOST:PORT/);
});
