// Rules of hosts behind a page table, checked against plain counts of pages.
//
// Two guests draw on one budget. Entries are the pages that are live and those unmapped that no refresh
// covered; the budget is never negative nor above its limit; what is answered with "out of resource" is
// cured by a refresh or undone; all goes back; the same operations give the same answers.

import type { HostPolicy, Parameters } from '@dmalab/replay';
import { HostRun } from './host-run.ts';
import { operationText, type Random, runTwice, type Suite } from './suite.ts';

/** One thing that a guest does; `end` removes every domain. */
export type HostOperation =
  | {
      readonly op: 'map' | 'adopt';
      readonly id: number;
      readonly guest: number;
      readonly domain: number;
      readonly pages: number;
    }
  | { readonly op: 'unmap'; readonly id: number; readonly refreshed: boolean }
  | { readonly op: 'refreshAll' | 'remove'; readonly guest: number; readonly domain: number }
  | { readonly op: 'end' };

/** The suite of a host with these parameters. */
export function hostSuite(policy: HostPolicy, parameters: Parameters): Suite<HostOperation> {
  return {
    operations: (random) => {
      const adopted = Array.from({ length: random.below(4) }, (_, i): HostOperation => {
        const pages = 1 + random.below(8);
        return { op: 'adopt', id: -1 - i, guest: random.below(2), domain: random.below(2), pages };
      });
      const steps = 30 + random.below(400);
      const made = Array.from({ length: steps }, (_, i) => operation(random, i + 1));
      return [...adopted, ...made, { op: 'end' }];
    },
    run: (operations) =>
      runTwice(operations, () => new HostRun(policy, parameters).run(operations)),
    text: operationText,
  };
}

function operation(random: Random, id: number): HostOperation {
  const guest = random.below(2);
  const domain = random.below(2);
  const what = random.below(200);
  if (what === 0) return { op: 'remove', guest, domain };
  if (what < 6) return { op: 'refreshAll', guest, domain };
  if (what < 90) return { op: 'unmap', id: 1 + random.below(id), refreshed: random.below(2) === 0 };
  return { op: 'map', id, guest, domain, pages: random.pick([1, 1, 2, 4, 16, 100]) };
}
