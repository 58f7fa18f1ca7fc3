// The condition of `minimise --until`: comparisons of named figures, joined by and, or, not.
//
//    steps > 1000        failure and cause == no_gap        flushes >= 3 or latency > 5ms
//
// Operators by binding: or ||, and &&, not !, then == != < <= > >=; parentheses. A number may have a unit
// of time (ns, us, ms, s) or size (KiB, MiB, GiB). A name alone is true where it is not 0. Nothing of the
// text is executed: it becomes a tree of closures over a record of figures.

/** What a condition is asked about: a figure or a word by name. */
export type Figures = (name: string) => number | string;

/** Whether a condition holds. */
export type Condition = (figures: Figures) => boolean;

/** A name that conditions know. */
export interface ConditionField {
  readonly name: string;
  readonly summary: string;
  /** Words it is compared with; absent for a number. */
  readonly words?: readonly string[];
}

type Value = (figures: Figures) => number | string;

interface Token {
  readonly text: string;
  readonly at: number;
}

const TOKEN =
  /\s*(?:(\d[\d_]*(?:\.\d+)?(?:[eE]\d+)?[A-Za-z]*)|([A-Za-z][\w:.-]*)|(==|!=|<=|>=|&&|\|\||[<>!()]))/y;
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** Reads a condition; a RangeError says at which character what was expected. */
export function parseCondition(text: string, fields: readonly ConditionField[]): Condition {
  return new Parser(text, fields).parse();
}

class Parser {
  readonly #text: string;
  readonly #fields: ReadonlyMap<string, ConditionField>;
  readonly #tokens: Token[];
  #next = 0;

  constructor(text: string, fields: readonly ConditionField[]) {
    this.#text = text;
    this.#fields = new Map(fields.map((field) => [field.name, field]));
    this.#tokens = this.#tokenise();
  }

  parse(): Condition {
    const condition = this.#or();
    const rest = this.#tokens[this.#next];
    if (rest !== undefined) this.#fail(rest, '"and", "or" or the end');
    return condition;
  }

  #or(): Condition {
    const left = this.#and();
    if (!this.#take('or', '||')) return left;
    const right = this.#or();
    return (figures) => left(figures) || right(figures);
  }

  #and(): Condition {
    const left = this.#not();
    if (!this.#take('and', '&&')) return left;
    const right = this.#and();
    return (figures) => left(figures) && right(figures);
  }

  #not(): Condition {
    if (this.#take('not', '!')) {
      const inner = this.#not();
      return (figures) => !inner(figures);
    }
    if (this.#take('(')) {
      const inner = this.#or();
      if (!this.#take(')')) this.#fail(this.#tokens[this.#next], '")"');
      return inner;
    }
    return this.#comparison();
  }

  #comparison(): Condition {
    const { value: left, field } = this.#operand(null);
    const operator = this.#tokens[this.#next];
    if (operator === undefined || !/^(?:[=!<>]=|[<>])$/.test(operator.text)) {
      if (field?.words !== undefined)
        this.#fail(operator, `== or != and one of: ${field.words.join(', ')}`);
      return (figures) => Number(left(figures)) !== 0;
    }
    this.#next++;
    if (field?.words !== undefined && !/^[=!]=$/.test(operator.text)) {
      this.#fail(operator, `== or !=, as ${field.name} is a word`);
    }
    const { value: right } = this.#operand(field);
    return compared(operator.text, left, right);
  }

  /** A name, a number, or a word of the field on the other side. */
  #operand(other: ConditionField | null): { value: Value; field: ConditionField | null } {
    const token = this.#tokens[this.#next++];
    if (token === undefined) this.#fail(undefined, expectedFor(other));
    if (other?.words !== undefined) {
      const word = camelCase(token.text);
      if (!other.words.includes(word)) this.#fail(token, expectedFor(other));
      return { value: () => word, field: null };
    }
    if (/^\d/.test(token.text)) {
      const number = this.#number(token);
      return { value: () => number, field: null };
    }
    const field = this.#fields.get(token.text);
    if (field === undefined) {
      this.#fail(token, `one of: ${[...this.#fields.keys()].join(', ')}; or a number`);
    }
    return { value: (figures) => figures(field.name), field };
  }

  #number(token: Token): number {
    const [, digits = '', unit = ''] = /^([\d_.]+(?:[eE]\d+)?)([A-Za-z]*)$/.exec(token.text) ?? [];
    const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (digits === '' || factor === undefined) {
      this.#fail(token, 'a number, with ns, us, ms, s, KiB, MiB or GiB where it has a unit');
    }
    return Number(digits.replaceAll('_', '')) * factor;
  }

  #take(...words: readonly string[]): boolean {
    const token = this.#tokens[this.#next];
    if (token === undefined || !words.includes(token.text)) return false;
    this.#next++;
    return true;
  }

  #tokenise(): Token[] {
    const text = this.#text;
    const tokens: Token[] = [];
    TOKEN.lastIndex = 0;
    for (let at = 0; text.slice(at).trim() !== ''; at = TOKEN.lastIndex) {
      const found = TOKEN.exec(text);
      const start = at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0);
      if (found === null)
        this.#fail({ text: text[start] ?? '', at: start }, 'a name, a number or an operator');
      tokens.push({ text: found[1] ?? found[2] ?? found[3] ?? '', at: start });
    }
    return tokens;
  }

  #fail(token: Token | undefined, expected: string): never {
    const where = token === undefined ? 'at the end' : `at character ${token.at + 1}`;
    const got = token === undefined ? 'nothing' : `"${token.text}"`;
    throw new RangeError(`"${this.#text}", ${where}: got ${got}, expected ${expected}`);
  }
}

/** Kernel people write no_gap where the code says noGap. */
function camelCase(word: string): string {
  return word.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function expectedFor(field: ConditionField | null): string {
  return field?.words === undefined ? 'a name or a number' : `one of: ${field.words.join(', ')}`;
}

function compared(operator: string, left: Value, right: Value): Condition {
  switch (operator) {
    case '==':
      return (figures) => left(figures) === right(figures);
    case '!=':
      return (figures) => left(figures) !== right(figures);
    case '<':
      return (figures) => left(figures) < right(figures);
    case '<=':
      return (figures) => left(figures) <= right(figures);
    case '>':
      return (figures) => left(figures) > right(figures);
    default:
      return (figures) => left(figures) >= right(figures);
  }
}
