// What the bounce level of a verification says. Field names are those of `dmalab verify --json`.

/** How many of something the capture shows, and how many of them the model explains. */
export interface Explained {
  readonly recorded: number;
  readonly explained: number;
}

/** The first search whose recorded result no order that was found explains. */
export interface BounceDifference {
  readonly file: string;
  /** Line that shows the result (0 where none does), and line at which the map begins. */
  readonly line: number;
  readonly entryLine: number;
  /** ns since the first event. */
  readonly time: number;
  readonly cpu: number;
  readonly device: string;
  /** Bytes asked for, and the original address. */
  readonly bytes: number;
  readonly original: number;
  /** Bounce addresses; null: nothing found in this area. */
  readonly recorded: number | null;
  readonly model: number | null;
  /** The area before it: first byte of its pool, slots in use, and the slot from which it searches next. */
  readonly poolStart: number;
  readonly area: number;
  readonly used: number;
  readonly index: number;
  /** False where the search was given up by its budget: some allowed order may still explain it. */
  readonly proved: boolean;
}

/** A number of debugfs, and the range that the recorded calls allow. */
export interface UsageComparison {
  readonly recorded: number;
  readonly lowest: number;
  readonly highest: number;
  readonly explained: boolean;
}

/** Lines of debugfs that were written into the trace. */
export interface SampleComparison extends Explained {
  /** Lines at rest: nothing was taken, given back or added since the line before; and those whose numbers are exactly the model's. */
  readonly atRest: number;
  readonly equal: number;
  /** Line of the first sample that is not explained; null: none. */
  readonly firstLine: number | null;
}

/** Slots in use, against debugfs. */
export interface BounceUsageResult {
  /** After the recording; null where meta.json does not tell. */
  readonly slots: UsageComparison | null;
  readonly used: UsageComparison | null;
  readonly hiwater: UsageComparison | null;
  readonly samples: SampleComparison;
}

/** Pools of a kernel with CONFIG_SWIOTLB_DYNAMIC. Whether memory could be had is taken from the recording. */
export interface DynamicPoolsResult {
  /** Runs of the growth work: due, and asking for what the model asks for. */
  readonly runs: Explained;
  readonly added: Explained;
  readonly growthFailed: Explained;
  /** Pools for one request: in use, without memory, and of no use to their request. */
  readonly transient: Explained;
  readonly transientFailed: Explained;
  readonly transientUseless: Explained;
  /** Maps that searched areas and pools in the order of the model. */
  readonly walks: Explained;
}

/** The bounce level: recorded maps and releases, area by area, in an order that their intervals allow. */
export interface BounceResult {
  /** Recorded bounce addresses that were compared, and those that the model gives. */
  readonly compared: number;
  readonly matched: number;
  /** Maps that failed. */
  readonly failures: Explained;
  /** Searches of one area that found nothing, those of failed maps included. */
  readonly misses: Explained;
  /** Releases of addresses that no recorded map has: something is wrong with the recording. */
  readonly strays: number;
  /** Releases that had to be taken early and searches that had to be put off; choices that were taken back. */
  readonly reordered: number;
  readonly tries: number;
  readonly first: BounceDifference | null;
  /** The default pool as it was taken to be; null where it is not known. */
  readonly pool: { readonly start: number; readonly slots: number; readonly areas: number } | null;
  readonly usage: BounceUsageResult | null;
  /** null without dynamic pools. */
  readonly dynamic: DynamicPoolsResult | null;
  /** Why nothing was compared, else null. */
  readonly why: string | null;
}

/** Whether the model explains all that was compared. */
export function bounceHolds(result: BounceResult): boolean {
  const { compared, matched, strays, failures, misses, usage, dynamic } = result;
  const counts = [failures, misses, ...(usage === null ? [] : [usage.samples])];
  if (dynamic !== null) counts.push(...Object.values(dynamic));
  const numbers = usage === null ? [] : [usage.slots, usage.used, usage.hiwater];
  return (
    matched === compared &&
    strays === 0 &&
    counts.every(({ recorded, explained }) => recorded === explained) &&
    numbers.every((number) => number === null || number.explained)
  );
}
