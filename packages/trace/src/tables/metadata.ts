// What dmalab writes beside a table, so that converting back loses nothing.

import type { Capture, CaptureFacts, Fact, ReadReport } from '../capture.ts';
import { type CallsText, callsText, readCalls } from '../durations/calls-text.ts';
import type { FactOptions } from '../facts.ts';
import { withoutFolder } from '../places.ts';
import { TraceError } from '../trace-error.ts';

const REQUESTS = 'dmalab.requests/1';

/** Metadata of a table of requests. */
export interface RequestMetadata {
  readonly schema: string;
  /** Rows at the beginning that were mapped before the trace. */
  readonly preloaded: number;
  readonly facts: CaptureFacts;
  readonly report: ReadReport;
  readonly tasks: readonly string[];
}

type WrittenReport = Omit<ReadReport, 'calls' | 'table'> & { readonly calls: readonly CallsText[] };

/** Metadata of a table of requests, as JSON. */
export function requestMetadata(capture: Capture, preloaded: number): string {
  const { facts, tasks } = capture;
  const { table: _, calls, ...read } = withoutFolder(capture.report);
  const report: WrittenReport = { ...read, calls: callsText(calls) };
  const metadata = { schema: REQUESTS, preloaded, facts, report, tasks };
  return JSON.stringify(metadata);
}

/** Metadata of a table of events, as JSON. */
export function eventMetadata(source: string, format: string): string {
  return JSON.stringify({ schema: 'dmalab.events/1', source, format });
}

/** The metadata of a table of requests; null where the table holds something else. */
export function readRequestMetadata(json: string | null, source: string): RequestMetadata | null {
  if (json === null) return null;
  let value: Partial<RequestMetadata> | null;
  try {
    value = JSON.parse(json) as Partial<RequestMetadata> | null;
  } catch {
    throw new TraceError(source, null, 'BAD_META: expected metadata in JSON, found something else');
  }
  if (value?.schema !== REQUESTS) return null;
  const { facts, report, tasks, preloaded } = value;
  const calls = readCalls(report?.calls);
  const isWhole =
    calls !== null &&
    Array.isArray(facts?.devices) &&
    Array.isArray(facts.domains) &&
    Array.isArray(tasks) &&
    Number.isInteger(preloaded) &&
    typeof report?.requests === 'object' &&
    Array.isArray(report.diagnostics);
  if (isWhole) {
    const whole = value as RequestMetadata;
    return {
      ...whole,
      facts: completed(facts),
      report: { ...whole.report, firstTime: report.firstTime ?? 0, calls, table: null },
    };
  }
  throw new TraceError(
    source,
    null,
    'BAD_META: expected facts, report and tasks, found some missing',
  );
}

// Tables that were written before dmalab knew of bounce pools say nothing about them.
function completed(facts: CaptureFacts): CaptureFacts {
  const devices = facts.devices.map((device) => ({
    ...device,
    minAlignMask: device.minAlignMask ?? NO_MASK,
  }));
  return { ...facts, devices, bounce: facts.bounce ?? null };
}

const NO_MASK: Fact<number> = { value: 0, source: 'default' };

/** Facts of a table with what the caller knows better. */
export function overruled(facts: CaptureFacts, options: FactOptions): CaptureFacts {
  const { kernel, cpus, hz, forcedac, maskBits, granule } = options;
  return {
    ...facts,
    ...(kernel === undefined ? {} : { kernel: stated(kernel) }),
    ...(cpus === undefined ? {} : { cpus: stated(cpus) }),
    ...(hz === undefined ? {} : { hz: stated(hz) }),
    ...(forcedac === undefined ? {} : { forcedac: stated(forcedac) }),
    devices: facts.devices.map((device) =>
      maskBits === undefined || device.name === ''
        ? device
        : { ...device, maskBits: stated(maskBits) },
    ),
    domains: facts.domains.map((domain) =>
      granule === undefined || domain.granule.source === 'probe'
        ? domain
        : { ...domain, granule: stated(granule) },
    ),
  };
}

function stated<T>(value: T): Fact<T> {
  return { value, source: 'flag' };
}
