// Takes the outcomes of a replay batch by batch and gives its result. Memory does not grow with them.

import type { Machine, OutcomeBatch } from '@dmalab/replay';
import type { CaptureFacts, ReadReport } from '@dmalab/trace';
import type { DomainFigures } from '../figures/groups.ts';
import type { Distributions, RunResult } from '../run-result.ts';
import type { LogHistogram } from '../structures/log-histogram.ts';
import { SLICE_PER_OCTAVE } from '../structures/slice-counts.ts';
import type { InputHashes, Summary, TraceFacts } from '../summary.ts';
import { AllocationStats } from './allocations.ts';
import { BounceAreas } from './bounce-areas.ts';
import { BounceStats } from './bounces.ts';
import { Breakdown } from './breakdown.ts';
import { CacheCourse } from './cache-course.ts';
import { CachedStats } from './cached-ranges.ts';
import { distributionFigures } from './distribution.ts';
import { distributionSlices } from './distribution-slices.ts';
import { FailureStats } from './failures.ts';
import { FlushStats } from './flushes.ts';
import { Fragmentation } from './fragmentation.ts';
import { FreeRuns } from './free-runs.ts';
import { Level } from './gauges.ts';
import { findHeadroom } from './headroom.ts';
import { HostStats, hasHost } from './hosts.ts';
import { LatencyStats } from './latencies.ts';
import { MachineLevels } from './machine-levels.ts';
import { measuredBins, measuredLatencies } from './measured.ts';
import { OccupancyStats } from './occupancy.ts';
import { ReachLevels } from './reach-levels.ts';
import { RequestStats } from './requests.ts';
import { type DomainSpace, domainSpaces } from './space.ts';
import { SpaceMaps } from './space-maps.ts';
import { cachedAgeSeries, freeSpaceSeries } from './state-course.ts';
import { StateStats } from './states.ts';
import { TypeSwitchStats } from './type-switches.ts';
import { findWarnings } from './warnings.ts';

/** What a replay ran on, and the version of the tool. */
export interface RunContext {
  readonly report: ReadReport;
  readonly facts: CaptureFacts;
  readonly machine: Machine;
  readonly version: string;
  /** What the capture is called in reports; the base name of its file where it is left out. */
  readonly name?: string;
  /** Hashes of what a batch read; null where they are left out. */
  readonly inputs?: InputHashes;
}

/** The result of a whole replay. */
export function summarise(context: RunContext, outcomes: Iterable<OutcomeBatch>): RunResult {
  const stats = new OutcomeStats(context);
  for (const batch of outcomes) stats.accumulate(batch);
  return stats.result();
}

/** See the head of the file. */
export class OutcomeStats {
  readonly #context: RunContext;
  readonly #spaces: readonly DomainSpace[];
  readonly #requests: RequestStats;
  readonly #failures = new FailureStats();
  readonly #allocations: AllocationStats;
  readonly #flushes: FlushStats;
  readonly #occupancy: OccupancyStats;
  readonly #bounces = new BounceStats();
  readonly #hosts = new HostStats();
  readonly #typeSwitches = new TypeSwitchStats();
  readonly #levels: MachineLevels;
  readonly #latencies: LatencyStats;
  readonly #reach: ReachLevels;
  readonly #caches = new CacheCourse();
  readonly #areas = new BounceAreas();
  readonly #maps: SpaceMaps;
  readonly #breakdown = new Breakdown();
  readonly #fragmentation: Fragmentation;
  readonly #cached: CachedStats;
  readonly #freeRuns = new FreeRuns();
  readonly #states: StateStats;

  constructor(context: RunContext) {
    const { machine, facts } = context;
    this.#context = context;
    this.#spaces = domainSpaces(machine, facts);
    this.#requests = new RequestStats(machine.devices.length, this.#spaces.length);
    this.#allocations = new AllocationStats(this.#spaces);
    this.#flushes = new FlushStats(this.#spaces);
    this.#occupancy = new OccupancyStats(this.#spaces);
    this.#levels = new MachineLevels(hasBounce(machine), hasHost(machine));
    this.#latencies = new LatencyStats(machine.loop, machine.cpus);
    this.#reach = new ReachLevels(this.#spaces);
    this.#maps = new SpaceMaps(this.#spaces);
    this.#fragmentation = new Fragmentation(this.#spaces);
    this.#cached = new CachedStats(this.#spaces);
    this.#states = new StateStats([this.#fragmentation, this.#cached, this.#freeRuns]);
  }

  /** Takes one batch; it may be refilled afterwards. */
  accumulate(batch: OutcomeBatch): void {
    this.#requests.accumulate(batch);
    this.#failures.accumulate(batch);
    this.#allocations.accumulate(batch);
    this.#flushes.accumulate(batch);
    this.#occupancy.accumulate(batch);
    this.#bounces.accumulate(batch);
    this.#hosts.accumulate(batch);
    this.#typeSwitches.accumulate(batch);
    this.#levels.accumulate(batch);
    this.#latencies.accumulate(batch);
    this.#reach.accumulate(batch);
    this.#caches.accumulate(batch);
    this.#areas.accumulate(batch);
    this.#maps.accumulate(batch);
    this.#breakdown.accumulate(batch);
    this.#states.accumulate(batch);
  }

  /** The result; nothing may be accumulated afterwards. */
  result(): RunResult {
    const { report, machine } = this.#context;
    const end = Math.max(report.duration / (machine.load?.rate ?? 1), this.#requests.lastTime);
    this.#occupancy.finish(end);
    this.#levels.finish(end);
    this.#reach.finish(end);
    this.#caches.finish(end);
    this.#areas.finish(end);
    const spaceMap = this.#maps.busiest(end);
    const { course } = this.#states;
    const busiest = spaceMap?.domain ?? 0;
    return {
      summary: this.#summary(end),
      series: {
        ...this.#occupancy.series(),
        ...this.#levels.series(),
        staleBytes: this.#reach.series(),
        cacheClasses: this.#caches.series(),
        bounceAreas: this.#areas.series(),
        spaceMap,
        freeSpace: freeSpaceSeries(course, busiest, this.#spaces[busiest]?.granule ?? 4096),
        cachedAges: cachedAgeSeries(course),
      },
      distributions: this.#distributions(end),
    };
  }

  #summary(end: number): Summary {
    const { report, facts, machine, version, name, inputs } = this.#context;
    const requests = this.#requests.figures(recordedRequests(report));
    const failures = this.#failures.figures();
    const usedDomains = this.#spaces.flatMap((_, d) => (this.#occupancy.used(d) ? [d] : []));
    const tokens = usedDomains.map((domain) => this.#token(domain));
    const lowerBound = report.requests.openStart > 0;
    const occupancy = this.#occupancy.figures(
      end,
      lowerBound,
      this.#cached.low32(),
      this.#reach.peakReachableBytes,
    );
    const host = hasHost(machine) ? this.#hosts.figures(machine, this.#levels, end) : null;
    const work = this.#latencies.work();
    const typeSwitches = this.#typeSwitches.figures();
    const deviceName = (device: number): string => facts.devices[device]?.name ?? '';
    return {
      schema: 'dmalab.summary/1',
      tool: { name: 'dmalab', version },
      trace: traceFacts(report, facts, name),
      inputs: inputs ?? null,
      machine,
      warnings: findWarnings({
        report,
        machine,
        requests,
        failures,
        domains: tokens,
        typeSwitches,
      }),
      time: { end, outcomes: this.#requests.rows },
      requests,
      failures,
      occupancy,
      addresses: this.#allocations.addresses(deviceName),
      rcache: this.#allocations.rcache(this.#cached.figures()),
      tree: this.#allocations.tree(this.#fragmentation.peakNodes, this.#fragmentation.endNodes),
      flushes: this.#flushes.figures(end, this.#requests.mappedGigabytes),
      typeSwitches,
      exposure: this.#flushes.exposure(end, this.#reach),
      lifetime: distributionFigures(this.#requests.lifetime.whole, 'ns'),
      headroom: findHeadroom(
        this.#occupancy,
        this.#spaces,
        (domain) => this.#token(domain),
        occupancy.peakReachablePages,
        host,
      ),
      bounce: hasBounce(machine)
        ? this.#bounces.figures(this.#levels, machine.encrypted, this.#freeRuns.figures())
        : null,
      host,
      modelledCost: this.#requests.cost(work.copyByte * machine.cost.copyByte),
      modelledLatency: this.#latencies.figures(),
      modelledWork: work,
      measuredLatency: measuredLatencies(report),
      domains: usedDomains.map((domain) => this.#domain(domain, end)),
      devices: this.#requests.devices(deviceName, this.#breakdown),
      cpus: this.#breakdown.cpus(),
      tasks: this.#breakdown.tasks(),
      taskCount: this.#breakdown.taskCount,
      sizes: this.#breakdown.sizes(),
    };
  }

  #domain(index: number, end: number): DomainFigures {
    const { facts, machine } = this.#context;
    const { granule, limitPages, limitLow32Pages } = this.#spaces[index]!;
    const occupancy = this.#occupancy;
    const own = index - machine.domains.length;
    const freeSpace = this.#fragmentation.figures(index);
    const members = own >= 0 ? [own] : (facts.domains[index]?.devices ?? []);
    return {
      index,
      token: this.#token(index),
      devices: members.map((device) => facts.devices[device]?.name ?? ''),
      granule,
      type: machine.domains[own >= 0 ? 0 : index]?.type ?? 'DMA-FQ',
      limitPages,
      limitLow32Pages,
      mapped: this.#requests.domainMapped[index]!,
      failed: this.#requests.domainFailed[index]!,
      flushes: this.#flushes.ofDomain(index),
      ...occupancy.domain(index, end),
      peakAt: occupancy.peakAt(index),
      peakLiveMappings: occupancy.peak(index, Level.mappings),
      peakQueuedEntries: occupancy.peak(index, Level.entries),
      peakQueuedPages: occupancy.peak(index, Level.queued),
      peakLow32Pages: occupancy.peak(index, Level.low32),
      exposure: this.#flushes.domainExposure(index, this.#reach),
      freeSpace,
      freeSpaceUnknown: freeSpace === null ? this.#whyUnknown(index) : null,
    };
  }

  #whyUnknown(index: number): string {
    const { domainMapped, domainFailed } = this.#requests;
    if (domainMapped[index]! + domainFailed[index]! === 0) return 'nothing was mapped in it';
    return `the allocator "${this.#context.machine.allocator.name}" does not tell its free ranges`;
  }

  #token(domain: number): string {
    const { facts, machine } = this.#context;
    const own = domain - machine.domains.length;
    return own >= 0 ? `own:${own}` : (facts.domains[domain]?.token ?? '');
  }

  #distributions(end: number): Distributions {
    const kept = (histogram: LogHistogram): Distributions['lifetime'] =>
      histogram.bins(SLICE_PER_OCTAVE).map(({ lo, hi, count }) => [lo, hi, count]);
    const [full, timeout, host, teardown, bound] = this.#flushes.batchByCause.map(({ whole }) =>
      kept(whole),
    );
    return {
      schema: 'dmalab.distributions/1',
      lifetime: kept(this.#requests.lifetime.whole),
      staleWindow: kept(this.#flushes.stale.whole),
      reuseDelay: kept(this.#flushes.reuse),
      treeSteps: kept(this.#allocations.steps),
      modelledMapCost: kept(this.#requests.perMap),
      modelledMapLatency: kept(this.#latencies.map.whole),
      modelledUnmapLatency: kept(this.#latencies.unmap.whole),
      flushInterval: kept(this.#flushes.interval.whole),
      measured: measuredBins(this.#context.report, SLICE_PER_OCTAVE),
      flushBatch: {
        full: full!,
        timeout: timeout!,
        host: host!,
        teardown: teardown!,
        bound: bound!,
      },
      slices: distributionSlices(this.#requests, this.#latencies, this.#flushes, end),
    };
  }
}

/** Whether a machine has bounce memory. */
export function hasBounce({ bounce }: Machine): boolean {
  return bounce.name !== 'none';
}

function recordedRequests({ requests }: ReadReport): Summary['requests']['recorded'] {
  const { map, unmap, alloc, free, sync, failed, openStart, openEnd } = requests;
  return { map, unmap, alloc, free, sync, failed, openStart, openEnd };
}

function traceFacts(report: ReadReport, facts: CaptureFacts, name?: string): TraceFacts {
  const { sha256, format, compression, events, lost, lostUnknown, unparsed } = report;
  const source = report.source.slice(report.source.lastIndexOf('/') + 1);
  return {
    name: name ?? source,
    source,
    sha256,
    format,
    compression,
    kernel: facts.kernel?.value ?? null,
    events,
    eventsTotal: Object.values(events).reduce((a, b) => a + b, 0),
    lost,
    lostUnknown,
    unparsed,
    duration: report.duration,
    resolution: report.resolution,
  };
}
