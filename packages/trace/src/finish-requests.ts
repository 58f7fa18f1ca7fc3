// What is known of a request only when the whole trace was read, filled in as the rows are handed out.
//
// A row without evidence of translation is marked direct while reading; if its device turns out to be
// translated (the events were lost, or came later) it gets the first domain of the device. Rows without a
// device get the only one there is. A failure that stands is held for the median lifetime of its kind.

import { DomainClass, Flag, Op, type RequestBatch } from './batch.ts';
import type { CaptureFacts } from './capture.ts';
import type { Meta } from './meta.ts';
import { NESTED } from './pairing/nested-context.ts';
import type { Pairing } from './pairing/state.ts';

/** Makes the function that corrects a batch of rows in place. */
export function requestFinisher(
  p: Pairing,
  facts: CaptureFacts,
  meta: Meta | null,
): (batch: RequestBatch) => void {
  const homes = homesOf(p, facts);
  const owners = ownersOf(facts);
  const isOnly = facts.domains.length === 2;
  const coherent = coherentLimits(facts, meta);
  // Not `p` itself: what was live at the end would stay in memory as long as the capture.
  const { lifetimes } = p;
  const isNested = p.contexts.used;
  return (batch) => {
    const { length, op, device, domain, domainClass, flags, context } = batch;
    if (isNested) for (let i = 0; i < length; i++) if (context[i] === NESTED) context[i] = 0;
    for (let i = 0; i < length; i++) {
      if (op[i] === Op.none || op[i]! >= Op.domainCreate) continue;
      if (device[i] === 0 && owners[domain[i]!] !== 0) {
        device[i] = owners[domain[i]!]!;
        flags[i] = flags[i]! | Flag.deviceInferred;
      }
      const home = homes[device[i]!]!;
      if (domain[i] === 0 && home !== 0) {
        domain[i] = home;
        domainClass[i] = DomainClass.B;
        flags[i] = flags[i]! & ~Flag.direct;
      }
      if (domain[i] !== 0 && domainClass[i] === DomainClass.none && isOnly) {
        domainClass[i] = DomainClass.D;
      }
      if (op[i] === Op.alloc && batch.dmaLimit[i] === 0) batch.dmaLimit[i] = coherent[device[i]!]!;
      if ((flags[i]! & STANDING) === STANDING && (flags[i]! & Flag.superseded) === 0) {
        batch.hold[i] = lifetimes.median(device[i]!, batch.size[i]!);
      }
    }
  };
}

const STANDING: number = Flag.failed | Flag.synthetic;

/** By device: the domain of its requests that carry none, 0 for a direct device. */
function homesOf(p: Pairing, facts: CaptureFacts): Uint16Array {
  return Uint16Array.from(facts.devices, (device, i) =>
    i !== 0 && device.translated.value ? (p.attribution.firstDomain[i] ?? 0) : 0,
  );
}

/** By domain: its only device, else the only device of the capture, else 0. */
function ownersOf(facts: CaptureFacts): Uint16Array {
  const only = facts.devices.length === 2 ? 1 : 0;
  return Uint16Array.from(facts.domains, (domain) =>
    domain.devices.length === 1 ? domain.devices[0]! : only,
  );
}

/** By device: the limit of coherent memory where meta.json says that it differs from that of streaming maps. */
function coherentLimits(facts: CaptureFacts, meta: Meta | null): Float64Array {
  return Float64Array.from(facts.devices, ({ name }) => {
    const listed = meta?.devices.get(name);
    const bits = listed?.coherentMaskBits ?? null;
    return bits === null || bits === listed?.maskBits ? 0 : 2 ** bits - 1;
  });
}
