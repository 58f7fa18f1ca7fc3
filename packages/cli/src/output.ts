// Where results and progress go: results to stdout, progress to stderr when that is a terminal.

const NUMBER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 });

/** Prints a text to stdout. */
export function print(text: string): void {
  const safe = printable(text);
  process.stdout.write(safe.endsWith('\n') ? safe : `${safe}\n`);
}

/** Control bytes of names in traces and files are shown as \xNN, never sent to the terminal. */
export function printable(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Prints one JSON document to stdout. */
export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

/** 12345.6789 as "12,345.679", the same in every locale. */
export function formatNumber(value: number): string {
  return NUMBER.format(value);
}

/** A text in red where the stream is a terminal that shows colours, and NO_COLOR is not set. */
export function coloured(text: string, stream: NodeJS.WriteStream): string {
  const { NO_COLOR = '', TERM = '' } = process.env;
  return stream.isTTY && NO_COLOR === '' && TERM !== 'dumb' ? `\x1b[31m${text}\x1b[39m` : text;
}

/** Whether a terminal shows the progress. */
export function isWatched(): boolean {
  return process.stderr.isTTY === true;
}

/** Shows one changing line on stderr while a terminal looks on; says nothing otherwise. */
export function progress(text: string): void {
  if (isWatched()) process.stderr.write(`\r\x1b[K${text}`);
}

/** Removes the progress line. */
export function progressDone(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
