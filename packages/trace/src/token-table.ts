// Interned pointers: an iovad, a domain or a virt_addr is an opaque token, compared but never followed.

const MAX_TOKENS = 1 << 22;
/** Room of a new table; it doubles. */
const FIRST_ENTRIES = 16;

/** A growing table of 64-bit values. Index 0 stands for none, null and values that were not printed. */
export class TokenTable {
  /** The tokens as "0x" and hexadecimal digits, by index. */
  readonly strings: string[] = [''];
  private slots = new Int32Array(4 * FIRST_ENTRIES);
  private low = new Uint32Array(FIRST_ENTRIES);
  private high = new Uint32Array(FIRST_ENTRIES);

  /** Index in this table of entry `index` of another one. */
  adopt(other: TokenTable, index: number): number {
    return index === 0 ? 0 : this.intern(other.low[index]!, other.high[index]!);
  }

  /** Index of a pointer, given as two words; 0 for null, and for new ones once the table holds 4 million. */
  intern(signedLow: number, signedHigh: number): number {
    const low = signedLow >>> 0;
    const high = signedHigh >>> 0;
    if (low === 0 && high === 0) return 0;
    const mask = this.slots.length - 1;
    for (let slot = hashOf(low, high) & mask; ; slot = (slot + 1) & mask) {
      const index = this.slots[slot]!;
      if (index === 0) return this.add(low, high);
      if (this.low[index] === low && this.high[index] === high) return index;
    }
  }

  private add(low: number, high: number): number {
    const index = this.strings.length;
    if (index >= MAX_TOKENS) return 0;
    if (index >= this.low.length) this.grow();
    this.strings.push(hexText(low, high));
    this.low[index] = low;
    this.high[index] = high;
    this.place(index);
    return index;
  }

  private place(index: number): void {
    const mask = this.slots.length - 1;
    let slot = hashOf(this.low[index]!, this.high[index]!) & mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    this.slots[slot] = index;
  }

  private grow(): void {
    const { low, high } = this;
    this.low = new Uint32Array(2 * low.length);
    this.high = new Uint32Array(2 * high.length);
    this.low.set(low);
    this.high.set(high);
    this.slots = new Int32Array(4 * this.low.length);
    for (let index = 1; index < low.length; index++) this.place(index);
  }
}

function hashOf(low: number, high: number): number {
  const hash = Math.imul(low ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

function hexText(low: number, high: number): string {
  if (high === 0) return `0x${low.toString(16)}`;
  return `0x${high.toString(16)}${low.toString(16).padStart(8, '0')}`;
}
