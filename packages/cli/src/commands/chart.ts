// dmalab chart: one chart of results, as Vega-Lite spec, SVG or PNG.

import { readFileSync, statSync } from 'node:fs';
import {
  charts,
  reasonOfEmpty,
  renderPng,
  renderSvg,
  type SizeResult,
  type SweepResult,
  sizingChart,
  sweepChart,
  withTheme,
} from '@dmalab/analysis';

import type { Argv, CommandModule } from 'yargs';
import { InputError } from '../input-error.ts';
import { print, printJson } from '../output.ts';
import { writeOutput } from '../output-file.ts';
import { findResults, labelled } from '../result-folder.ts';
import { UsageError } from '../usage-error.ts';

type Spec = ReturnType<typeof sizingChart>;

interface ChartArguments {
  paths: string[];
  out: string | undefined;
  theme: 'light' | 'dark';
  json: boolean;
  list: boolean;
}

const SIZING_LINE = {
  name: 'sizing',
  summary: 'Of the file that dmalab size --json printed: failed maps by the value that was tried.',
};

export const chart: CommandModule<object, ChartArguments> = {
  command: 'chart <paths..>',
  describe: 'Draw one chart of results: dmalab chart FOLDER... NAME -o x.svg',
  builder: (y: Argv) =>
    y
      .usage('$0 chart FOLDER... NAME -o FILE\n\nDraws one chart of results.')
      .positional('paths', {
        describe: 'Result folders, then the name of the chart',
        type: 'string',
        array: true,
        demandOption: true,
      })
      .option('out', {
        alias: 'o',
        describe: 'File to write: .svg, .png or .vl.json',
        type: 'string',
        requiresArg: true,
      })
      .option('list', {
        describe: 'Say which charts there are, and which have something to show of these results',
        type: 'boolean',
        default: false,
      })
      .option('theme', {
        describe: 'Colours',
        choices: ['light', 'dark'] as const,
        default: 'light',
      })
      .option('json', { describe: 'Print the Vega-Lite spec', type: 'boolean', default: false })
      .epilogue(
        `Charts:\n${[...charts, SIZING_LINE].map(({ name, summary }) => `  ${name.padEnd(15)} ${summary}`).join('\n')}`,
      )
      .example('$0 chart out stale-window -o stale.svg', 'one curve for each run in out')
      .example('$0 chart sweep.json pareto -o front.svg', 'of what dmalab sweep --json printed')
      .example('$0 chart out --list', 'says what can be drawn') as unknown as Argv<ChartArguments>,
  handler: runChart,
};

async function runChart({ paths, out, theme, json, list }: ChartArguments): Promise<void> {
  if (list) {
    listCharts(paths, json);
    return;
  }
  const name = paths.at(-1) ?? '';
  const document = documentOf(paths);
  if (document !== null && (out !== undefined || json)) {
    await write(withTheme(document(), theme), out, theme, json);
    return;
  }
  const made = charts.find((candidate) => candidate.name === name);
  if (made === undefined) {
    throw new UsageError(
      `Unknown chart "${name}", expected one of: ${charts.map((candidate) => candidate.name).join(', ')} (the name comes after the folders)`,
    );
  }
  if (paths.length < 2)
    throw new UsageError('Name a result folder before the chart: dmalab chart FOLDER NAME -o FILE');
  if (out === undefined && !json)
    throw new UsageError('Say where the chart goes: -o FILE.svg, FILE.png or FILE.vl.json');
  const spec = withTheme(made.make(labelled(findResults(paths.slice(0, -1)))), theme);
  await write(spec, out, theme, json);
}

/** What a command printed with --json, and how a chart of it is asked for. */
interface Document<Shape> {
  readonly schema: string;
  readonly what: string;
  readonly make: string;
  readonly draw: (document: Shape) => Spec;
}

const SIZING: Document<SizeResult> = {
  schema: 'dmalab.size/1',
  what: 'sizing',
  make: 'dmalab size TRACE --json > size.json',
  draw: sizingChart,
};
const SWEEP: Document<SweepResult> = {
  schema: 'dmalab.sweep/1',
  what: 'sweep',
  make: 'dmalab sweep TRACE --vary ... --json > sweep.json',
  draw: sweepChart,
};

/** The document in `file` as a chart. */
function chartOfDocument<Shape>(file: string, { schema, what, make, draw }: Document<Shape>): Spec {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new InputError(file, `not a ${what}: ${(error as Error).message}`);
  }
  const found =
    typeof document === 'object' && document !== null && 'schema' in document
      ? document.schema
      : null;
  if (found !== schema) throw new InputError(file, `not a ${what}; make one with: ${make}`);
  return draw(document as Shape);
}

/** The chart of one file, where the arguments ask for one: a sizing, or the Pareto front of a sweep. */
function documentOf(paths: readonly string[]): (() => Spec) | null {
  const [file = '', name] = paths;
  if (name === 'sizing' || paths[0] === 'sizing') {
    if (paths.length === 2) return () => chartOfDocument(file, SIZING);
    throw new UsageError(
      `The chart sizing takes one file: ${SIZING.make}; dmalab chart size.json sizing -o FILE.svg`,
    );
  }
  if (name !== 'pareto' || paths.length !== 2 || !isFile(file)) return null;
  return () => chartOfDocument(file, SWEEP);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

async function write(
  spec: ReturnType<typeof withTheme>,
  out: string | undefined,
  theme: 'light' | 'dark',
  json: boolean,
): Promise<void> {
  if (json) printJson(spec);
  if (out === undefined) return;
  writeOutput(out, await contentFor(out, spec, theme));
  if (!json) print(`wrote ${out}`);
}

function listCharts(paths: readonly string[], json: boolean): void {
  const results = labelled(findResults(paths));
  const known = charts.map(({ name, summary, make }) => ({
    name,
    summary,
    nothingToShow: reasonOfEmpty(make(results)),
  }));
  if (json) {
    printJson({ schema: 'dmalab.charts/1', charts: known });
    return;
  }
  const lines = known.map(({ name, summary, nothingToShow }) => {
    return `${name.padEnd(15)} ${nothingToShow === null ? summary : `(nothing to show) ${nothingToShow}`}`;
  });
  print(lines.join('\n'));
}

async function contentFor(
  file: string,
  spec: ReturnType<typeof withTheme>,
  theme: 'light' | 'dark',
): Promise<string | Uint8Array> {
  if (file.endsWith('.vl.json')) return `${JSON.stringify(spec, null, 2)}\n`;
  if (file.endsWith('.svg')) return await renderSvg(spec, theme);
  if (file.endsWith('.png')) return renderPng(await renderSvg(spec, theme), theme);
  throw new UsageError(`${file}: the ending says the format: .svg, .png or .vl.json`);
}
