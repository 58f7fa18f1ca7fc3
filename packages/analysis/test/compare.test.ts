import {
  type ComparedTrace,
  compareMarkdown,
  compareRuns,
  compareText,
  type LabelledResult,
  walkRuns,
} from '@dmalab/analysis';
import {
  BUILT_IN,
  type Machine,
  type MachineOverrides,
  machineFromFacts,
  OutcomeKind,
  replay,
} from '@dmalab/replay';
import { type Capture, readCapture } from '@dmalab/trace';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootstrapMean } from '../src/compare/bootstrap.ts';

let capture: Capture;
beforeAll(async () => {
  capture = await readCapture('traces/nvme-lazy-randread/trace.txt.zst');
});
afterAll(() => capture.close());

const PERCPU: MachineOverrides = { flush: { name: 'percpu', parameters: {} } };
const SMALL: MachineOverrides = { flush: { name: 'percpu', parameters: { size: 16 } } };
const LIMITED: MachineOverrides = {
  ...PERCPU,
  host: { name: 'vfio', parameters: { entries: 200, outOfResource: 'fail' } },
};

describe('divergence', () => {
  test.each([
    ['a smaller queue', SMALL],
    ['a host limit', LIMITED],
  ])(
    'the first request that ends differently is that of two replays on their own: %s',
    (_, other) => {
      const [divergence] = walked(PERCPU, other).divergences!;
      const [a, b] = [answers(PERCPU), answers(other)];
      const differing = [...a.keys()].filter((id) => a.get(id) !== b.get(id));
      expect(divergence?.first).toMatchObject({
        line: Math.min(...differing.map((id) => lineOf(id))),
      });
      expect(divergence!.byAddress + divergence!.byOutcome - skippedUnmaps(other)).toBe(
        differing.length,
      );
    },
  );

  test('the states of both are those of the replays', () => {
    const [divergence] = walked(PERCPU, LIMITED).divergences!;
    const { what, base, other } = divergence!.first!;
    expect(what).toBe('outcome');
    expect(base).toMatchObject({ outcome: 'mapped', stage: null });
    expect(other).toMatchObject({ outcome: 'failed', cause: 'hostEntries', address: null });
    expect(base.liveMappings).toBe(other.liveMappings + 1);
  });

  test('walking side by side gives the results of separate replays', () => {
    const { results, divergences, requests } = walked(PERCPU, PERCPU);
    expect(results[0]?.result).toEqual(results[1]?.result);
    expect(divergences).toMatchObject([{ first: null, differing: 0 }]);
    expect(requests).toBe(12_440);
  });

  test('machines under different loads do not have the same requests', () => {
    expect(walked(PERCPU, { ...PERCPU, load: { copies: 2 } }).divergences).toBeNull();
  });
});

describe('several traces', () => {
  test('the bootstrap interval is the same each time, and holds the mean', () => {
    const interval = bootstrapMean([1, 2, 3, 4, 10]);
    expect(interval).toEqual(bootstrapMean([1, 2, 3, 4, 10]));
    expect(interval.mean).toBe(4);
    expect(interval.low).toBeGreaterThan(1);
    expect(interval.high).toBeLessThan(10);
  });

  test.each([
    ['higher', [1, 2, 3, 4, 5, 6]],
    ['lower', [-1, -2, -3, -4, -5, -6]],
    ['noSignificantDifference', [-3, 2, -1, 3, 1, -2]],
    ['equal', [0, 0, 0, 0, 0, 0]],
    ['tooFew', [1, 2]],
    ['differs', [7]],
  ])('%s', (verdict, differences) => {
    const { figures } = compareRuns(shifted(differences));
    const failed = figures.find(({ figure }) => figure === 'failed maps');
    expect(failed?.changes[0]?.verdict).toBe(verdict);
  });

  test('a mail says where there is no significant difference', () => {
    const text = compareText(compareRuns(shifted([-3, 2, -1, 3, 1, -2])));
    expect(text).toMatch(/failed maps .* n\.s\./);
    expect(text).toContain('n.s.: no significant difference');
  });
});

test('results of two recordings under one name are not compared silently', () => {
  const [first, second] = shifted([1]).flatMap(({ results }) => results);
  const compared = (maps: number): string => {
    const { summary } = second!.result;
    const recorded = { ...summary.requests.recorded, map: summary.requests.recorded.map + maps };
    const other: LabelledResult = {
      label: 'b',
      result: {
        ...second!.result,
        summary: {
          ...summary,
          trace: { ...summary.trace, sha256: 'ff' },
          requests: { ...summary.requests, recorded },
        },
      },
    };
    const trace = { name: 'x', results: [first!, other], requests: null, divergences: null };
    return compareText(compareRuns([trace]));
  };
  expect(compared(1)).toContain('warning: x: a is of another recording than b');
  expect(compared(0)).not.toContain('warning');
});

test('a mail has at most 72 columns, and Markdown a table', () => {
  const { results, divergences, requests } = walked(PERCPU, LIMITED);
  const result = compareRuns([{ name: 'nvme', results, divergences, requests }]);
  for (const line of compareText(result).split('\n')) expect(line.length).toBeLessThanOrEqual(72);
  expect(compareText(result)).toMatch(/failed maps +0 +\d/);
  expect(compareMarkdown(result)).toContain('| failed maps | 0 |');
  expect(result.differs).toBe(true);
});

test('a mail cuts nothing off: not intervals, not figures, not names that differ at their ends', () => {
  const text = compareText(compareRuns(shifted([-300_000, 200_000, -1, 3, 1, -2])));
  expect(text).toMatch(/failed maps +-\S+ % +-[\d,]+ \.\. \+[\d,]+ +n\.s\./);
  const { results, divergences, requests } = walked(PERCPU, LIMITED);
  const named = (names: readonly string[]): string => {
    const labelled = results.map(({ result }, i) => ({ label: names[i]!, result }));
    return compareText(
      compareRuns([{ name: 'a|b\u001b[31m', results: labelled, divergences, requests }]),
    );
  };
  const sized = named(['percpu:size=256', 'percpu:size=512']);
  expect(sized).toMatch(/size=256 .*size=512/);
  const long = named(['x'.repeat(300), `${'x'.repeat(299)}y`]);
  expect(long).toMatch(/ A +B +change/);
  for (const line of [...sized.split('\n'), ...long.split('\n')]) {
    expect(line.length).toBeLessThanOrEqual(72);
    expect(line).not.toContain('\u001b');
  }
});

function machine(overrides: MachineOverrides): Machine {
  return machineFromFacts(capture.facts, overrides);
}

function walked(...all: readonly MachineOverrides[]): ReturnType<typeof walkRuns> {
  const { facts, report } = capture;
  const runs = all.map((overrides, i) => ({
    label: `run ${i}`,
    machine: machine(overrides),
    registry: BUILT_IN,
  }));
  return walkRuns(capture, runs, { facts, report, version: '' });
}

/** By request: where it was mapped, or that it failed. */
function answers(overrides: MachineOverrides): Map<number, string> {
  const found = new Map<number, string>();
  for (const { length, kind, id, pfn } of replay(machine(overrides), capture)) {
    for (let i = 0; i < length; i++) {
      if (kind[i] === OutcomeKind.map) found.set(id[i]!, `${pfn[i]}`);
      if (kind[i] === OutcomeKind.mapFail) found.set(id[i]!, 'failed');
    }
  }
  return found;
}

function lineOf(request: number): number {
  for (const { length, id, line } of capture.requests()) {
    for (let i = 0; i < length; i++) if (id[i] === request) return line[i]!;
  }
  return 0;
}

/** Unmaps of maps that failed: they end differently too. */
function skippedUnmaps(overrides: MachineOverrides): number {
  let skipped = 0;
  for (const { length, kind } of replay(machine(overrides), capture)) {
    for (let i = 0; i < length; i++) if (kind[i] === OutcomeKind.skipped) skipped++;
  }
  return skipped;
}

/** A trace for each difference: the second run has so many more failed maps than the first. */
function shifted(differences: readonly number[]): ComparedTrace[] {
  const { facts, report } = capture;
  const [base] = walkRuns(capture, [{ label: 'a', machine: machine(PERCPU), registry: BUILT_IN }], {
    facts,
    report,
    version: '',
  }).results;
  const failing = (label: string, total: number): LabelledResult => {
    const { summary } = base!.result;
    const failures = { ...summary.failures, total };
    return { label, result: { ...base!.result, summary: { ...summary, failures } } };
  };
  return differences.map((difference, i) => ({
    name: `trace ${i}`,
    results: [failing('a', 10), failing('b', 10 + difference)],
    requests: null,
    divergences: null,
  }));
}
