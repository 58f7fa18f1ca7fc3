// Makes a JSON Schema of the interfaces in TypeScript sources, with their doc comments as descriptions.
//
// Understands the plain style of summary.ts and machine.ts only: one member per line, literals,
// unions, arrays, tuples, records and names. Anything else is an error.

/** A JSON Schema, or a part of one. */
export type Schema = { [key: string]: unknown };

/** The schema of interface `root` in `sources`, with every interface and type it uses under $defs. */
export function interfaceSchema(sources: readonly string[], root: string): Schema {
  const definitions: Definitions = new Map();
  for (const source of sources) readDefinitions(source, definitions);
  const used = new Map<string, Schema>();
  collect({ $ref: `#/$defs/${root}` }, definitions, used);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...used.get(root),
    $defs: Object.fromEntries([...used].filter(([name]) => name !== root)),
  };
}

type Definitions = Map<string, () => Schema>;

const DEFINITION =
  /(?:\/\*\*(?<doc>(?:(?!\*\/)[\s\S])*)\*\/\s*)?export (?:interface (?<name>\w+) \{\n(?<body>[\s\S]*?)^\}|type (?<alias>\w+) =(?<type>[^;]*);)/gm;
const MEMBER =
  /(?:\/\*\*(?<doc>(?:(?!\*\/)[\s\S])*)\*\/\s*)?readonly (?<name>\w+)(?<optional>\??):\s+(?<type>[^;]+);/g;

function readDefinitions(source: string, definitions: Definitions): void {
  for (const { groups } of source.matchAll(DEFINITION)) {
    const { doc = '', name, body = '', alias, type = '' } = groups ?? {};
    const description = sentence(doc);
    if (name !== undefined) {
      definitions.set(name, () => ({ description, ...objectSchema(body) }));
    } else if (alias !== undefined) {
      definitions.set(alias, () => ({ description, ...typeSchema(type) }));
    }
  }
}

function objectSchema(body: string): Schema {
  const properties: Schema = {};
  const required: string[] = [];
  for (const { groups } of body.matchAll(MEMBER)) {
    const { doc = '', name = '', optional = '', type = '' } = groups ?? {};
    if (optional === '') required.push(name);
    const description = sentence(doc);
    properties[name] = { ...(description === '' ? {} : { description }), ...typeSchema(type) };
  }
  return { type: 'object', properties, required, additionalProperties: false };
}

function sentence(doc: string): string {
  return doc
    .replace(/\s*\n\s*\*? ?/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

function typeSchema(text: string): Schema {
  const type = text.trim().replace(/^\|\s*/, '');
  const parts = splitUnion(type);
  if (parts.length > 1) return unionSchema(parts);
  const literal = /^'(.*)'$/.exec(type);
  if (literal) return { const: literal[1] };
  if (type === 'true') return { const: true };
  if (/^(number|string|boolean|null)$/.test(type)) return { type };
  const record = /^Readonly<Record<string, (.+)>>$/.exec(type);
  if (record) return { type: 'object', additionalProperties: typeSchema(record[1]!) };
  const array = /^readonly (.+)\[\]$/.exec(type);
  if (array) return { type: 'array', items: typeSchema(array[1]!) };
  const tuple = /^readonly \[(.+)\]$/.exec(type);
  if (tuple) return tupleSchema(tuple[1]!.split(','));
  const group = /^\((.+)\)$/.exec(type);
  if (group) return typeSchema(group[1]!);
  if (/^\w+$/.test(type)) return { $ref: `#/$defs/${type}` };
  throw new RangeError(`Cannot make a schema of the type "${type}"`);
}

function unionSchema(parts: readonly string[]): Schema {
  const schemas = parts.map(typeSchema);
  if (schemas.every((schema) => 'const' in schema)) {
    return { enum: schemas.map((schema) => schema.const) };
  }
  return schemas.every((schema) => Object.keys(schema).join() === 'type')
    ? { type: schemas.map((schema) => schema.type) }
    : { anyOf: schemas };
}

function tupleSchema(items: readonly string[]): Schema {
  const prefixItems = items.map(typeSchema);
  return { type: 'array', prefixItems, minItems: items.length, maxItems: items.length };
}

/** The members of a union, nested ones left whole. */
function splitUnion(type: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= type.length; i++) {
    const character = type[i];
    if (character !== undefined && '<[('.includes(character)) depth++;
    else if (character !== undefined && '>])'.includes(character)) depth--;
    else if (character === undefined || (character === '|' && depth === 0)) {
      parts.push(type.slice(from, i).trim());
      from = i + 1;
    }
  }
  return parts;
}

function collect(part: unknown, definitions: Definitions, used: Map<string, Schema>): void {
  if (typeof part !== 'object' || part === null) return;
  if ('$ref' in part) {
    const name = String(part.$ref).slice('#/$defs/'.length);
    const make = definitions.get(name);
    if (!make) throw new RangeError(`No definition of "${name}"`);
    if (used.has(name)) return;
    const definition = make();
    used.set(name, definition);
    collect(definition, definitions, used);
  }
  for (const child of Object.values(part)) collect(child, definitions, used);
}

/** The schema as Markdown: one table per object, in the order of use. */
export function schemaTables(schema: Schema, root: string): string {
  const definitions = { [root]: schema, ...(schema.$defs as Record<string, Schema>) };
  return Object.entries(definitions)
    .map(([name, definition]) => definitionTable(name, definition, definitions))
    .join('\n');
}

function definitionTable(
  name: string,
  definition: Schema,
  definitions: Readonly<Record<string, Schema>>,
): string {
  const head = `## ${name}\n\n${definition.description}\n`;
  const properties = definition.properties as Record<string, Schema> | undefined;
  if (!properties) return `${head}\nType: ${typeName(definition)}\n`;
  const rows = Object.entries(properties).map(([field, part]) => {
    const referred = definitions[refersTo(part) ?? '']?.description;
    const meaning = String(part.description ?? referred ?? '').replaceAll('|', '\\|');
    return `| \`${field}\` | ${typeName(part)} | ${meaning} |\n`;
  });
  return `${head}\n| field | type | meaning |\n| --- | --- | --- |\n${rows.join('')}`;
}

function refersTo(part: Schema): string | undefined {
  return typeof part.$ref === 'string' ? part.$ref.slice('#/$defs/'.length) : undefined;
}

function typeName(part: Schema): string {
  if ('const' in part) return `\`${JSON.stringify(part.const)}\``;
  if ('enum' in part) return (part.enum as string[]).map((name) => `\`${name}\``).join(', ');
  if ('anyOf' in part) return (part.anyOf as Schema[]).map(typeName).join(' or ');
  const name = refersTo(part);
  if (name !== undefined) return `[${name}](#${name.toLowerCase()})`;
  if ('prefixItems' in part) {
    return `[${(part.prefixItems as Schema[]).map(typeName).join(', ')}]`;
  }
  if ('items' in part) return `list of ${typeName(part.items as Schema)}`;
  if (typeof part.additionalProperties === 'object') {
    return `object of ${typeName(part.additionalProperties as Schema)}`;
  }
  return [part.type].flat().join(' or ');
}
