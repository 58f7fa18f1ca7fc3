// Text for a mail: lines that no program wraps.

/** Columns of a line. */
export const MAIL_WIDTH: number = 72;

/**
 * A sentence in lines of at most 72 columns, broken between words; a longer word has a line of its own, or with `breaks`
 * several. The first line keeps its indentation, later ones begin two columns further right.
 */
export function mailLines(sentence: string, breaks: boolean = false): string[] {
  const lines: string[] = [];
  const indent = /^ */.exec(sentence)![0];
  const room = MAIL_WIDTH - indent.length - 2;
  const words = sentence.trim().split(' ');
  for (const word of breaks ? words.flatMap((word) => pieces(word, room, room)) : words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= MAIL_WIDTH) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(last === undefined ? `${indent}${word}` : `${indent}  ${word}`);
  }
  return lines;
}

/**
 * A text in pieces of at most `first` and then `rest` characters: broken at blanks, else behind one of : = , / . -
 * and only where there is none in the middle of a word.
 */
export function pieces(text: string, first: number, rest: number): string[] {
  const found: string[] = [];
  let left = text;
  for (let width = Math.max(1, first); left.length > width; width = Math.max(1, rest)) {
    const end = placeToBreak(left, width);
    found.push(left.slice(0, end).trimEnd());
    left = left.slice(end).trimStart();
  }
  return [...found, left];
}

function placeToBreak(text: string, width: number): number {
  for (let at = width; at > 0; at--) if (text[at] === ' ') return at;
  for (let at = width; at > 1; at--) if (':=,/.-'.includes(text[at - 1]!)) return at;
  // Both halves of a character beyond 16 bits stay together.
  return width > 1 && /[\ud800-\udbff]/.test(text[width - 1]!) ? width - 1 : width;
}
