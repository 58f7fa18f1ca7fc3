// A table in plain text of at most 72 columns. Nothing is cut off: heads and names that do not fit go on in the
// next line, and heads that would take too many lines are letters, with what they stand for above the table.

import { MAIL_WIDTH, mailLines, pieces } from './mail-lines.ts';
import { sum } from './stats/quantile.ts';

/** Columns between two cells. */
const GAP = 2;
/** Least width of the first column, which has names. */
const LEAST_NAME = 20;
/** Most lines of a head. */
const HEAD_LINES = 3;

/**
 * Tables with as many columns as fit beside the names without breaking them: those that do not fit stand below, with the
 * names again.
 */
export function mailTables(rows: readonly (readonly string[])[]): string[][] {
  const [head = [], ...body] = rows;
  const names = longest(body.map(([name = '']) => name));
  const widths = head.map((text, i) => {
    const least = longest(body.map((row) => row[i] ?? ''));
    return GAP + (widthOfHead(text, least, MAIL_WIDTH - names - GAP, [HEAD_LINES]) ?? least);
  });
  const tables: string[][] = [];
  for (let from = 1; from < head.length; ) {
    let [to, width] = [from + 1, names + widths[from]!];
    while (to < head.length && width + widths[to]! <= MAIL_WIDTH) width += widths[to++]!;
    const part = rows.map(([name = '', ...cells]) => [name, ...cells.slice(from - 1, to - 1)]);
    tables.push(mailTable(part, names));
    from = to;
  }
  return tables;
}

/**
 * Lines of a table; the first row is the head, the first column has names, which are broken where they would not leave room,
 * all other cells are short.
 */
export function mailTable(
  [head = [], ...rows]: readonly (readonly string[])[],
  leastName: number = LEAST_NAME,
): string[] {
  const widths = head.slice(1).map((_, i) => longest(rows.map((row) => row[i + 1] ?? '')));
  const spare = MAIL_WIDTH - leastName - sum(widths) - GAP * widths.length;
  const each = Math.floor(Math.max(0, spare) / Math.max(1, widths.length));
  const columns = widths.map((width, i) => widthOfHead(head[i + 1] ?? '', width, width + each));
  const isLettered = columns.includes(null);
  const heads = isLettered ? head.map((text, i) => (i === 0 ? text : letter(text, i))) : head;
  const given = columns.map((width, i) => width ?? widths[i]!);
  const room = MAIL_WIDTH - sum(given) - GAP * given.length;
  const names = Math.min(room, longest(rows.map(([name = '']) => name)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, i) => (i === 0 ? text.padEnd(names) : text.padStart(given[i - 1]!)))
      .join(' '.repeat(GAP))
      .trimEnd();
  const body = rows.flatMap(([name = '', ...cells]) => {
    const [first = '', ...more] = pieces(name, names, names - 2);
    return [line([first, ...cells]), ...more.map((text) => `  ${text}`)];
  });
  const top = headLines(heads, given).map(line);
  const rule = '-'.repeat(longest([...top, ...body]));
  const legend = isLettered
    ? head.slice(1).flatMap((text, i) => {
        return heads[i + 1] === text ? [] : mailLines(`${heads[i + 1]}: ${text}`, true);
      })
    : [];
  return [...legend, ...top, rule, ...body];
}

/** The width at which a head takes few lines, from `least` to `most`; null where that is not enough. */
function widthOfHead(
  head: string,
  least: number,
  most: number,
  wanted: readonly number[] = [1, HEAD_LINES],
): number | null {
  for (const lines of wanted) {
    for (let width = Math.max(1, least); width <= most; width++) {
      if (pieces(head, width, width).length <= lines) return width;
    }
  }
  return null;
}

function headLines(heads: readonly string[], widths: readonly number[]): string[][] {
  const parts = heads.map((text, i) =>
    i === 0 ? [text] : pieces(text, widths[i - 1]!, widths[i - 1]!),
  );
  const height = Math.max(...parts.map(({ length }) => length));
  return Array.from({ length: height }, (_, at) =>
    parts.map((lines) => lines[at - height + lines.length] ?? ''),
  );
}

/** A, B for names; a head of a word or two stays. */
function letter(head: string, i: number): string {
  return head.length <= 2 * HEAD_LINES ? head : String.fromCharCode(64 + i);
}

function longest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((text) => text.length));
}
