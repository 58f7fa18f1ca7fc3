// The piece of the text that is being parsed, seen as bytes and as 32-bit words.
//
// One window is allocated per reading and refilled in place, so parsers take `bytes` and `view` once.
// The last SLACK bytes are never text: a line may be compared with a layout that is longer.

const SLACK = 128;

/** A fixed buffer with two views of the same memory. */
export interface TextWindow {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Bytes of text it can hold. */
  readonly capacity: number;
}

/** A window that holds `capacity` bytes of text. */
export function textWindow(capacity: number): TextWindow {
  const memory = new ArrayBuffer(capacity + SLACK);
  return { bytes: Buffer.from(memory), view: new DataView(memory), capacity };
}
