// Follows docs/writing-a-policy.md: saves its file, runs its commands.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { dmalab } from '../support/dmalab.ts';
import { tempFolder, writeTemp } from '../support/temp-folder.ts';

const GUIDE = readFileSync(
  fileURLToPath(new URL('../../docs/writing-a-policy.md', import.meta.url)),
  'utf8',
);
const folder = tempFolder();

function blocks(language: string): string[] {
  const found = GUIDE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'));
  return [...found].map(([, code = '']) => code);
}

test('the policy of the guide is listed, keeps its rules and replays a trace', () => {
  const [code = ''] = blocks('ts');
  writeTemp(folder, 'lowest-fit.ts', code);
  const outputs = blocks('sh').map((block) => {
    const words = block
      .trim()
      .replaceAll('./', `${join(folder, '/')}`)
      .split(' ');
    expect(words.slice(0, 2)).toEqual(['npx', 'dmalab']);
    const { code: exit, stdout, stderr } = dmalab(words.slice(2));
    expect({ block, exit, stderr }).toEqual({ block, exit: 0, stderr: '' });
    return stdout;
  });
  expect(outputs).toHaveLength(3);
  expect(outputs[0]).toMatch(/lowest-fit {2}\(iova policy, --allocator lowest-fit:startPfn=1\)/);
  expect(outputs[0]).toMatch(/startPfn=1 pages\n +lowest page\n +a whole number from 1 to/);
  expect(outputs[1]).toMatch(
    /^ok {4}iova lowest-fit: \d+ streams, [\d,]+ operations, every rule held/,
  );
  expect(outputs[2]).toMatch(/maps +6,226\n/);
});

test('the policy of the guide without its alignment is told with the shortest operations', () => {
  const [code = ''] = blocks('ts');
  const file = writeTemp(folder, 'crooked.ts', code.replace('powerOfTwoFrom(pages)', '1'));
  const { code: exit, stdout } = dmalab(['conform', '--policy', file]);
  expect(exit).toBe(1);
  expect(stdout).toMatch(/WRONG iova lowest-fit: .*\n +rule "aligned": .* not a multiple of/);
  expect(stdout).toMatch(
    /seed \d+, startPfn=16; the shortest operations that show it:\n +alloc id=/,
  );
});
