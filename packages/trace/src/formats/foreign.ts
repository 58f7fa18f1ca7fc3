// Contents that are recognised and not read, with what to do instead.

/** A content by its first bytes or first lines. */
interface Foreign {
  readonly name: string;
  readonly test: (head: Uint8Array, text: string) => boolean;
  readonly advice: string;
}

const foreign: readonly Foreign[] = [
  {
    name: 'an xz file',
    test: magic(0xfd, 0x37, 0x7a, 0x58, 0x5a),
    advice: 'unpack it with "xz -d"',
  },
  { name: 'a bzip2 file', test: magic(0x42, 0x5a, 0x68), advice: 'unpack it with "bzip2 -d"' },
  {
    name: 'a damaged trace.dat file (BAD_MAGIC)',
    test: (_, text) => text.startsWith('tracing', 3),
    advice: 'it should begin with the bytes 17 08 44 and "tracing"',
  },
  {
    name: 'text of ftrace with the option bin, which has no field values (RAW_TEXT_UNSUPPORTED)',
    test: (_, text) => /^(?:#.*\n)*(?:[\s\S]{16}type: \d+\n){2}/.test(text),
    advice: 'record again with "echo nobin > trace_options"',
  },
  {
    name: 'the dump of raw records of perf script -D',
    test: (_, text) => /^\s*(?:0x)?[0-9a-f]+(?:@\S+)? \[(?:0x)?[0-9a-f]+\]: event: \d/.test(text),
    advice: 'print the events with "perf script" alone, or read the file of perf record itself',
  },
  { name: 'an ELF program', test: magic(0x7f, 0x45, 0x4c, 0x46), advice: '' },
  { name: 'a PNG image', test: magic(0x89, 0x50, 0x4e, 0x47), advice: '' },
  { name: 'a JPEG image', test: magic(0xff, 0xd8, 0xff), advice: '' },
  { name: 'a zip archive', test: magic(0x50, 0x4b, 0x03, 0x04), advice: 'unpack it first' },
  { name: 'a PDF document', test: magic(0x25, 0x50, 0x44, 0x46), advice: '' },
  {
    name: 'a tar archive',
    test: (_, text) => text.startsWith('ustar', 257),
    advice: 'unpack it with "tar xf"',
  },
  {
    name: 'an HTML page',
    test: (_, text) => /^\s*<(?:!doctype html|html)/i.test(text),
    advice: '',
  },
];

/** What an input without a known format is, and what to do; ends the message of an error. */
export function describeForeign(head: Uint8Array): string {
  const text = Buffer.from(head).toString('latin1');
  const known = foreign.find(({ test }) => test(head, text));
  if (known !== undefined) {
    return known.advice === '' ? `found ${known.name}` : `found ${known.name}; ${known.advice}`;
  }
  return '';
}

/** Fields of an event that do not stand behind its name. */
const NAMELESS =
  /^(?:.{0,64}\d: +)?(?:IOMMU: iova=0x|[\w:.-]{1,64} dir=[A-Z_]{4,16} (?:dma_addr|nents)=|dev_name: \S+ dma_mask=)/m;

/** What a text that no format fits may be, and what to do; empty where it cannot be told. */
export function describeNameless(head: Uint8Array): string {
  return NAMELESS.test(Buffer.from(head).toString('latin1'))
    ? 'found events without their names; print them with all fields, as "perf script" does by itself'
    : '';
}

function magic(...bytes: readonly number[]): (head: Uint8Array) => boolean {
  return (head) => bytes.every((byte, i) => head[i] === byte);
}
