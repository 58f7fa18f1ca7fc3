// The few messages of a Perfetto trace that counters need, with their published field numbers.
//
// Described in protos/perfetto/trace of https://github.com/google/perfetto: trace.proto, trace_packet.proto, clock_snapshot.proto,
// track_event/{track_event,track_descriptor,counter_descriptor}.proto. All other fields are left out.

import type { Type } from 'protobufjs/light.js';

/** Fields of a message: name, type, number. */
type Fields = Readonly<Record<string, { type: string; id: number; rule?: 'repeated' }>>;

const MESSAGES: Readonly<Record<string, Fields>> = {
  Trace: { packet: { type: 'TracePacket', id: 1, rule: 'repeated' } },
  TracePacket: {
    clockSnapshot: { type: 'ClockSnapshot', id: 6 },
    timestamp: { type: 'uint64', id: 8 },
    trustedPacketSequenceId: { type: 'uint32', id: 10 },
    trackEvent: { type: 'TrackEvent', id: 11 },
    sequenceFlags: { type: 'uint32', id: 13 },
    timestampClockId: { type: 'uint32', id: 58 },
    trackDescriptor: { type: 'TrackDescriptor', id: 60 },
  },
  ClockSnapshot: {
    clocks: { type: 'Clock', id: 1, rule: 'repeated' },
    primaryTraceClock: { type: 'uint32', id: 2 },
  },
  Clock: { clockId: { type: 'uint32', id: 1 }, timestamp: { type: 'uint64', id: 2 } },
  TrackEvent: {
    type: { type: 'uint32', id: 9 },
    trackUuid: { type: 'uint64', id: 11 },
    counterValue: { type: 'int64', id: 30 },
  },
  TrackDescriptor: {
    uuid: { type: 'uint64', id: 1 },
    name: { type: 'string', id: 2 },
    parentUuid: { type: 'uint64', id: 5 },
    counter: { type: 'CounterDescriptor', id: 8 },
  },
  CounterDescriptor: { unit: { type: 'uint32', id: 3 }, unitName: { type: 'string', id: 6 } },
};

/** TrackEvent.Type: the event gives the value of a counter. */
export const TYPE_COUNTER = 4;
/** TracePacket.SequenceFlags: the sequence starts anew. */
export const STATE_CLEARED = 1;
/** CounterDescriptor.Unit. */
export const Unit = { count: 2, bytes: 3 } as const;
export type Unit = (typeof Unit)[keyof typeof Unit];

/** BuiltinClock by the name of the kernel's trace clock; others have no counterpart. */
const CLOCKS: Readonly<Record<string, number>> = { mono: 3, mono_raw: 5, boot: 6 };

/** Perfetto's number of a trace clock; 0 where it has none. */
export function perfettoClock(name: string | undefined): number {
  return name !== undefined && Object.hasOwn(CLOCKS, name) ? CLOCKS[name]! : 0;
}

/** The message `Trace`, whose encodings may be put one after the other. */
export async function traceMessage(): Promise<Type> {
  // Loaded when a trace is written: other commands start sooner without it.
  const { Root } = (await import('protobufjs/light.js')).default;
  // As in proto2, a value that is 0 is written: a counter without a value is an error.
  const edition = 'proto2';
  const nested = Object.entries(MESSAGES).map(([name, fields]) => [name, { fields, edition }]);
  return Root.fromJSON({ nested: Object.fromEntries(nested) }).lookupType('Trace');
}
