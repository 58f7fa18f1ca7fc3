// Every capture in traces/ is read and replayed, and compared with expected/ beside it.
//
// A changed file in expected/ is made by `npx vitest run test/traces.test.ts -u` and explained in its commit.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Summary, summarise } from '@dmalab/analysis';
import { machineFromFacts, replay } from '@dmalab/replay';
import { type Capture, readCapture } from '@dmalab/trace';
import { expect, test } from 'vitest';

const TRACES = fileURLToPath(new URL('../traces', import.meta.url));
const QUEUES = [null, 'strict', 'percpu', 'single'] as const;

const files = readdirSync(TRACES, { recursive: true, encoding: 'utf8' }).filter((path) =>
  /[/\\](?:trace|perf)[^/\\]*\.txt(\.zst)?$/.test(path),
);

test.each(files)('%s is read and replayed as expected', async (path) => {
  const capture = await readCapture(join(TRACES, path));
  try {
    const expected = {
      read: readFigures(capture),
      replays: QUEUES.map((name) => replayFigures(capture, name)),
    };
    const [folder = '', file = ''] = path.split(/[/\\]/);
    const name = file.replace(/\.txt(\.zst)?$/, '.json');
    await expect(`${JSON.stringify(expected, null, 1)}\n`).toMatchFileSnapshot(
      join(TRACES, folder, 'expected', name),
    );
  } finally {
    capture.close();
  }
});

function readFigures({ report, facts }: Capture): object {
  const { events, lost, lostUnknown, unparsed, requests, pairing, duration, diagnostics } = report;
  return {
    events,
    lost,
    lostUnknown,
    unparsed,
    requests,
    pairing,
    durationNs: duration,
    diagnostics: diagnostics.map(({ code, count }) => `${code} ${count}`),
    devices: facts.devices
      .slice(1)
      .map(({ name, translated }) => `${name}${translated.value ? '' : ' direct'}`),
    domains: facts.domains
      .slice(1)
      .map(
        ({ token, type, reserved }) => `${token} ${type.value} ${reserved.value.length} reserved`,
      ),
  };
}

function replayFigures(capture: Capture, name: (typeof QUEUES)[number]): object {
  const { report, facts } = capture;
  const machine = machineFromFacts(facts, {
    flush: name === null ? null : { name, parameters: {} },
  });
  const { summary } = summarise({ report, facts, machine, version: '0' }, replay(machine, capture));
  return { flush: name ?? 'as recorded', ...keyFigures(summary) };
}

function keyFigures(summary: Summary): object {
  const { requests, occupancy, rcache, tree, flushes, exposure, bounce } = summary;
  return {
    mapped: requests.mapped,
    failed: requests.failed,
    direct: requests.direct,
    skipped: requests.skipped,
    peakLiveMappings: occupancy.peakLiveMappings,
    peakTakenBytes: occupancy.peak.live + occupancy.peak.queued + occupancy.peak.cached,
    rcacheHits: rcache.hits,
    treeSteps: tree.steps.mean,
    flushes: flushes.causes,
    rangeInvalidations: flushes.rangeInvalidations,
    staleP99: exposure.staleWindow.p99,
    byteSeconds: exposure.byteSeconds,
    ...(bounce === null ? {} : { bounce: bounceFigures(bounce) }),
    warnings: summary.warnings.map(({ code }) => code),
  };
}

function bounceFigures(bounce: NonNullable<Summary['bounce']>): object {
  const { buffers, failed, hiwaterSlots, totalSlots, copiedInBytes, copiedOutBytes } = bounce;
  const { poolsAdded, transients } = bounce;
  return {
    buffers,
    failed,
    hiwaterSlots,
    totalSlots,
    copiedInBytes,
    copiedOutBytes,
    poolsAdded,
    transients,
  };
}
