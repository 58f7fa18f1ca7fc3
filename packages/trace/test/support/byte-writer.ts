// Numbers and texts one after the other, in either byte order.

/** Bytes that grow. */
export class ByteWriter {
  readonly little: boolean;
  private readonly parts: Buffer[] = [];
  /** Bytes written so far. */
  length = 0;

  constructor(little: boolean) {
    this.little = little;
  }

  bytes(part: Uint8Array): this {
    this.parts.push(Buffer.from(part));
    this.length += part.length;
    return this;
  }

  text(text: string): this {
    return this.bytes(Buffer.from(text, 'latin1'));
  }

  u8(value: number): this {
    return this.bytes(Buffer.of(value));
  }

  u16(value: number): this {
    const part = Buffer.alloc(2);
    if (this.little) part.writeUInt16LE(value);
    else part.writeUInt16BE(value);
    return this.bytes(part);
  }

  u32(value: number): this {
    const part = Buffer.alloc(4);
    if (this.little) part.writeUInt32LE(value);
    else part.writeUInt32BE(value);
    return this.bytes(part);
  }

  u64(value: number | bigint): this {
    const part = Buffer.alloc(8);
    if (this.little) part.writeBigUInt64LE(BigInt(value));
    else part.writeBigUInt64BE(BigInt(value));
    return this.bytes(part);
  }

  /** A long of the kernel. */
  long(value: number | bigint, size: 4 | 8): this {
    return size === 4 ? this.u32(Number(value)) : this.u64(value);
  }

  /** Zeros up to a multiple of `unit`. */
  pad(unit: number): this {
    return this.bytes(Buffer.alloc((unit - (this.length % unit)) % unit));
  }

  done(): Buffer {
    return Buffer.concat(this.parts);
  }
}
