// What only a terminal gets: colour of errors, and progress.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/dmalab.mjs', import.meta.url));
const RED = '\u001b[31m';
const hasTerminal = spawnSync('script', ['--version']).status === 0;

/** What a terminal shows of a run; the last test of the file says what a pipe gets. */
function onTerminal(words: string, env: Record<string, string>): string {
  const command = `'${process.execPath}' '${BIN}' ${words}`;
  const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
    encoding: 'utf8',
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '', ...env },
  });
  return stdout;
}

test.skipIf(!hasTerminal)('an error is red on a terminal, unless NO_COLOR is set', () => {
  expect(onTerminal('info no-such-file', {})).toContain(`${RED}dmalab:`);
  expect(onTerminal('info no-such-file', { NO_COLOR: '1' })).not.toContain(RED);
});

test.skipIf(!hasTerminal)('progress is one line that changes, and is gone at the end', () => {
  const shown = onTerminal('replay traces/vblk-large-huge/trace.txt.zst', {});
  expect(shown).toContain('\r\u001b[K');
  expect(shown).toMatch(/: reading: \d[\d.]* of \d[\d.]* MB/);
  expect(shown.lastIndexOf('\r\u001b[K')).toBeLessThan(shown.indexOf('failed maps'));
});

test('a pipe gets neither', () => {
  const { stdout, stderr } = spawnSync(process.execPath, [BIN, 'info', 'no-such-file'], {
    encoding: 'utf8',
  });
  expect(stdout + stderr).not.toContain('\u001b');
});
