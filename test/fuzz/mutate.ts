// Damages a trace as transport, tools and hostile people do: line by line, number by number, byte by byte.

import type { Random } from './random.ts';

type Mutation = (lines: string[], random: Random) => void;

const NUMBERS = [
  '0',
  '1',
  '-1',
  '4095',
  '4294967295',
  '4294967296',
  '9007199254740993',
  '18446744073709551615',
  '18446744073709551616',
  '99999999999999999999999999',
  '0x',
  'nan',
  '',
];
const HEX = [
  '0',
  '1',
  'fff',
  'ffffffff',
  '100000000',
  '1fffffffffffff',
  '7fffffffffffffff',
  '8000000000000000',
  'fffffffffffff000',
  'ffffffffffffffff',
  '10000000000000000',
  'g',
];
const CPUS = ['[000]', '[001]', '[063]', '[255]', '[65534]', '[65535]', '[65536]', '[4294967295]'];
const JUNK = [
  '',
  '#',
  '\0\0\0',
  'CPU:1 [LOST 37 EVENTS]',
  'CPU:3 [LOST EVENTS]',
  'CPU:0 [LOST 18446744073709551615 EVENTS]',
  '##### CPU 2 buffer started ####',
  '# tracer: nop',
  '# entries-in-buffer/entries-written: 7/9   #P:3',
  '</script><script>alert(1)</script>',
  '\u001b[31m red \u001b[0m',
  `${'x'.repeat(5000)}: y: z`,
];

const mutations: readonly Mutation[] = [
  (lines, random) => lines.splice(random.below(lines.length), 1),
  (lines, random) => lines.splice(random.below(lines.length), random.from(1, 50)),
  (lines, random) => {
    const at = random.below(lines.length);
    lines.splice(random.below(lines.length), 0, lines[at] ?? '');
  },
  (lines, random) => {
    const [moved = ''] = lines.splice(random.below(lines.length), 1);
    lines.splice(random.below(lines.length), 0, moved);
  },
  (lines, random) => lines.splice(random.below(lines.length), 0, random.pick(JUNK)),
  (lines, random) => {
    const at = random.below(lines.length);
    const block = lines.splice(at, random.from(2, 30));
    lines.splice(at, 0, ...block.reverse());
  },
  inLine((line, random) => line.slice(0, random.below(line.length + 1))),
  inLine((line, random) => line.slice(random.below(line.length + 1))),
  inLine((line, random) => `${line}${random.pick(['\r', ' ', '\t', '\0', ' x=1', ' size=7'])}`),
  inLine((line, random) => {
    const at = random.below(line.length + 1);
    return `${line.slice(0, at)}${String.fromCharCode(random.below(256))}${line.slice(at + 1)}`;
  }),
  inLine((line, random) => line.replace(/\[\d+\]/, random.pick(CPUS))),
  inLine((line, random) =>
    line.replace(/\d+\.\d{6}/, (time) =>
      random.pick(['0.000000', '99999999999.999999', (Number(time) * random.real()).toFixed(6)]),
    ),
  ),
  inLine((line, random) =>
    replaceSome(line, /((?:size|nents|ents|aux|attrs|unmapped_size)=)\d*/g, NUMBERS, random),
  ),
  inLine((line, random) =>
    replaceSome(line, /((?:=0x|dma_addr=|phys_addr=|limit=|pfn=))[0-9a-f]+/g, HEX, random),
  ),
  inLine((line, random) =>
    replaceSome(
      line,
      /( )[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d/g,
      ['0000:00:1f.6', '-', ''],
      random,
    ),
  ),
  inLine((line, random) =>
    replaceSome(
      line,
      /(: )[a-z_]+(?=: )/g,
      ['map', 'unmap', 'dma_free', 'dma_map_sg', 'x'],
      random,
    ),
  ),
];

/** Damages `text` in `count` places. */
export function mutate(text: string, count: number, random: Random): string {
  const lines = text.split('\n');
  for (let i = 0; i < count && lines.length > 0; i++) random.pick(mutations)(lines, random);
  return lines.join(random.chance(0.05) ? '\r\n' : '\n');
}

function inLine(change: (line: string, random: Random) => string): Mutation {
  return (lines, random) => {
    const at = random.below(lines.length);
    lines[at] = change(lines[at] ?? '', random);
  };
}

/** Replaces what follows the first group at one place or at all. */
function replaceSome(
  line: string,
  pattern: RegExp,
  words: readonly string[],
  random: Random,
): string {
  const all = random.chance(0.3);
  return line.replace(pattern, (found: string, head: string) =>
    all || random.chance(0.5) ? `${head}${random.pick(words)}` : found,
  );
}
