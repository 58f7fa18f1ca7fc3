// Objects of a JSON array, one to a line, so that an array of any length is read as JSON lines are.
//
// A text that does not begin with "[" passes as it is. In an array, commas and white space between the objects
// are dropped, and line feeds inside of an object become spaces; nothing else is looked at.

import { Byte } from '../bytes.ts';

const BACKSLASH = 0x5c;

/** The text of `chunks` with each object of a top-level array on a line of its own. */
export async function* objectLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const splitter = new ArraySplitter();
  for await (const chunk of chunks) {
    if (!splitter.isArray(chunk)) yield chunk;
    else yield splitter.split(chunk);
  }
}

class ArraySplitter {
  private decided = false;
  private array = false;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private inJunk = false;

  /** Whether the text is an array; its first byte that is no space says so. */
  isArray(chunk: Uint8Array): boolean {
    for (let i = 0; !this.decided && i < chunk.length; i++) {
      if (chunk[i]! <= Byte.space || chunk[i]! >= 0xbb) continue;
      this.decided = true;
      this.array = chunk[i] === Byte.bracketOpen;
    }
    return this.array;
  }

  split(chunk: Uint8Array): Uint8Array {
    const out = Buffer.allocUnsafe(2 * chunk.length);
    let to = 0;
    for (const byte of chunk) {
      if (this.depth <= 1 && !this.inString) to = this.between(byte, out, to);
      else {
        out[to++] = byte === Byte.lineFeed || byte === Byte.carriageReturn ? Byte.space : byte;
        this.inside(byte);
        if (this.depth === 1) out[to++] = Byte.lineFeed;
      }
    }
    return out.subarray(0, to);
  }

  /** Outside of the objects: what does not belong there becomes a line of its own. */
  private between(byte: number, out: Buffer, from: number): number {
    let to = from;
    const isGap = byte <= Byte.space || byte === Byte.comma || byte >= 0xbb;
    const isEnd = isGap || byte === Byte.braceOpen || byte === Byte.bracketClose;
    if (isEnd && this.inJunk) out[to++] = Byte.lineFeed;
    this.inJunk = this.inJunk && !isEnd;
    if (isGap) return to;
    if (byte === Byte.bracketOpen && this.depth === 0) this.depth = 1;
    else if (byte === Byte.bracketClose) this.depth = 0;
    else {
      out[to++] = byte;
      if (byte === Byte.braceOpen) this.depth = 2;
      else this.inJunk = true;
    }
    return to;
  }

  private inside(byte: number): void {
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (byte === BACKSLASH) this.escaped = true;
      else if (byte === Byte.quote) this.inString = false;
    } else if (byte === Byte.quote) this.inString = true;
    else if (byte === Byte.braceOpen || byte === Byte.bracketOpen) this.depth++;
    else if (byte === Byte.braceClose || byte === Byte.bracketClose) this.depth--;
  }
}
