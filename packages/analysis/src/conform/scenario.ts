// Scenario files of golden vectors: what NAME.json says (test/golden/README.md).

/** Parameters that the domains of `iova` and `fq` share. */
export interface ScenarioDomain {
  readonly cpus: number;
  readonly hz: number;
  readonly timer: 'exact' | 'wheel';
  /** Bytes, a power of two. */
  readonly granule: number;
  readonly startPfn: number;
  /** In the order in which they are reserved; both pfns included. */
  readonly reserved: readonly (readonly [number, number])[];
}

/** One kernel of a scenario. File names are relative to the scenario file. */
export interface ScenarioRun {
  readonly kernel: string;
  /** Built with dynamic swiotlb pools; null where it does not matter. */
  readonly dynamic: boolean | null;
  readonly out: string;
  readonly outSha256: string | null;
  readonly events: string | null;
  readonly eventsSha256: string | null;
  readonly totals: Readonly<Record<string, unknown>>;
}

/** A scenario file, checked as far as all families share it. */
export interface Scenario {
  readonly file: string;
  readonly name: string;
  readonly family: string;
  /** As written; families read what they need with {@link domainOf} and {@link fieldsOf}. */
  readonly domain: Fields;
  readonly ops: string;
  readonly opsSha256: string | null;
  readonly runs: readonly ScenarioRun[];
}

/** A JSON object with checked access: an Error names the file and the field. */
export class Fields {
  readonly file: string;
  readonly path: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(file: string, path: string, value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Error(`${file}: ${path || 'file'}: expected an object`);
    }
    this.file = file;
    this.path = path;
    this.#values = value as Readonly<Record<string, unknown>>;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  number(name: string): number {
    const value = this.#values[name];
    return typeof value === 'number' && Number.isFinite(value)
      ? value
      : this.#fail(name, 'a number');
  }

  /** A whole number from `low` to `high`. */
  whole(name: string, low: number, high: number): number {
    const value = this.number(name);
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    return this.#fail(name, `a whole number from ${low} to ${high}`);
  }

  string(name: string): string {
    const value = this.#values[name];
    return typeof value === 'string' ? value : this.#fail(name, 'a string');
  }

  optionalString(name: string): string | null {
    return this.has(name) ? this.string(name) : null;
  }

  list(name: string): readonly unknown[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value : this.#fail(name, 'a list');
  }

  object(name: string): Fields {
    return new Fields(this.file, this.#pathOf(name), this.#values[name]);
  }

  objects(name: string): Fields[] {
    const path = this.#pathOf(name);
    return this.list(name).map((item, i) => new Fields(this.file, `${path}[${i}]`, item));
  }

  values(): Readonly<Record<string, unknown>> {
    return this.#values;
  }

  #pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  #fail(name: string, expected: string): never {
    const got = JSON.stringify(this.#values[name]) ?? 'nothing';
    throw new Error(`${this.file}: ${this.#pathOf(name)}: expected ${expected}, got ${got}`);
  }
}

/** The scenario in a JSON text; null if the text is JSON of another kind (no family and no runs). */
export function parseScenario(file: string, text: string): Scenario | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`${file}: not JSON: ${(error as Error).message}`);
  }
  const fields = new Fields(file, '', json);
  if (!fields.has('family') && !fields.has('runs')) return null;
  return {
    file,
    name: fields.string('name'),
    family: fields.string('family'),
    domain: fields.object('domain'),
    ops: fields.string('ops'),
    opsSha256: fields.optionalString('ops_sha256'),
    runs: fields.objects('runs').map(scenarioRun),
  };
}

/** The domain of a scenario of family `iova` or `fq`. */
export function domainOf(scenario: Scenario): ScenarioDomain {
  const fields = scenario.domain;
  const timer = fields.string('timer');
  if (timer !== 'exact' && timer !== 'wheel') {
    throw new Error(`${scenario.file}: domain.timer: expected exact or wheel, got ${timer}`);
  }
  const granule = fields.whole('granule', 1, 2 ** 31);
  if (!Number.isInteger(Math.log2(granule))) {
    throw new Error(`${scenario.file}: domain.granule: expected a power of two, got ${granule}`);
  }
  return {
    cpus: fields.whole('cpus', 1, 65_536),
    hz: fields.whole('hz', 1, 1000),
    timer,
    granule,
    startPfn: fields.whole('start_pfn', 0, 2 ** 53),
    reserved: fields.list('reserved').map((range, i) => reservedRange(scenario.file, range, i)),
  };
}

function reservedRange(file: string, range: unknown, i: number): readonly [number, number] {
  const [lo, hi] = Array.isArray(range) ? (range as unknown[]) : [];
  if (typeof lo === 'number' && typeof hi === 'number') return [lo, hi];
  throw new Error(`${file}: domain.reserved[${i}]: expected [pfn_lo, pfn_hi]`);
}

function scenarioRun(fields: Fields): ScenarioRun {
  return {
    kernel: fields.string('kernel'),
    dynamic: fields.has('dynamic') ? fields.values().dynamic === true : null,
    out: fields.string('out'),
    outSha256: fields.optionalString('out_sha256'),
    events: fields.optionalString('events'),
    eventsSha256: fields.optionalString('events_sha256'),
    totals: fields.has('totals') ? fields.object('totals').values() : {},
  };
}
