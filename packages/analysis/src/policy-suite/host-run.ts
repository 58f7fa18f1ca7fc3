// One run of operations on the hosts of two guests, with the plain counts that they are held to.

import {
  HostAnswer,
  type HostPolicy,
  type HostResources,
  type Parameters,
  policyKit,
  SharedPinBudget,
} from '@dmalab/replay';
import type { HostOperation } from './host-suite.ts';
import type { Violation } from './suite.ts';

const ANSWERS: readonly string[] = ['fail', 'flushQueue', 'globalFlushRetry', 's390Legacy'];

interface Live {
  readonly guest: number;
  readonly domain: number;
  readonly pages: number;
}

export class HostRun {
  readonly answers: number[] = [];
  violation: Violation | null = null;
  readonly #hosts: (HostResources | null)[];
  readonly #limit: number;
  readonly #live = new Map<number, Live>();
  /** Pages of a guest's domain that were unmapped and not refreshed: `2 * guest + domain`. */
  readonly #stale = [0, 0, 0, 0];
  #budget: SharedPinBudget | null = null;
  /** Pages that were adopted: they count whatever the limits are. */
  #adopted = 0;
  #at = 0;

  constructor(policy: HostPolicy, parameters: Parameters) {
    const pinBudget = (pages: number): SharedPinBudget => {
      this.#budget ??= new SharedPinBudget(pages);
      return this.#budget;
    };
    this.#hosts = [0, 1].map(() => policy.create(parameters, { kit: policyKit, pinBudget }));
    this.#limit = Number(parameters.entries) || Number.POSITIVE_INFINITY;
    const [host] = this.#hosts;
    if (host && !ANSWERS.includes(host.outOfResource))
      this.#wrong(
        'answers',
        `outOfResource is ${host.outOfResource}, expected one of: ${ANSWERS.join(', ')}`,
      );
  }

  run(operations: readonly HostOperation[]): this {
    const served = this.#hosts.map((_, guest) => this.#serves(guest));
    for (const [i, operation] of operations.entries()) {
      this.#at = i;
      this.#step(operation);
      if (this.violation === null) this.#counts();
      if (this.violation !== null) return this;
      if (operation.op === 'end') this.#servesAgain(served);
    }
    return this;
  }

  #step(operation: HostOperation): void {
    switch (operation.op) {
      case 'map':
        this.#map(operation.id, operation);
        break;
      case 'adopt':
        this.#hosts[operation.guest]?.adopt(operation.domain, operation.pages);
        this.#adopted += operation.pages;
        this.#live.set(operation.id, operation);
        break;
      case 'unmap':
        this.#unmap(operation.id, operation.refreshed);
        break;
      case 'refreshAll':
        this.#answered(this.#hosts[operation.guest]?.refreshAll(operation.domain));
        this.#stale[2 * operation.guest + operation.domain] = 0;
        break;
      case 'remove':
        this.#remove(operation.guest, operation.domain);
        break;
      case 'end':
        for (let i = 0; i < 4; i++) this.#remove(i >> 1, i % 2);
    }
  }

  // As the engine does: a map that is not answered with ok is cured by a refresh, or undone.
  #map(id: number, { guest, domain, pages }: Live): boolean {
    const host = this.#hosts[guest];
    if (!host) return true;
    let answer = this.#answered(host.refreshMapped(domain, pages));
    if (answer !== HostAnswer.ok && host.outOfResource !== 'fail') {
      answer = this.#answered(host.refreshAll(domain));
      this.#stale[2 * guest + domain] = 0;
    }
    if (answer === HostAnswer.ok) this.#live.set(id, { guest, domain, pages });
    else host.undo(domain, pages);
    return answer === HostAnswer.ok;
  }

  #unmap(id: number, refreshed: boolean): void {
    const live = this.#live.get(id);
    if (live === undefined) return;
    this.#live.delete(id);
    const host = this.#hosts[live.guest];
    host?.unmapped(live.domain, live.pages);
    this.#stale[2 * live.guest + live.domain]! += live.pages;
    this.#counts();
    if (!refreshed) return;
    host?.refreshUnmapped(live.domain, live.pages);
    this.#stale[2 * live.guest + live.domain]! -= live.pages;
  }

  #remove(guest: number, domain: number): void {
    this.#hosts[guest]?.removeDomain(domain);
    this.#stale[2 * guest + domain] = 0;
    for (const [id, live] of this.#live) {
      if (live.guest === guest && live.domain === domain) this.#live.delete(id);
    }
  }

  #serves(guest: number): boolean {
    const given = this.#map(0, { guest, domain: 0, pages: 1 });
    if (given) this.#unmap(0, true);
    return given;
  }

  #servesAgain(before: readonly boolean[]): void {
    const used = this.#budget?.used ?? 0;
    if (used !== 0) this.#wrong('all given back', `${used} pages are pinned, no domain is left`);
    before.forEach((served, guest) => {
      if (served && !this.#serves(guest))
        this.#wrong('all given back', `guest ${guest} cannot map a page, no domain is left`);
    });
  }

  #counts(): void {
    for (const [guest, host] of this.#hosts.entries()) {
      if (!host) continue;
      const stale = this.#stale[2 * guest]! + this.#stale[2 * guest + 1]!;
      const live = [...this.#live.values()]
        .filter((one) => one.guest === guest)
        .reduce((sum, { pages }) => sum + pages, 0);
      this.answers.push(host.entries, host.staleEntries);
      if (host.staleEntries !== stale)
        this.#wrong(
          'entries',
          `staleEntries is ${host.staleEntries}, ${stale} pages are unmapped and not refreshed`,
        );
      if (host.entries !== live + stale)
        this.#wrong(
          'entries',
          `entries is ${host.entries}, ${live} pages are live and ${stale} unmapped`,
        );
      if (host.entries > this.#limit + this.#adopted)
        this.#wrong('inside the limit', `entries is ${host.entries} of ${this.#limit}`);
    }
    const { used = 0, limit = 0 } = this.#budget ?? {};
    if (used < 0) this.#wrong('budget', `${used} pages are pinned`);
    if (used > limit + this.#adopted) this.#wrong('budget', `${used} pages are pinned of ${limit}`);
  }

  #answered(answer: HostAnswer = HostAnswer.ok): HostAnswer {
    this.answers.push(answer);
    if (!Object.values(HostAnswer).includes(answer))
      this.#wrong('answers', `a refresh gave ${answer}, expected a HostAnswer`);
    return answer;
  }

  #wrong(rule: string, message: string): void {
    this.violation ??= { rule, message, at: this.#at };
  }
}
