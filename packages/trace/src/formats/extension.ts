// What the ending of a file name promises, where it promises a format of this package.

const ENDINGS: Readonly<Record<string, RegExp>> = {
  dat: /^trace\.dat/,
  data: /^perf\.data/,
  parquet: /^Parquet/,
  arrow: /^Arrow/,
  csv: /^CSV/,
  json: /JSON/,
  jsonl: /JSON/,
};

/** Says how a file name contradicts the content; empty where it does not. */
export function extensionMismatch(path: string, format: string, compression: string): string {
  const [name, wrapping] = /\.(?:gz|zst)$/.test(path)
    ? [path.replace(/\.\w+$/, ''), path.endsWith('.gz') ? 'gzip' : 'zstd']
    : [path, compression];
  if (wrapping !== compression) return `a name for ${wrapping} data, which the content is not`;
  const promised = ENDINGS[/\.(\w+)$/.exec(name)?.[1] ?? ''];
  if (promised === undefined || promised.test(format)) return '';
  return `the name promises another format, the content is read as ${format}`;
}
