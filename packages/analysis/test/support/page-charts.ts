// The code of charts that a page can draw itself, as one script: modules without types, each in a function.
//
// For the way this project writes modules only: named imports at the start of a line, exports of
// constants, functions and classes.

import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';

const IMPORT = /^import\s*\{([^}]*)\}\s*from '(\.[^']+)';$/gm;
const EXPORT = /^export (const|function|class) (\w+)/gm;
const COMMENT = /^\s*(\/\/.*|\/\*\*[\s\S]*?\*\/)\n/gm;

/** A script that makes `name` a record of what the module at `entry` exports. */
export function scriptOf(entry: URL, name: string): string {
  const ids = new Map<string, string>();
  const parts: string[] = [];
  const add = (url: URL): string => {
    const known = ids.get(url.href);
    if (known !== undefined) return known;
    const source = stripTypeScriptTypes(readFileSync(url, 'utf8'));
    const exports = [...source.matchAll(EXPORT)].map(([, , exported]) => exported!);
    const body = source
      .replace(IMPORT, (_, names: string, from: string) => {
        const taken = names.replaceAll(' as ', ': ').replace(/\s+/g, ' ').trim();
        return `const { ${taken} } = ${add(new URL(from, url))};`;
      })
      .replace(EXPORT, '$1 $2')
      .replace(COMMENT, '')
      .replace(/(\S) {2,}/g, '$1 ')
      .replace(/[ \t]+$/gm, '')
      .replace(/\n{2,}/g, '\n')
      .trim();
    if (/^(import|export)\b/m.test(body)) throw new Error(`${url}: cannot be put into a page`);
    const id = `module${ids.size + 1}`;
    ids.set(url.href, id);
    parts.push(`const ${id} = (() => {\n${body}\nreturn { ${exports.join(', ')} };\n})();`);
    return id;
  };
  const last = add(entry);
  return `// Made by charts.test.ts from ${entry.pathname.split('/').at(-1)} and all that it imports. Do not edit.
const ${name} = (() => {
${parts.join('\n')}
return ${last};
})();
`;
}
