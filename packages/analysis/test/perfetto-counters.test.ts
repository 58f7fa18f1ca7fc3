// The counters, decoded by the published definitions of Perfetto's messages rather than by ours.

import { perfettoCounters, type RunContext } from '@dmalab/analysis';
import { machineFromFacts, replay } from '@dmalab/replay';
import { readCapture } from '@dmalab/trace';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';

/** Numbers as in protos/perfetto/trace of Perfetto v50. */
const PUBLISHED = `
syntax = "proto2";
message Trace { repeated TracePacket packet = 1; }
message TracePacket {
  optional uint64 timestamp = 8;
  optional uint32 timestamp_clock_id = 58;
  optional uint32 trusted_packet_sequence_id = 10;
  optional uint32 sequence_flags = 13;
  optional ClockSnapshot clock_snapshot = 6;
  optional TrackEvent track_event = 11;
  optional TrackDescriptor track_descriptor = 60;
}
message ClockSnapshot {
  message Clock { optional uint32 clock_id = 1; optional uint64 timestamp = 2; }
  repeated Clock clocks = 1;
  optional uint32 primary_trace_clock = 2;
}
message TrackEvent {
  enum Type { TYPE_UNSPECIFIED = 0; TYPE_COUNTER = 4; }
  optional Type type = 9;
  optional uint64 track_uuid = 11;
  optional int64 counter_value = 30;
}
message TrackDescriptor {
  optional uint64 uuid = 1;
  optional uint64 parent_uuid = 5;
  optional string name = 2;
  optional CounterDescriptor counter = 8;
}
message CounterDescriptor {
  enum Unit { UNIT_UNSPECIFIED = 0; UNIT_TIME_NS = 1; UNIT_COUNT = 2; UNIT_SIZE_BYTES = 3; }
  optional Unit unit = 3;
  optional string unit_name = 6;
}`;

interface Packet {
  timestamp?: number;
  timestampClockId?: number;
  trustedPacketSequenceId: number;
  clockSnapshot?: object;
  trackEvent?: { type: string; trackUuid: number; counterValue: number };
  trackDescriptor?: { uuid: number; parentUuid?: number; name: string; counter?: object };
}

async function packetsOf(clock: string): Promise<{ packets: Packet[]; context: RunContext }> {
  const capture = await readCapture('traces/nvme-lazy-randread/trace.txt.zst');
  const { report } = capture;
  const facts = { ...capture.facts, clock: { value: clock, source: 'flag' } as const };
  const machine = machineFromFacts(facts, { flush: { name: 'percpu', parameters: {} } });
  const context = { report, facts, machine, version: '0.1.0' };
  const counters = await perfettoCounters(context, 'nvme, percpu');
  const pieces = Array.from(replay(machine, capture), (batch) => counters.bytesOf(batch));
  pieces.push(counters.finish());
  capture.close();
  const type = protobuf.parse(PUBLISHED).root.lookupType('Trace');
  const { packet } = type.toObject(type.decode(Buffer.concat(pieces)), {
    longs: Number,
    enums: String,
  });
  return { packets: packet as Packet[], context };
}

const { packets, context } = await packetsOf('mono');
const tracks = packets.flatMap(({ trackDescriptor }) => trackDescriptor ?? []);

function valuesOf(name: string): { time: number; value: number }[] {
  const uuid = tracks.find((track) => track.name === name)?.uuid;
  return packets
    .filter(({ trackEvent }) => trackEvent?.trackUuid === uuid)
    .map(({ timestamp = 0, trackEvent }) => ({
      time: timestamp,
      value: trackEvent?.counterValue ?? -1,
    }));
}

test('counters hang below their domain, which hangs below the run; each has a unit', () => {
  const root = tracks.find(({ name }) => name === 'dmalab: nvme, percpu');
  const domain = tracks.find(({ name }) => name.startsWith('0000:00:04.0 (domain 0xffff8880'));
  const live = tracks.find(({ name }) => name === 'live');
  const entries = tracks.find(({ name }) => name === 'queued entries');
  expect(root).not.toHaveProperty('parentUuid');
  expect(domain?.parentUuid).toBe(root?.uuid);
  expect(live).toMatchObject({ parentUuid: domain?.uuid, counter: { unit: 'UNIT_SIZE_BYTES' } });
  expect(entries?.counter).toEqual({ unit: 'UNIT_COUNT', unitName: 'entries' });
  expect(new Set(tracks.map(({ uuid }) => uuid)).size).toBe(tracks.length);
});

test('every value belongs to a track that was described before it', () => {
  const known = new Set<number>();
  for (const { trackDescriptor, trackEvent } of packets) {
    if (trackDescriptor) known.add(trackDescriptor.uuid);
    if (trackEvent) expect(known.has(trackEvent.trackUuid)).toBe(true);
  }
});

test('times are those of the recorded clock, and never go back', () => {
  const live = valuesOf('live');
  // The first map of the trace is at 18.037782 s, 512 bytes in one page.
  expect(live.find(({ value }) => value === 4096)?.time).toBe(18_037_782_000);
  const stamps = packets.flatMap(({ timestamp }) => timestamp ?? []);
  expect(stamps.every((time, i) => i === 0 || time >= stamps[i - 1]!)).toBe(true);
  expect(
    packets.filter(({ trackEvent }) => trackEvent).every((p) => p.timestampClockId === 3),
  ).toBe(true);
  expect(packets.flatMap(({ clockSnapshot }) => clockSnapshot ?? [])).toEqual([
    { clocks: [{ clockId: 3, timestamp: 16_892_842_000 }], primaryTraceClock: 3 },
  ]);
});

test('counters end with the figures of the replay', () => {
  expect(context.report.firstTime).toBe(16_892_842_000);
  expect(valuesOf('flushes').at(-1)?.value).toBe(31);
  expect(valuesOf('failed maps')).toHaveLength(1);
  expect(valuesOf('live mappings').at(-1)?.value).toBe(6226 - 6214);
  expect(valuesOf('queued entries').at(-1)?.value).toBe(0);
});

test('the default clock of ftrace has no counterpart, and none is stated', async () => {
  const { packets: local } = await packetsOf('local');
  expect(local.some((packet) => 'timestampClockId' in packet || 'clockSnapshot' in packet)).toBe(
    false,
  );
});
