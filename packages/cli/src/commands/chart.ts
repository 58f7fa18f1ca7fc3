// dmalab chart: one chart of results, as Vega-Lite spec, SVG or PNG.

import { readFileSync } from 'node:fs';
import {
  charts,
  reasonOfEmpty,
  renderPng,
  renderSvg,
  type SizeResult,
  sizingChart,
  withTheme,
} from '@dmalab/analysis';

import type { Argv, CommandModule } from 'yargs';
import { InputError } from '../input-error.ts';
import { print, printJson } from '../output.ts';
import { writeOutput } from '../output-file.ts';
import { findResults, labelled } from '../result-folder.ts';
import { UsageError } from '../usage-error.ts';

interface ChartArguments {
  paths: string[];
  out: string | undefined;
  theme: 'light' | 'dark';
  json: boolean;
  list: boolean;
}

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
        `Charts:\n${charts.map(({ name, summary }) => `  ${name.padEnd(15)} ${summary}`).join('\n')}`,
      )
      .example('$0 chart out stale-window -o stale.svg', 'one curve for each run in out')
      .example('$0 chart out --list', 'says what can be drawn') as unknown as Argv<ChartArguments>,
  handler: runChart,
};

async function runChart({ paths, out, theme, json, list }: ChartArguments): Promise<void> {
  if (list) {
    listCharts(paths, json);
    return;
  }
  const name = paths.at(-1) ?? '';
  if (name === 'sizing') {
    await drawSizing(paths, out, theme, json);
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

/** The curve of a sizing, from what `dmalab size --json` printed. */
async function drawSizing(
  paths: readonly string[],
  out: string | undefined,
  theme: 'light' | 'dark',
  json: boolean,
): Promise<void> {
  const file = paths[0]!;
  if (paths.length !== 2 || (out === undefined && !json)) {
    throw new UsageError(
      'The chart sizing takes one file: dmalab size TRACE --json > size.json; dmalab chart size.json sizing -o FILE.svg',
    );
  }
  await write(withTheme(sizingChart(readSize(file)), theme), out, theme, json);
}

function readSize(file: string): SizeResult {
  let size: unknown;
  try {
    size = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new InputError(file, `not a sizing: ${(error as Error).message}`);
  }
  const isSize =
    typeof size === 'object' &&
    size !== null &&
    'schema' in size &&
    size.schema === 'dmalab.size/1';
  if (!isSize) throw new InputError(file, 'not a sizing; make one with: dmalab size TRACE --json');
  return size as SizeResult;
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
