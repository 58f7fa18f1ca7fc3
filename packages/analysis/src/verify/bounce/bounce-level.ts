// The bounce level of a verification: every recorded slot address against the kernel-exact search, area by area.
//
// The default pool is that of the capture's facts, untouched: a pool that was in use before the trace is not compared. The
// calls of a capture are kept in memory, some 300 bytes each. See docs/models/verification.md.

import {
  type BounceDevice,
  SLOT_BYTES,
  SlotPool,
  SlotSearch,
  SWIOTLB_KERNELS,
  type SwiotlbRules,
  swiotlbRules,
} from '@dmalab/replay';
import type { BounceFacts, CaptureFacts, EventBatch } from '@dmalab/trace';
import { AreaModel, type AreaPort } from './area-model.ts';
import { AreaOrder, type BounceBudget, type Divergence } from './area-order.ts';
import { type AreaStep, FAILED, type MapCall, type Release, UNKNOWN } from './bounce-calls.ts';
import type { BounceDifference, BounceResult, Explained } from './bounce-result.ts';
import { bounceUsage } from './bounce-usage.ts';
import { dynamicPools } from './dynamic-pools.ts';
import { RecordedBounces } from './recorded-bounces.ts';
import { slotRequest } from './slot-request.ts';
import { deriveSteps } from './visited-areas.ts';

/** Effort of all searches of a capture, and of one dead end. */
const CHOICES = 400_000;
const PATIENCE = 20_000;
const SEG_BOUNDARY = 0xffff_ffff;

/** What the bounce level is told of the capture. */
export interface BounceCapture {
  readonly file: string;
  readonly facts: CaptureFacts;
  /** Preset of the models. */
  readonly kernel: string;
}

/** Collects the bounces of a capture, then judges them. */
export class BounceCheck {
  readonly #capture: BounceCapture;
  readonly #facts: BounceFacts | null;
  readonly #recorded: RecordedBounces | null;

  constructor(capture: BounceCapture) {
    this.#capture = capture;
    const { bounce } = capture.facts;
    this.#facts = bounce;
    const start = bounce?.start ?? null;
    this.#recorded =
      bounce === null || start === null
        ? null
        : new RecordedBounces(new SlotPool(start.value, bounce.slots.value, bounce.areas.value));
  }

  /** Takes in the events of a batch. */
  add(batch: EventBatch): void {
    this.#recorded?.add(batch);
  }

  /** Judges the calls. `devices` are the reader's names; `loss` says why a capture cannot be compared, else null. */
  finish(devices: readonly string[], loss: string | null): BounceResult {
    const facts = this.#facts;
    if (facts === null) return notCompared('the capture shows no bounce buffers', null);
    const recorded = this.#recorded;
    if (recorded === null) return notCompared(NO_START, null);
    const { model } = recorded.pools[0]!;
    const pool = { start: model.start, slots: model.slots, areas: model.areas };
    const why = loss ?? whyNot(recorded, facts);
    if (why !== null) return notCompared(why, pool);
    return new BounceRun(this.#capture, facts, recorded, devices).result(pool);
  }
}

const NO_START =
  'the start of the default pool is not known (meta.json: dmesg "software IO TLB: mapped")';
const NO_SEARCHES =
  'the pools are dynamic and the capture has no probe on swiotlb_search_pool_area';
const NO_PROBES = 'the capture has no probes on swiotlb_tbl_map_single and its return';

function whyNot(recorded: RecordedBounces, { before, dynamic }: BounceFacts): string | null {
  const { calls, strangerLine, orphans } = recorded;
  if (!calls.some(({ result }) => result !== UNKNOWN)) return NO_PROBES;
  if (dynamic.value && !calls.some(({ searchesSeen }) => searchesSeen)) return NO_SEARCHES;
  if (before !== null && before.used > 0)
    return `${before.used} slots were in use before the trace`;
  if (before !== null && (before.hiwater ?? 0) > 0) {
    return `the pool was used before the trace (io_tlb_used_hiwater ${before.hiwater})`;
  }
  if (before === null && orphans > 0)
    return `${orphans} slots were given back that no recorded map took`;
  if (strangerLine !== null) return `line ${strangerLine} searches a pool from before the trace`;
  return null;
}

function notCompared(why: string, pool: BounceResult['pool']): BounceResult {
  return {
    compared: 0,
    matched: 0,
    failures: NOTHING,
    misses: NOTHING,
    strays: 0,
    reordered: 0,
    tries: 0,
    first: null,
    pool,
    usage: null,
    dynamic: null,
    why,
  };
}

const NOTHING: Explained = { recorded: 0, explained: 0 };

/** The calls on one area of one pool. */
interface AreaCalls {
  readonly pool: SlotPool;
  readonly area: number;
  readonly steps: AreaStep[];
  readonly releases: Release[];
}

class BounceRun {
  readonly #capture: BounceCapture;
  readonly #facts: BounceFacts;
  readonly #recorded: RecordedBounces;
  readonly #names: readonly string[];
  readonly #devices: readonly BounceDevice[];
  readonly #rules: SwiotlbRules;
  readonly #search: SlotSearch;
  readonly #budget: BounceBudget = { choices: CHOICES, patience: PATIENCE };
  readonly #failed = new Set<AreaStep>();
  readonly #differences: BounceDifference[] = [];
  #reordered = 0;
  #tries = 0;

  constructor(
    capture: BounceCapture,
    facts: BounceFacts,
    recorded: RecordedBounces,
    names: readonly string[],
  ) {
    this.#capture = capture;
    this.#facts = facts;
    this.#recorded = recorded;
    this.#names = names;
    this.#rules = swiotlbRules(searchKernel(capture.kernel));
    this.#search = new SlotSearch(this.#rules.rule);
    this.#devices = names.map((name, index) => this.#deviceOf(name, index));
  }

  result(pool: BounceResult['pool']): BounceResult {
    const { calls } = this.#recorded;
    for (const call of calls) this.#prepare(call);
    for (const area of this.#areas()) this.#judge(area);
    const explained = (step: AreaStep): boolean => !this.#failed.has(step);
    const steps = calls.flatMap((call) => call.steps);
    const hits = calls.filter(({ result }) => result >= 0);
    const usage = bounceUsage(this.#recorded, this.#facts);
    const dynamic = this.#facts.dynamic.value ? dynamicPools(this.#recorded, explained) : null;
    this.#differences.sort((a, b) => a.entryLine - b.entryLine);
    return {
      compared: hits.length,
      matched: hits.filter((call) => isMatched(call)).length,
      failures: tally(
        calls.filter(({ result }) => result === FAILED),
        (call) => call.steps.every(explained) && isFailure(call, this.#facts),
      ),
      misses: tally(
        steps.filter(({ slot }) => slot === FAILED),
        explained,
      ),
      strays: this.#recorded.orphans,
      reordered: this.#reordered,
      tries: this.#tries,
      first: this.#differences[0] ?? null,
      pool,
      usage,
      dynamic,
      why: null,
    };
  }

  #deviceOf(name: string, index: number): BounceDevice {
    const known = this.#capture.facts.devices.find((device) => device.name === name);
    return {
      index,
      minAlignMask: known?.minAlignMask.value ?? 0,
      segBoundary: SEG_BOUNDARY,
      dmaMask: 2 ** (known?.maskBits?.value ?? 64),
      busDmaLimit: 0,
    };
  }

  #prepare(call: MapCall): void {
    const { orig, bytes, alignMask, device } = call;
    const { minAlignMask } = this.#devices[device]!;
    call.request = slotRequest(this.#rules, orig, bytes, alignMask, minAlignMask);
    if (!call.searchesSeen && !this.#facts.dynamic.value) {
      deriveSteps(call, this.#recorded.pools[0]!);
    }
    const hit = call.steps.at(-1);
    if (hit === undefined || call.result < 0) return;
    const { offset, pad } = call.request;
    hit.expected = (call.result - offset - hit.pool.model.start) / SLOT_BYTES - pad;
  }

  #areas(): AreaCalls[] {
    const areas = new Map<SlotPool, AreaCalls[]>();
    const callsOf = ({ pool: { model }, area }: AreaStep): AreaCalls => {
      let own = areas.get(model);
      if (own === undefined) {
        own = [];
        areas.set(model, own);
      }
      own[area] ??= { pool: model, area, steps: [], releases: [] };
      return own[area];
    };
    for (const call of this.#recorded.calls) {
      // A map that the capture cuts off may have taken slots or not: it is left out.
      if (call.result === UNKNOWN) continue;
      for (const step of call.steps) callsOf(step).steps.push(step);
    }
    for (const release of this.#recorded.releases) {
      const step = release.call?.steps.at(-1);
      if (step !== undefined) callsOf(step).releases.push(release);
    }
    return [...areas.values()].flat();
  }

  #judge({ pool, area, steps, releases }: AreaCalls): void {
    if (area >= pool.areas) {
      for (const step of steps) this.#failed.add(step);
      return;
    }
    const port: AreaPort = { search: this.#search, device: (index) => this.#devices[index]! };
    const model = new AreaModel(pool, area, port);
    const order = new AreaOrder(model, steps, releases, this.#budget);
    order.run();
    this.#reordered += order.reordered;
    this.#tries += order.tries;
    for (const divergence of order.divergences) {
      this.#failed.add(divergence.step);
      this.#differences.push(this.#difference(divergence));
    }
  }

  #difference({ step, modelSlot, used, index, proved }: Divergence): BounceDifference {
    const { call, pool, area } = step;
    const { offset, pad } = call.request;
    const modelAddress = pool.model.start + (modelSlot + pad) * SLOT_BYTES + offset;
    return {
      file: this.#capture.file,
      line: call.resultLine,
      entryLine: call.line,
      time: call.time,
      cpu: call.cpu,
      device: this.#names[call.device] ?? '',
      bytes: call.bytes,
      original: call.orig,
      recorded: step.slot === FAILED ? null : call.result,
      model: modelSlot < 0 ? null : modelAddress,
      poolStart: pool.model.start,
      area,
      used,
      index,
      proved,
    };
  }
}

/** The recorded address is the model's, and so is the slot where the search shows it. */
function isMatched(call: MapCall): boolean {
  const step = call.steps.at(-1);
  if (step === undefined || step.taken < 0) return false;
  return step.taken === step.expected && (step.slot === UNKNOWN || step.slot === step.taken);
}

/** A map that failed had reason to: it missed everywhere, and no pool of its own could be had or serve it. */
function isFailure(call: MapCall, facts: BounceFacts): boolean {
  if (!call.steps.every(({ slot }) => slot === FAILED)) return false;
  return call.steps.length > 0 || facts.dynamic.value;
}

/** The preset of the search: the nearest older one. */
function searchKernel(preset: string): string {
  return preset === '6.6' || preset === '6.12' ? preset : SWIOTLB_KERNELS[0];
}

function tally<T>(all: readonly T[], holds: (one: T) => boolean): Explained {
  return { recorded: all.length, explained: all.filter(holds).length };
}
