// Text for a mail: lines that no program wraps.

/** Columns of a line. */
export const MAIL_WIDTH: number = 72;

/**
 * A sentence in lines of at most 72 columns, broken between words; a longer word has a line of its own. The first line keeps
 * its indentation, later ones begin two columns further right.
 */
export function mailLines(sentence: string): string[] {
  const lines: string[] = [];
  const indent = /^ */.exec(sentence)![0];
  for (const word of sentence.trim().split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= MAIL_WIDTH) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(last === undefined ? `${indent}${word}` : `${indent}  ${word}`);
  }
  return lines;
}
