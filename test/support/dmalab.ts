// Runs the command line as a process, as a user would.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/dmalab.mjs', import.meta.url));

/** What a run of the command left behind. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `dmalab ...words` with `input` on standard input. */
export function dmalab(words: readonly string[], input: string | Uint8Array = ''): Finished {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...words], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: 110_000,
  });
  return { code: status, stdout, stderr };
}

/** The JSON document that a command printed. */
export function jsonOf<T>({ code, stdout, stderr }: Finished): T {
  if (stdout === '') throw new Error(`exit code ${code}, no output, stderr: ${stderr}`);
  return JSON.parse(stdout) as T;
}
