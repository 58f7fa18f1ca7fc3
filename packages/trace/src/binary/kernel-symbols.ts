// Tells markers of user space from other text in the trace: their ip lies in tracing_mark_write.
//
// Where the address of that function is not known (no symbols, or all zero as kptr_restrict shows them), each text
// is taken for a marker: trace_printk is for those who work on a kernel.

const MARKER = /^([0-9a-f]+) \w tracing_mark_write$/m;
const TWO_32 = 2 ** 32;
/** The function is shorter; markers are written from inside of it. */
const MAX_FUNCTION = 8192;

/** A test of ips against the text of kallsyms, which is read when the first one is asked for. */
export function markTest(kallsyms: () => string): (low: number, high: number) => boolean {
  let low: number | null = null;
  let high = 0;
  return (ipLow, ipHigh) => {
    if (low === null) {
      const address = MARKER.exec(kallsyms())?.[1]?.padStart(16, '0') ?? '0'.repeat(16);
      high = Number.parseInt(address.slice(-16, -8), 16);
      low = Number.parseInt(address.slice(-8), 16);
    }
    if (low === 0 && high === 0) return true;
    const distance = ((ipHigh >>> 0) - high) * TWO_32 + ((ipLow >>> 0) - low);
    return distance >= 0 && distance < MAX_FUNCTION;
  };
}
