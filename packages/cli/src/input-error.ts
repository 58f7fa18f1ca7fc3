// The error of a file other than a trace that cannot be used: machine files, result folders.

/** A wrong file: the message names it and says what was expected. Exit code 1. */
export class InputError extends Error {
  constructor(file: string, problem: string) {
    super(`${file}: ${problem}`);
    this.name = 'InputError';
  }
}
