// An order of the calls on one area of one pool that its intervals allow, and in which the model gives what was recorded.
//
// Walks along the ends of the intervals. A search that found slots is taken as soon as the model finds the same
// ones, a release as late as its interval allows: then the area is as full as it can be, which is what the searches
// that found nothing need. Where a search is over and the model still finds other slots, a release that gives back slots
// it needs is taken early, or an earlier search is put off; each such choice is taken back when it leads nowhere.
// A search that found nothing changes nothing: it needs one moment in its interval at which the model finds nothing.
//
// The model never takes a recorded slot over. Where nothing helps, it goes on with its own slot: a divergence.

import { type AreaModel, takenBy } from './area-model.ts';
import { type AreaStep, FAILED, type Release } from './bounce-calls.ts';
import { type Boundary, boundariesOf, finalMoments } from './interval-boundaries.ts';
import { slotsOf } from './slot-request.ts';

/** Effort that is left: choices that may be taken back, in all and for one dead end. */
export interface BounceBudget {
  choices: number;
  readonly patience: number;
}

/** A search whose recorded result the model does not give, or gives at no moment of its interval. */
export interface Divergence {
  readonly step: AreaStep;
  /** First slot that the model gave instead, -1 none. */
  readonly modelSlot: number;
  /** Area before it: slots in use and the next slot to look at. */
  readonly used: number;
  readonly index: number;
  /** Every choice was tried. */
  readonly proved: boolean;
}

/** Divergences after which no more choices are made. */
const MOST_DIVERGENCES = 8;
const MOST_CHOICES = 4096;

/** A place where the order could have gone on otherwise. */
interface Choice {
  readonly done: number;
  readonly explained: number;
  readonly divergences: number;
  readonly reordered: number;
  /** Boundary at which the order goes on. */
  readonly resume: number;
  readonly takes: readonly AreaStep[];
  readonly misses: readonly AreaStep[];
  readonly releases: readonly Release[];
  readonly postponed: readonly AreaStep[];
  /** Releases to be taken early instead, next last; or the search to be put off. */
  readonly early: Release[];
  postpone: AreaStep | null;
}

/** See the head of the file. */
export class AreaOrder {
  readonly divergences: Divergence[] = [];
  /** Choices that were taken back; releases that had to be taken early, and searches that were put off. */
  tries = 0;
  reordered = 0;
  readonly #model: AreaModel;
  readonly #budget: BounceBudget;
  readonly #boundaries: readonly Boundary[];
  /** 1 at boundaries before which all orders lead to the same state. */
  readonly #isFinal: Uint8Array;
  #cursor = 0;
  /** Open calls that are not done. */
  #takes: AreaStep[] = [];
  #misses: AreaStep[] = [];
  #releases: Release[] = [];
  /** Searches that wait until something else was done. */
  #postponed: AreaStep[] = [];
  readonly #explained: AreaStep[] = [];
  readonly #choices: Choice[] = [];
  /** The first choice that is not final. */
  #root: Choice | null = null;
  readonly #forced = new Set<AreaStep>();
  readonly #ids = new Map<AreaStep | Release, number>();
  /** States that were reached since {@link #root}. */
  readonly #seen = new Set<string>();
  /** The furthest dead end since the last divergence. */
  #deadEnd = -1;
  #patience: number;
  /** A dead end was left because patience ran out. */
  #gaveUp = false;

  constructor(
    model: AreaModel,
    steps: readonly AreaStep[],
    releases: readonly Release[],
    budget: BounceBudget,
  ) {
    this.#model = model;
    this.#budget = budget;
    this.#patience = budget.patience;
    this.#boundaries = boundariesOf(steps, releases);
    this.#isFinal = finalMoments(this.#boundaries);
    this.#boundaries.forEach(({ step, release }, i) => void this.#ids.set(step ?? release!, i));
  }

  run(): void {
    while (this.#cursor < this.#boundaries.length) {
      if (!this.#isDead() && this.#pass(this.#boundaries[this.#cursor]!)) this.#cursor++;
      else if (!this.#goBack()) this.#force();
      if (this.#deadEnd >= 0 && this.#cursor > this.#deadEnd) this.#overcome();
      if (this.#isFinal[this.#cursor] === 1) this.#forgetChoices();
    }
  }

  // What an area gives depends on what is taken and on where it searches next, not on the order that led there: a
  // state that choices lead to a second time, with the same calls open, leads nowhere.
  #isDead(): boolean {
    if (this.#choices.length === 0 || this.#postponed.length > 0) return false;
    if (this.#cursor === this.#choices.at(-1)!.resume) return false;
    const open = [...this.#takes, ...this.#misses, ...this.#releases].map((c) => this.#ids.get(c)!);
    const state = `${this.#cursor} ${this.#model.index} ${open.sort((a, b) => a - b)}`;
    if (this.#seen.has(state)) return true;
    this.#seen.add(state);
    return false;
  }

  /** True if the order gets over the boundary. */
  #pass({ isEnd, step, release }: Boundary): boolean {
    if (release !== null) {
      if (!isEnd) this.#releases.push(release);
      else this.#due(release);
      return true;
    }
    const miss = step!.slot === FAILED;
    if (!isEnd) {
      (miss ? this.#misses : this.#takes).push(step!);
      if (miss) this.#look();
      else this.#settle(this.#cursor + 1);
      return true;
    }
    if (miss) return this.#isExplained(step!);
    return !this.#takes.includes(step!) || this.#late(step!);
  }

  /** A search that found nothing is over: was there a moment for it? */
  #isExplained(step: AreaStep): boolean {
    if (!this.#misses.includes(step)) return true;
    if (!this.#forced.has(step)) {
      if (this.#forced.size < MOST_DIVERGENCES) return false;
      this.#forced.add(step);
    }
    remove(this.#misses, step);
    this.divergences.push(this.#divergence(step));
    return true;
  }

  // A release can wait no longer. What it frees may lie where an open search looks first: that search may have come
  // before, after other releases.
  #due(release: Release): void {
    if (!this.#releases.includes(release)) return;
    const early = this.#wantedReleases(null).filter((other) => other !== release);
    if (early.length > 0) this.#choose(this.#cursor, early, null);
    remove(this.#releases, release);
    this.#giveBack(release);
    this.#settle(this.#cursor + 1);
  }

  /** Does every search that the model answers as recorded. `resume`: the boundary at which it goes on. */
  #settle(resume: number): void {
    for (;;) {
      const step = this.#nextMatch();
      if (step === null) return;
      if (this.#mayWait(step)) this.#choose(resume, [], step);
      remove(this.#takes, step);
      this.#take(step, step.expected);
    }
  }

  /** Of the open searches that match, the one that the area comes to first. */
  #nextMatch(): AreaStep | null {
    let best: AreaStep | null = null;
    let nearest = 0;
    for (const step of this.#takes) {
      if (this.#postponed.includes(step)) continue;
      const expected = step.expected;
      if (expected < 0 || this.#model.find(step) !== expected) continue;
      const ahead = this.#model.ahead(expected);
      if (best !== null && ahead >= nearest) continue;
      best = step;
      nearest = ahead;
    }
    return best;
  }

  /** Whether anything else can come before an open search. */
  #mayWait(step: AreaStep): boolean {
    if (this.#takes.length > 1) return true;
    const next = this.#boundaries[this.#cursor + 1];
    return this.#releases.length > 0 || (next !== undefined && next.step !== step);
  }

  /** A search is over that the model does not answer as recorded: releases may have come before it. */
  #late(step: AreaStep): boolean {
    if (this.#forced.has(step)) {
      this.#diverge(step);
      return true;
    }
    if (this.#forced.size >= MOST_DIVERGENCES) {
      this.#forced.add(step);
      return this.#late(step);
    }
    const early = this.#wantedReleases(step);
    const first = early.pop();
    if (first === undefined) return false;
    if (early.length > 0) this.#choose(this.#cursor, early, null);
    this.#takeEarly(first);
    return this.#pass(this.#boundaries[this.#cursor]!);
  }

  #takeEarly(release: Release): void {
    remove(this.#releases, release);
    this.#giveBack(release);
    this.reordered++;
    this.#settle(this.#cursor);
  }

  /** Open releases of slots that an open search got; those for `step` last. */
  #wantedReleases(step: AreaStep | null): Release[] {
    const own: Release[] = [];
    const others: Release[] = [];
    for (const release of this.#releases) {
      if (step !== null && this.#frees(release, step)) own.push(release);
      else if (this.#takes.some((take) => this.#frees(release, take))) others.push(release);
    }
    return [...others, ...own.reverse()];
  }

  #frees(release: Release, step: AreaStep): boolean {
    const taken = takenBy(release);
    if (taken === null) return false;
    const first = step.expected;
    const end = first + slotsOf(step.call.request.size);
    const takenEnd = taken.taken + slotsOf(taken.call.request.size);
    return first >= 0 && taken.taken < end && first < takenEnd;
  }

  #choose(resume: number, early: Release[], postpone: AreaStep | null): void {
    if (this.#choices.length >= MOST_CHOICES) this.#dropOldest();
    const choice: Choice = {
      done: this.#model.done,
      explained: this.#explained.length,
      divergences: this.divergences.length,
      reordered: this.reordered,
      resume,
      takes: [...this.#takes],
      misses: [...this.#misses],
      releases: [...this.#releases],
      postponed: [...this.#postponed],
      early,
      postpone,
    };
    if (this.#choices.length === 0) this.#root = choice;
    this.#choices.push(choice);
  }

  #dropOldest(): void {
    this.#choices.splice(0, MOST_CHOICES / 2);
    this.#root = this.#choices[0]!;
    this.#seen.clear();
  }

  /** Takes the last choice back and goes the next way; false if there is none or no patience. */
  #goBack(): boolean {
    this.#deadEnd = Math.max(this.#deadEnd, this.#cursor);
    const choice = this.#choices.at(-1);
    if (choice === undefined) return false;
    if (this.#patience <= 0 || this.#budget.choices <= 0) {
      this.#gaveUp = true;
      return false;
    }
    this.tries++;
    this.#patience--;
    this.#budget.choices--;
    this.#restore(choice);
    this.#cursor = choice.resume;
    if (choice.postpone !== null) {
      this.#choices.pop();
      this.#postponed.push(choice.postpone);
      this.reordered++;
      this.#settle(choice.resume);
      return true;
    }
    const release = choice.early.pop()!;
    if (choice.early.length === 0) this.#choices.pop();
    this.#takeEarly(release);
    return true;
  }

  #restore(choice: Choice): void {
    const { takes, misses, releases, postponed } = choice;
    this.#model.backTo(choice.done);
    this.#explained.length = choice.explained;
    this.divergences.length = choice.divergences;
    this.reordered = choice.reordered;
    this.#takes = [...takes];
    this.#misses = [...misses];
    this.#releases = [...releases];
    this.#postponed = [...postponed];
  }

  /** No choice is left: the search at the furthest dead end goes on with the model's own result. */
  #force(): void {
    const { step } = this.#boundaries[Math.max(this.#deadEnd, this.#cursor)]!;
    this.#forced.add(step!);
    const root = this.#root;
    this.#forgetChoices();
    if (root === null) return;
    this.#restore(root);
    this.#cursor = root.resume;
    if (root.postpone !== null) this.#settle(root.resume);
  }

  /** The order got over its last dead end. */
  #overcome(): void {
    this.#deadEnd = -1;
    this.#patience = this.#budget.patience;
  }

  #forgetChoices(): void {
    this.#choices.length = 0;
    this.#seen.clear();
    this.#root = null;
    this.#overcome();
  }

  #diverge(step: AreaStep): void {
    remove(this.#takes, step);
    const divergence = this.#divergence(step);
    this.divergences.push(divergence);
    if (divergence.modelSlot >= 0) this.#take(step, divergence.modelSlot);
  }

  #divergence(step: AreaStep): Divergence {
    const { used, index } = this.#model;
    const proved = this.#budget.choices > 0 && !this.#gaveUp;
    return { step, modelSlot: Math.max(-1, this.#model.find(step)), used, index, proved };
  }

  #take(step: AreaStep, slot: number): void {
    this.#model.take(step, slot);
    this.#postponed = [];
    this.#look();
  }

  #giveBack(release: Release): void {
    if (!this.#model.giveBack(release)) return;
    this.#postponed = [];
    this.#look();
  }

  /** Finds open searches for which the model finds nothing now. */
  #look(): void {
    for (let i = this.#misses.length - 1; i >= 0; i--) {
      const step = this.#misses[i]!;
      if (this.#model.find(step) >= 0) continue;
      this.#misses.splice(i, 1);
      this.#explained.push(step);
    }
  }
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}
