// Compares what a model does with the files of one golden run, and keeps the first difference.

import type { CsvTable } from './csv-table.ts';

/** Where a model and the golden vectors differ first. */
export interface Mismatch {
  readonly file: string;
  /** Row of the file from 0, without the header; null where the file has no rows. */
  readonly row: number | null;
  readonly column: string;
  readonly expected: string;
  readonly got: string;
}

/** Totals of a run: name -> number, or a list of numbers. */
export type Totals = Readonly<Record<string, unknown>>;

/** The columns that event files share; those of the values follow. */
const eventColumns = ['seq', 't_ns', 'cpu', 'ev'] as const;
const twoValues = ['a', 'b'] as const;

/** Takes the answers of a model in the order of the operations, and the totals at the end. */
export class Checker {
  /** Cells, event rows and totals that differ. */
  mismatches = 0;
  first: Mismatch | null = null;
  /** Row of the operation that is about to run or runs: the `seq` of events. */
  seq = 0;
  readonly out: CsvTable;
  readonly #events: CsvTable | null;
  readonly #eventAt: readonly number[];
  #event = 0;

  /** `values`: the columns of the events file after those that all have. */
  constructor(out: CsvTable, events: CsvTable | null, values: readonly string[] = twoValues) {
    this.out = out;
    this.#events = events;
    const columns = [...eventColumns, ...values];
    this.#eventAt = events === null ? [] : columns.map((name) => events.column(name));
  }

  /** Expects a number in a cell of the out file at row `seq`. */
  number(column: number, value: number): void {
    if (this.out.number(this.seq, column) !== value) this.#cell(column, String(value));
  }

  /** Expects a word, or '' for an empty cell. */
  word(column: number, word: string): void {
    if (!this.out.is(this.seq, column, word)) this.#cell(column, word);
  }

  /** Expects `length` rows in the out file; call it before the first row is compared. */
  rows(length: number): boolean {
    const { rows, file } = this.out;
    if (rows === length) return true;
    this.report({ file, row: null, column: 'rows', expected: `${rows}`, got: `${length}` });
    return false;
  }

  /** Expects the next row of the events file to be this one, at operation `seq`. */
  event(timeNs: number, cpu: number, name: string, ...values: readonly number[]): void {
    const events = this.#events;
    const row = this.#event++;
    if (events === null || row >= events.rows) {
      this.#eventMismatch(row, 'no event', timeNs, cpu, name, values);
      return;
    }
    const [seqAt, timeAt, cpuAt, nameAt, ...valueAt] = this.#eventAt;
    const same =
      events.number(row, seqAt!) === this.seq &&
      events.number(row, timeAt!) === timeNs &&
      events.number(row, cpuAt!) === cpu &&
      events.is(row, nameAt!, name) &&
      valueAt.every((column, i) => events.number(row, column) === values[i]);
    if (!same) {
      const expected = this.#eventAt.map((column) => events.text(row, column)).join(',');
      this.#eventMismatch(row, expected, timeNs, cpu, name, values);
    }
  }

  /** Call it after the last operation: events that did not happen. */
  endOfEvents(): void {
    const events = this.#events;
    for (let row = this.#event; events !== null && row < events.rows; row++) {
      const expected = this.#eventAt.map((column) => events.text(row, column)).join(',');
      this.report({ file: events.file, row, column: 'ev', expected, got: 'no event' });
    }
  }

  /** Expects every total of the scenario file to be as counted. */
  totals(file: string, expected: Totals, got: Totals): void {
    for (const [name, value] of Object.entries(expected)) {
      if (String(got[name]) === String(value)) continue;
      this.report({
        file,
        row: null,
        column: `totals.${name}`,
        expected: String(value),
        got: String(got[name] ?? 'not modelled'),
      });
    }
  }

  report(mismatch: Mismatch): void {
    this.mismatches++;
    this.first ??= mismatch;
  }

  #cell(column: number, got: string): void {
    const { file, columns } = this.out;
    const expected = this.out.text(this.seq, column);
    this.report({ file, row: this.seq, column: columns[column]!, expected, got });
  }

  #eventMismatch(
    row: number,
    expected: string,
    timeNs: number,
    cpu: number,
    name: string,
    values: readonly number[],
  ): void {
    const got = [this.seq, timeNs, cpu, name, ...values].join(',');
    const file = this.#events?.file ?? this.out.file;
    this.report({ file, row, column: 'ev', expected, got });
  }
}
