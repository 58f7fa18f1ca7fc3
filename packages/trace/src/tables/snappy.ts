// Unpacks raw Snappy, as Parquet pages use it: literals, and copies of what was unpacked before.
//
// Described in https://github.com/google/snappy/blob/main/format_description.txt. Every length is checked: what
// comes from the file may be damaged.

/** No byte of Snappy gives more than this. */
const MOST_RATIO = 64;

/** The `size` bytes that `packed` holds; an Error where it is damaged. */
export function unpackSnappy(packed: Uint8Array, size: number): Uint8Array {
  if (size > MOST_RATIO * packed.length) throw new Error(`a page of ${size} bytes`);
  const bytes = new Uint8Array(size);
  let at = afterLength(packed);
  let to = 0;
  while (at < packed.length) {
    const tag = packed[at++]!;
    const kind = tag % 4;
    const upper = Math.floor(tag / 4);
    if (kind === 0) {
      const more = Math.max(0, upper - 59);
      const length = 1 + (more === 0 ? upper : number(packed, at, more));
      at += more;
      if (at + length > packed.length || to + length > size) throw damaged();
      bytes.set(packed.subarray(at, at + length), to);
      at += length;
      to += length;
      continue;
    }
    const length = kind === 1 ? 4 + (upper % 8) : 1 + upper;
    const offset =
      kind === 1
        ? 256 * Math.floor(upper / 8) + number(packed, at, 1)
        : number(packed, at, kind === 2 ? 2 : 4);
    at += kind === 3 ? 4 : kind;
    if (offset === 0 || offset > to || to + length > size) throw damaged();
    // A copy may overlap what it writes.
    for (let i = 0; i < length; i++, to++) bytes[to] = bytes[to - offset]!;
  }
  if (to !== size) throw damaged();
  return bytes;
}

/** Position after the unpacked length, which the page header tells as well. */
function afterLength(packed: Uint8Array): number {
  let at = 0;
  while (packed[at]! >= 128) at++;
  return at + 1;
}

function number(packed: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = length - 1; i >= 0; i--) value = 256 * value + (packed[at + i] ?? Number.NaN);
  if (Number.isNaN(value)) throw damaged();
  return value;
}

function damaged(): Error {
  return new Error('damaged Snappy data');
}
