// Format descriptions of events: the text of events/<system>/<event>/format (kernel/trace/trace_events.c).
//
//   name: unmap
//   ID: 2179
//   format:
//           field:unsigned short common_type;  offset:0;  size:2;  signed:0;
//
//           field:size_t unmapped_size;        offset:24; size:8;  signed:0;
//
//   print fmt: "IOMMU: iova=0x%016llx ...", REC->iova, ...
//
// Binary files carry one for each event, so records are decoded by offsets of that kernel and never by
// built-in ones. A field with __data_loc or __rel_loc is a word that says where the value lies.
// Left out: print fmt, which is not needed to decode fields.

/** Where the value of a field lies. */
export const Place = {
  /** At the offset of the field. */
  fixed: 0,
  /** __data_loc: at the low half of the word (from the start of the record), as long as its high half says. */
  data: 1,
  /** __rel_loc: the same, from the end of the word on. */
  relative: 2,
} as const;
export type Place = (typeof Place)[keyof typeof Place];

/** One field of a record. */
export interface FormatField {
  readonly name: string;
  /** The words of the declaration before the name, e.g. "unsigned long". */
  readonly type: string;
  /** Bytes from the start of the record. */
  readonly offset: number;
  /** Bytes; of the word that says where the value lies, where `place` is not fixed. */
  readonly size: number;
  readonly signed: boolean;
  readonly place: Place;
  readonly isArray: boolean;
  /** Its elements are characters. */
  readonly isString: boolean;
  /** Bytes of one element, of the whole value where it is no array. */
  readonly elementSize: number;
}

/** The layout of one event's records. */
export interface FormatDescription {
  /** The group, e.g. "iommu" or the group of a probe. */
  readonly system: string;
  readonly name: string;
  readonly id: number;
  /** Common fields first. */
  readonly fields: readonly FormatField[];
}

/** No format description is longer. */
export const MAX_FORMAT: number = 1 << 20;

const MAX_NAME = 4096;
const MAX_FIELDS = 1024;
const MAX_HEAD = 256 * 1024;
const MAX_DECLARATION = 512;
const FIELD =
  /^[ \t]*field:([^;\n]*);\s*offset:\s*(\d+);\s*size:\s*(\d+);(?:[ \t]*signed:\s*(\d+);)?/gm;
const ATTRIBUTE = /__attribute__\s*\(\([^)]*(?:\([^)]*\))?[^)]*\)\)/g;
const DYNAMIC = /\b(__data_loc|__rel_loc)\b/;
const DYNAMIC_NAME = /^(.*?)\s*\[\s*\]\s*([A-Za-z_]\w*)$/s;
const NAME = /^(.*?)([A-Za-z_]\w*)\s*(?:\[([^\]]*)\])?$/s;

/** Parses a description; null where it is malformed. `longSize` is that of the kernel, 4 or 8 bytes. */
export function parseFormat(
  system: string,
  text: string,
  longSize: number,
): FormatDescription | null {
  const printAt = text.search(/^print fmt:/m);
  const head = printAt < 0 ? text : text.slice(0, printAt);
  const name = /^name:[ \t]*(\S+)[ \t]*$/m.exec(head)?.[1];
  const id = /^ID:[ \t]*(\d+)[ \t]*$/m.exec(head)?.[1];
  const fields = head.length > MAX_HEAD ? null : parseFields(head, longSize);
  if (name === undefined || id === undefined || fields === null) return null;
  if (name.length > MAX_NAME || Number(id) > 0xffff_ffff) return null;
  return { system, name, id: Number(id), fields };
}

/** The fields of a description or of header_page; null where there are none or one is malformed. */
export function parseFields(text: string, longSize: number): readonly FormatField[] | null {
  const fields: FormatField[] = [];
  for (const [, declaration, offset, size, signed] of text.matchAll(FIELD)) {
    const field = parseField(declaration!, Number(offset), Number(size), signed, longSize);
    if (field === null || fields.length === MAX_FIELDS) return null;
    fields.push(field);
  }
  const announced = text.match(/^[ \t]*field:/gm)?.length ?? 0;
  return fields.length === 0 || fields.length !== announced ? null : fields;
}

function parseField(
  declaration: string,
  offset: number,
  size: number,
  signed: string | undefined,
  longSize: number,
): FormatField | null {
  if (declaration.length > MAX_DECLARATION) return null;
  const dynamic = DYNAMIC.exec(declaration)?.[1];
  const words = declaration.replace(ATTRIBUTE, ' ').replace(DYNAMIC, ' ').trim();
  const inFront = dynamic === undefined ? null : DYNAMIC_NAME.exec(words);
  const match = inFront ?? NAME.exec(words);
  if (match === null || offset > 0xffff || size > 0xffff) return null;
  const type = match[1]!.trim();
  if (type === '') return null;
  const known = sizeOf(type, longSize);
  const count = match[3] === undefined ? 0 : Number(match[3]);
  const isArray =
    dynamic !== undefined ||
    match[3] !== undefined ||
    (known > 0 && size > known && size % known === 0);
  let elementSize = known;
  if (elementSize === 0) elementSize = dynamic !== undefined ? 8 : count > 0 ? size / count : size;
  return {
    name: match[2]!,
    type,
    offset,
    size,
    signed: signed === undefined ? isSigned(type) : signed === '1',
    place: placeOf(dynamic),
    isArray,
    isString: isArray && /\bchar\b/.test(type) && !type.endsWith('*'),
    elementSize: isArray ? elementSize : size,
  };
}

function placeOf(dynamic: string | undefined): Place {
  if (dynamic === undefined) return Place.fixed;
  return dynamic === '__data_loc' ? Place.data : Place.relative;
}

/** Bytes of a type, 0 where only the size of the field tells. */
function sizeOf(type: string, longSize: number): number {
  const words = type.replace(/\b(?:const|volatile|special|signed|unsigned)\b/g, '').trim();
  if (words.endsWith('*')) return longSize;
  if (/^(?:char|(?:__)?[us]8|u?int8_t|bool|_Bool)$/.test(words)) return 1;
  if (/^(?:short(?: int)?|(?:__)?[us]16|u?int16_t)$/.test(words)) return 2;
  if (/^(?:long long(?: int)?|(?:__)?[us]64|u?int64_t)$/.test(words)) return 8;
  if (/^(?:long(?: int)?|size_t|ssize_t|uintptr_t)$/.test(words)) return longSize;
  if (/^(?:int|(?:__)?[us]32|u?int32_t|enum \w+|gfp_t|pid_t|)$/.test(words)) return 4;
  return 0;
}

/** Very old kernels do not say whether a field is signed. */
function isSigned(type: string): boolean {
  return !/\bunsigned\b|\bu\d+\b|\buint\d+_t\b|\*|\bsize_t\b|_addr_t\b|\bchar\b/.test(type);
}
