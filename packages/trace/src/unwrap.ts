// gzip and zstd through the decoders of node:zlib, one piece ahead of the parser.
//
// The decoder runs on another thread: while the text of one piece is parsed, the next is decoded.
// Its events are collected by hand because an error in a stream drops what was decoded before it;
// only the output of the piece with the error is lost.

import { createGunzip, createZstdDecompress } from 'node:zlib';
import { TraceError } from './trace-error.ts';

/** Wrappings that are undone. */
export type Unwrapping = 'gzip' | 'zstd';

/** What was wrong with a wrapping; no code where nothing was. */
export interface Damage {
  code: string;
  message: string;
}

const PIECE = 16 * 1024;
const OUTPUT = 256 * 1024;
/** More than this decoded from one byte is no trace but an attack. */
const MAX_RATIO = 1000;
const SMALL = 64 * 1024 * 1024;

/** The decoded text of `chunks`; stops at damage and describes it in `damage`. */
export async function* unwrap(
  chunks: AsyncIterable<Uint8Array>,
  wrapping: Unwrapping,
  source: string,
  damage: Damage,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new Decoder(wrapping);
  let working: Promise<void> | null = null;
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length && decoder.error === null; from += PIECE) {
      const piece = Buffer.from(chunk.subarray(from, from + PIECE));
      if (working !== null) await working;
      const ready = decoder.take();
      working = decoder.decode(piece);
      yield* ready;
    }
  }
  if (working !== null) await working;
  await decoder.end();
  if (decoder.bomb !== '') throw new TraceError(source, null, decoder.bomb);
  yield* decoder.take();
  if (decoder.error !== null) describe(decoder.error, wrapping, damage);
}

function describe(error: Error, wrapping: Unwrapping, damage: Damage): void {
  const code = 'code' in error ? error.code : '';
  if (code === 'Z_BUF_ERROR') {
    damage.code = 'GZ_TRUNCATED';
    damage.message = `the ${wrapping} data breaks off: complete lines up to there are kept`;
  } else if (/incorrect header check/.test(error.message)) {
    damage.code = 'GZ_TRAILING';
    damage.message = `other bytes follow the ${wrapping} data: they and its last lines are missing`;
  } else {
    damage.code = 'GZ_CRC';
    damage.message = `the ${wrapping} data is damaged: what could be decoded is kept`;
  }
}

/** A decoder whose output is kept until it is taken. It stops where a byte gives more than a trace can. */
export class Decoder {
  error: Error | null = null;
  /** The problem, where the data were found to be a bomb. */
  bomb = '';
  private taken = 0;
  private given = 0;
  private output: Uint8Array[] = [];
  private readonly stream;
  private readonly closed: Promise<void>;

  constructor(wrapping: Unwrapping) {
    const options = { chunkSize: OUTPUT };
    this.stream = wrapping === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
    this.stream.on('data', (text: Uint8Array) => this.keep(text));
    this.closed = new Promise((resolve) => {
      this.stream.on('end', resolve);
      this.stream.on('error', (error: Error) => {
        this.error ??= error;
        resolve();
      });
    });
  }

  /** Decodes one piece; an error is kept in `error`. */
  decode(piece: Uint8Array): Promise<void> {
    if (this.error !== null) return this.closed;
    this.taken += piece.length;
    const written = new Promise<void>((resolve) => {
      this.stream.write(piece, () => resolve());
    });
    // After an error nobody calls back for what was written.
    return Promise.race([written, this.closed]);
  }

  /** Decodes what is left. */
  async end(): Promise<void> {
    if (this.error === null) this.stream.end();
    await this.closed;
  }

  private keep(text: Uint8Array): void {
    this.given += text.length;
    const { given, taken } = this;
    if (given <= SMALL || given <= MAX_RATIO * taken) {
      this.output.push(text);
    } else if (this.bomb === '') {
      const found = `found ${given} bytes or more from ${taken}`;
      this.bomb = `SIZE_LIMIT: expected at most ${MAX_RATIO} bytes from a compressed one, ${found}; if it is no attack, unpack it yourself`;
      this.stream.destroy(new Error(this.bomb));
    }
  }

  take(): Uint8Array[] {
    const { output } = this;
    this.output = [];
    return output;
  }
}
