// The aggregate report of a batch as plain text.

import { printable } from '../report/escape.ts';
import { type BatchCell, batchSections } from './batch-report.ts';
import type { BatchTable } from './batch-table.ts';

const WIDTH = 100;

/** The whole report. */
export function renderBatchText(table: BatchTable): string {
  const sections = batchSections(table).map(({ heading, text, tables }) => {
    const shown = tables.map(({ caption, rows }) =>
      caption === heading ? tableText(rows) : `${printable(caption)}\n${tableText(rows)}`,
    );
    const parts = [text === '' ? '' : `${wrapped(printable(text))}\n`, ...shown];
    return `${heading}\n${'='.repeat(heading.length)}\n${parts.filter((part) => part !== '').join('\n')}`;
  });
  return sections.join('\n');
}

/** Columns as wide as their widest cell; the first one and names of traces to the left, numbers to the right. */
function tableText(rows: readonly BatchCell[][]): string {
  const texts = rows.map((row) => row.map(({ text }) => printable(text)));
  const widths = texts[0]!.map((_, at) => Math.max(...texts.map((row) => row[at]!.length)));
  const isLeft = rows[0]!.map(
    ({ text }, at) => at === 0 || ['trace', 'machine', 'error'].includes(text),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((text, at) => (isLeft[at] ? text.padEnd(widths[at]!) : text.padStart(widths[at]!)))
      .join('  ')
      .trimEnd();
  const [head, ...body] = texts;
  const rule = '-'.repeat(Math.min(WIDTH, line(head!).length));
  return [line(head!), rule, ...body.map(line)].map((text) => `${text}\n`).join('');
}

function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= WIDTH) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines.join('\n');
}
