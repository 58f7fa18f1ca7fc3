// Completion as bash and zsh do it: the script is sourced, and its function asked for words.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { dmalab } from '../support/dmalab.ts';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/dmalab.mjs', import.meta.url));

/** What bash offers at the end of each line, joined by blanks. Readline breaks words at "=" and ":", which are words too. */
function offered(...lines: readonly string[]): string[] {
  const asked = lines.map((line) => {
    const words = line.split(/ +|(?<=[=:])|(?=[=:])/);
    return `
    COMP_LINE='dmalab ${line}' COMP_POINT=${'dmalab '.length + line.length}
    COMP_WORDS=(dmalab ${words.map((word) => `'${word}'`).join(' ')})
    COMP_CWORD=${words.length}
    _dmalab dmalab
    echo "\${COMPREPLY[*]}"`;
  });
  const script = `
    dmalab() { '${process.execPath}' '${BIN}' "$@"; }
    source <(dmalab completion bash)
    ${asked.join('\n')}`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').slice(0, -1);
}

test('commands, options, policies, presets, charts; nothing where the shell is to offer files', () => {
  expect(
    offered(
      'rep',
      'replay trace.txt --fl',
      'replay trace.txt --flush s',
      'replay trace.txt --flush=per',
      'replay trace.txt --flush percpu:',
      'replay trace.txt --flush=percpu:size=512,timeo',
      'replay trace.txt --bounce dynamic:maySleep=',
      'replay --kernel 6.1',
      'size trace.txt --parameter host.',
      'sweep trace.txt --vary flush=strict,pe',
      'sweep trace.txt --vary bounce.sl',
      'chart out stale',
      'completion ',
      'replay ',
      'replay trace.txt -m ',
    ),
  ).toEqual([
    'replay report',
    '--flush',
    'strict single',
    'percpu',
    'size= timeoutMs= timerCpu=',
    '512,timeoutMs=',
    'true false',
    '6.1 6.12',
    'host.entries host.pages',
    'strict,percpu',
    'bounce.slots=',
    'stale-window',
    'bash zsh',
    '',
    '',
  ]);
});

const hasZsh = spawnSync('zsh', ['--version']).status === 0;
if (!hasZsh) console.warn('completion: the test of zsh is skipped, there is none');

test.skipIf(!hasZsh)('zsh gets the words, or the files where there are none', () => {
  const asked = [['rep'], ['replay', 'trace.txt', '--flush', 's'], ['replay', '']].map(
    (words) =>
      `words=(dmalab ${words.map((word) => `'${word}'`).join(' ')}); CURRENT=$#words; _dmalab`,
  );
  // What belongs to the line editor is replaced; in a shell with it compadd drops what does not match.
  const script = `
    dmalab() { '${process.execPath}' '${BIN}' "$@"; }
    compdef() { }
    compadd() { shift; print -r -- "$@" }
    _files() { print FILES }
    source <(dmalab completion zsh)
    ${asked.join('\n')}`;
  const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', script], { encoding: 'utf8' });
  expect([stdout, stderr]).toEqual(['replay report\nstrict single\nFILES\n', '']);
});

test('the script is printed for zsh, too, and for no other shell', () => {
  expect(dmalab(['completion', 'zsh']).stdout).toMatch(/^#compdef dmalab\n/);
  expect(dmalab(['completion', 'fish']).code).toBe(2);
});
