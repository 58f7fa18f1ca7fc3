// The error of an input that cannot be read.

/** A wrong input: the message is "source:line: problem", or "source: problem" without a line. */
export class TraceError extends Error {
  constructor(source: string, line: number | null, problem: string) {
    super(line === null ? `${source}: ${problem}` : `${source}:${line}: ${problem}`);
    this.name = 'TraceError';
  }
}
