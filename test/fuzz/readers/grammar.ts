// Text made by a grammar that is taken from examples: lines whose words, numbers and marks are exchanged for others of their kind.

import type { Random } from '../random.ts';

/** A function that makes a text of the kind of the examples. */
export type Grammar = (random: Random) => Buffer;

const TOKEN = /0x[0-9a-f]+|\d+\.\d+|\d+|[a-zA-Z_][a-zA-Z_0-9]*|[\t ]+|./gs;
const EXTREMES: Readonly<Record<string, readonly string[]>> = {
  hex: ['0x0', '0xffffffffffffffff', '0x10000000000000000', '0x1000', '0xfffff000'],
  time: ['0.000000', '99999999.999999', '1.5', '4294967296.000000001', '3.0000000000'],
  number: ['0', '1', '-1', '65535', '65536', '4294967296', '18446744073709551616', '007'],
  word: ['map', 'unmap', 'dma_map_sg', 'dma_unmap_sg', 'size', 'x', '__proto__', 'NaN', 'null'],
  space: [' ', '\t', '', '      '],
  mark: [':', '=', ',', '{', '}', '[', ']', '(', ')', '"', '-', '#', '\\'],
};
const MOST_LINES = 8;
const MANY_LINES = 60;
const MOST_HEADER = 12;

/** The grammar of these examples. */
export function grammarOf(examples: readonly Buffer[]): Grammar {
  const texts = examples.map((example) => example.toString('latin1').split('\n'));
  const lines = texts.flat().map((line) => line.match(TOKEN) ?? []);
  const pools = new Map<string, string[]>(Object.entries(EXTREMES).map(([k, v]) => [k, [...v]]));
  for (const token of new Set(lines.flat())) pools.get(kindOf(token))!.push(token);
  return (random) => {
    const text: string[] = [];
    if (random.chance(0.7)) text.push(...random.pick(texts).slice(0, random.below(MOST_HEADER)));
    const most = random.chance(0.05) ? MANY_LINES : MOST_LINES;
    for (let left = random.from(1, most); left > 0; left--) {
      const change = random.pick([0, 0.02, 0.1, 0.3]);
      let line = '';
      for (const token of random.pick(lines)) {
        line +=
          change > 0 && random.chance(change) ? random.pick(pools.get(kindOf(token))!) : token;
      }
      text.push(line);
    }
    return Buffer.from(text.join('\n') + (random.chance(0.9) ? '\n' : ''), 'latin1');
  };
}

function kindOf(token: string): string {
  if (token.startsWith('0x') && token.length > 2) return 'hex';
  if (/^\d/.test(token)) return token.includes('.') ? 'time' : 'number';
  if (/^[a-zA-Z_]/.test(token)) return 'word';
  return /^[\t ]/.test(token) ? 'space' : 'mark';
}
