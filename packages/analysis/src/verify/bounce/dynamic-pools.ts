// The rules of CONFIG_SWIOTLB_DYNAMIC (kernel/dma/swiotlb.c, 6.12) against the recorded maps, pools and growth work.
//
// A map that finds nothing in any area of any pool has a pool added in the background, unless that is under way, and asks for a
// pool of exactly its size for itself. What is asked for, size by size, is the model's (PoolMemory); whether memory
// was there is taken from the recording. All pools are searched for one area before the next area, the newest
// pool first. A pool that was just being added may be in the list or not.

import { MIN_SLOTS, NO_PAGES, PoolMemory, SLOT_BYTES } from '@dmalab/replay';
import {
  type AreaStep,
  FAILED,
  type GrowthRun,
  type MapCall,
  type PoolRequest,
  type RecordedPool,
  UNKNOWN,
} from './bounce-calls.ts';
import type { DynamicPoolsResult, Explained } from './bounce-result.ts';
import type { RecordedBounces } from './recorded-bounces.ts';
import { slotsOf } from './slot-request.ts';

/** Highest address of pools that are added in the background. */
const POOL_LIMIT = 0xffff_ffff;
const MAX_LIMIT = 2 ** 64;
const SET_SLOTS = 128;

/** Checks pools, growth work and search orders. `explained`: whether the result of a search is explained. */
export function dynamicPools(
  recorded: RecordedBounces,
  explained: (step: AreaStep) => boolean,
): DynamicPoolsResult {
  const { calls, runs, pools } = recorded;
  const due = dueRuns(runs, calls);
  const asked = runs.filter((run) => run.request?.returned === true);
  const fits = (run: GrowthRun): boolean => due.has(run) && isModelled(growthOf(run, pools[0]!));
  const wanted = calls.filter(({ transient, result }) => transient?.returned && result !== UNKNOWN);
  return {
    runs: tally(asked, fits),
    added: tally(
      asked.filter(({ added }) => added),
      fits,
    ),
    growthFailed: tally(
      asked.filter(({ added }) => !added),
      fits,
    ),
    transient: tally(wanted.filter(isServed), (call) => ownPoolFits(call, explained)),
    transientFailed: tally(
      wanted.filter(({ transient }) => transient!.made === null),
      (call) => isModelled(ownPoolOf(call)) && call.result === FAILED,
    ),
    transientUseless: tally(
      wanted.filter((call) => call.transient!.made !== null && !isServed(call)),
      (call) => ownPoolFits(call, explained) && call.result === FAILED,
    ),
    walks: tally(
      calls.filter(({ searchesSeen, result }) => searchesSeen && result !== UNKNOWN),
      (call) => isWalk(call, pools),
    ),
  };
}

/** Whether a map found nothing in any pool but one of its own. */
function missedAll(call: MapCall): boolean {
  const listed = call.steps.filter(({ pool }) => !pool.transient);
  return call.searchesSeen && listed.every(({ slot }) => slot === FAILED);
}

function tally<T>(all: readonly T[], holds: (one: T) => boolean): Explained {
  return { recorded: all.length, explained: all.filter(holds).length };
}

function isServed(call: MapCall): boolean {
  return call.transient!.made !== null && call.result !== FAILED;
}

// A run is due if a map missed since the run before it began: until then the work was pending already. The work is
// taken off its queue shortly before its first line.
function dueRuns(runs: readonly GrowthRun[], calls: readonly MapCall[]): Set<GrowthRun> {
  const due = new Set<GrowthRun>();
  const misses = calls.filter(missedAll);
  let since = Number.NEGATIVE_INFINITY;
  for (const run of runs) {
    const cause = misses.some((call) => call.begin < run.begin && call.end > since);
    if (cause) due.add(run);
    since = run.begin;
  }
  return due;
}

/** What is asked for, and what the model asks for. */
interface Asked {
  readonly request: PoolRequest;
  readonly slots: number;
  readonly least: number;
  readonly areas: number;
  readonly limit: number;
}

function growthOf(run: GrowthRun, { model }: RecordedPool): Asked {
  const { slots, areas } = model;
  return { request: run.request!, slots, least: MIN_SLOTS, areas, limit: POOL_LIMIT };
}

function ownPoolOf(call: MapCall): Asked {
  const slots = slotsOf(call.request.size);
  return { request: call.transient!, slots, least: slots, areas: 1, limit: MAX_LIMIT };
}

/** The model asks for the same sizes and makes the same of what it gets. */
function isModelled({ request, slots, least, areas, limit }: Asked): boolean {
  const { attempts, made } = request;
  let next = 0;
  let asWanted = request.slots === slots && request.areas === areas && request.minSlots === least;
  const memory: PoolMemory = new PoolMemory(
    {
      alloc: () => {
        const attempt = attempts[next++];
        if (attempt?.bytes !== memory.slots * SLOT_BYTES) asWanted = false;
        return attempt?.served === true && made !== null ? made.start : NO_PAGES;
      },
      free: () => undefined,
    },
    null,
  );
  const start = memory.alloc(slots, least, areas, limit, request.growth);
  if (!asWanted || next !== attempts.length) return false;
  if (made === null) return start === NO_PAGES;
  return start === made.start && memory.slots === made.slots && memory.areas === made.areas;
}

function ownPoolFits(call: MapCall, explained: (step: AreaStep) => boolean): boolean {
  const step = call.steps.at(-1);
  if (step === undefined || !step.pool.transient) return false;
  return missedAll(call) && isModelled(ownPoolOf(call)) && explained(step);
}

/** The recorded searches are those of the model, up to the first that found slots. */
function isWalk(call: MapCall, pools: readonly RecordedPool[]): boolean {
  if (slotsOf(call.request.size) > SET_SLOTS) return call.steps.length === 0;
  return [call.cpu, call.endCpu].some((cpu) => isWalkOn(cpu, call, pools));
}

function isWalkOn(cpu: number, call: MapCall, pools: readonly RecordedPool[]): boolean {
  const steps = call.steps.filter(({ pool }) => !pool.transient);
  const listed = pools.filter(({ transient }) => !transient).toReversed();
  if (steps.length === 0) return false;
  const { areas } = listed.at(-1)!.model;
  let next = 0;
  for (let i = 0; i < areas; i++) {
    for (const pool of listed) {
      const step = steps[next];
      const at = step ?? steps.at(-1)!;
      if (pool.begin >= at.end || i >= pool.model.areas) continue;
      const hit = step?.pool === pool && step.area === (cpu + i) % pool.model.areas;
      if (hit) {
        next++;
        if (step.slot !== FAILED) return next === steps.length;
      } else if (pool.end <= at.begin) return false;
    }
  }
  return next === steps.length && missedAll(call);
}
