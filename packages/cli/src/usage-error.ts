// The error of a wrong command line.

/** A command line that cannot be carried out: exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
