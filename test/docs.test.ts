// Documentation that a test can hold to: links lead somewhere, exports carry a sentence.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { dmalab } from './support/dmalab.ts';
import { tempFolder, writeTemp } from './support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = tempFolder();
const LIBRARIES = ['trace', 'replay', 'analysis', 'queue'];
const PACKAGES = [...LIBRARIES, 'cli'];
const FOLDERS = [
  '.',
  'docs',
  'docs/models',
  'packages',
  'traces',
  'notebooks',
  'examples',
  'test/golden',
];

function pages(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), {
      recursive: folder === 'packages' || folder === 'traces',
      encoding: 'utf8',
    })
      .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
      .map((name) => join(ROOT, folder, name)),
  );
}

test('every relative link of every page leads to a file', () => {
  const broken = pages().flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] ?? '')
      .filter((link) => !existsSync(join(dirname(page), link)))
      .map((link) => `${relative(ROOT, page)}: ${link}`),
  );
  expect(broken).toEqual([]);
});

test('the program in the README runs', () => {
  const program = codeBlock('README.md', 'ts');
  const { status, stdout, stderr } = run(program);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual(['strict', 'percpu', 'single']);
});

test('the machine file of the documentation is accepted', () => {
  const machine = writeTemp(folder, 'machine.yaml', codeBlock('docs/machine-file.md', 'yaml'));
  const { code, stderr } = dmalab([
    'replay',
    'traces/nvme-lazy-randread/trace.txt.zst',
    '-m',
    machine,
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

/** The first block of code of a language on a page. */
function codeBlock(page: string, language: string): string {
  const [code] = codeBlocks(page, language);
  if (code === undefined) throw new Error(`${page} has no ${language} block`);
  return code;
}

function codeBlocks(page: string, language: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'));
  return [...blocks].map(([, code = '']) => code);
}

function run(program: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program], {
    cwd: ROOT,
    encoding: 'utf8',
  });
}

test.each(PACKAGES)('the examples in the README of %s run', (name) => {
  const programs = codeBlocks(`packages/${name}/README.md`, 'ts');
  expect(programs.length).toBeGreaterThan(0);
  for (const program of programs) {
    const { status, stderr } = run(program);
    expect({ program, status, stderr }).toEqual({ program, status: 0, stderr: '' });
  }
});

test.each(LIBRARIES)('the README of %s names every export', (name) => {
  const readme = readFileSync(join(ROOT, 'packages', name, 'README.md'), 'utf8');
  const src = join(ROOT, 'packages', name, 'src');
  const missing = surface(join(src, 'index.ts'))
    .flatMap(({ file, names }) => names ?? exportsOf(join(src, file)))
    .filter((exported) => !new RegExp(`\\b${exported}\\b`).test(readme));
  expect(missing).toEqual([]);
});

test('the README of cli names every command and option', () => {
  const readme = readFileSync(join(ROOT, 'packages/cli/README.md'), 'utf8');
  const commands = [...dmalab(['--help']).stdout.matchAll(/^ {2}dmalab (\w+)/gm)].map(
    ([, command = '']) => command,
  );
  const missing = commands.flatMap((command) => {
    const { stdout } = dmalab([command, '--help']);
    const options = [...stdout.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map(([, o = '']) => o);
    return [`dmalab ${command}`, ...options].filter(
      (word) => word !== '--version' && !readme.includes(word),
    );
  });
  expect(commands).toContain('info');
  expect(missing).toEqual([]);
});

function exportsOf(file: string): string[] {
  const pattern = /^export (?:async )?(?:function\*?|class|interface|type|const) (?!\{)(\w+)/gm;
  return [...readFileSync(file, 'utf8').matchAll(pattern)].map(([, name = '']) => name);
}

test('everything on the public surface of a package has its sentence', () => {
  const bare = LIBRARIES.flatMap((name) => {
    const src = join(ROOT, 'packages', name, 'src');
    return surface(join(src, 'index.ts')).flatMap(({ file, names }) =>
      undocumented(join(src, file), names),
    );
  });
  expect(bare).toEqual([]);
});

interface Surface {
  readonly file: string;
  /** null: everything that the file exports. */
  readonly names: readonly string[] | null;
}

function surface(index: string): Surface[] {
  const text = readFileSync(index, 'utf8');
  const pattern = /^export (?:type )?(\*|\{[^}]*\}) from '(\.[^']+)'/gm;
  return [...text.matchAll(pattern)].map(([, what = '', file = '']) => ({
    file,
    names:
      what === '*'
        ? null
        : what
            .slice(1, -1)
            .split(',')
            .map((name) => name.trim().replace(/^type /, '')),
  }));
}

function undocumented(file: string, names: readonly string[] | null): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const documented = new Set<string>();
  return lines.flatMap((line, i) => {
    const name = /^export (?:async )?(?:function\*?|class|interface|type|const) (\w+)/.exec(
      line,
    )?.[1];
    if (name === undefined || !(names?.includes(name) ?? true)) return [];
    // A type that shares the name of the constants above it needs no second sentence.
    const before = lines[i - 1]?.trim() ?? '';
    if (before.endsWith('*/') || documented.has(name)) {
      documented.add(name);
      return [];
    }
    return [`${relative(ROOT, file)}:${i + 1} ${name}`];
  });
}
