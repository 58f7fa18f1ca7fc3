import { readdirSync, readFileSync } from 'node:fs';
import { summarise } from '@dmalab/analysis';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { interfaceSchema, type Schema, schemaTables } from './support/interface-schema.ts';
import { outcomeBatches } from './support/outcome-rows.ts';
import { runContext } from './support/run-context.ts';
import { syntheticReplay } from './support/synthetic-replay.ts';

const SOURCES = [
  '../src/summary.ts',
  ...readdirSync(new URL('../src/figures', import.meta.url)).map(
    (name) => `../src/figures/${name}`,
  ),
  '../../replay/src/machine.ts',
  '../../replay/src/load/load.ts',
  '../../replay/src/policy.ts',
].map((path) => readFileSync(new URL(path, import.meta.url), 'utf8'));

const INTRODUCTION = `# summary.json

\`dmalab replay FILE -o DIR\` writes the figures of the replay to \`DIR/summary.json\`. This page lists every
field with its formula and unit; [summary.schema.json](summary.schema.json) is the same as a JSON Schema.
Both are made from \`packages/analysis/src/summary.ts\` and the files in \`figures/\` beside it, by \`npx vitest run packages/analysis -u\`.

Where no unit is named a field is a count. "ns" is virtual time since the first event of the capture,
or a span of it. A quantile is the nearest-rank one, with the relative error stated beside it. Null
means that there was nothing to measure; zero is a value like any other. Numbers are doubles: whole to 2^53, so bytes
of free address space, which reach 2^64 in each domain, are rounded to 15 digits or so.

Beside it lie \`series.json\` (levels and counts over time, \`dmalab.series/1\`) and \`distributions.json\`
(the distributions behind the quantiles, \`dmalab.distributions/1\`), from which charts and reports are
drawn without the trace.

`;

function schema(): Schema {
  return interfaceSchema(SOURCES, 'Summary');
}

/** As the formatter of the project lays it out: short lists on one line. */
function formatJson(value: unknown): string {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  return text.replace(/^(.*)\[\n\s+([^[\]{}]*?)\n\s+\](,?)$/gm, (spread, before, items, comma) => {
    const line = `${before}[${items.replace(/,\n\s+/g, ', ')}]${comma}`;
    return line.length <= 100 ? line : spread;
  });
}

test('the published schema and its page are those of the interfaces', async () => {
  await expect(formatJson(schema())).toMatchFileSnapshot('../../../docs/summary.schema.json');
  const page = INTRODUCTION + schemaTables(schema(), 'Summary');
  await expect(page).toMatchFileSnapshot('../../../docs/summary-schema.md');
});

test.each(['strict', 'percpu', 'single'] as const)('a summary of %s is valid', (flush) => {
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema());
  const rows = syntheticReplay({ flush, maps: 3000, seed: 3, limitPages: 3000 });
  const { summary } = summarise(runContext({ flush }), outcomeBatches(rows));
  validate(JSON.parse(JSON.stringify(summary)));
  expect(validate.errors).toBeNull();
});

test('a summary without any outcome is valid', () => {
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema());
  const { summary } = summarise(runContext(), []);
  validate(JSON.parse(JSON.stringify(summary)));
  expect(validate.errors).toBeNull();
});
