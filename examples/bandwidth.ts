// Writes a trace of a bandwidth test to stdout: reads of 128 KiB, 32 at a time, 6,000 a second, for 1.6 s.
//
// No capture was made of it: it stands for the fast disk of a guest with which the s390 conversion was tested
// in 2022. Times, addresses and CPUs follow from the numbers below; the same trace comes out every time.

const PER_SECOND = 6000;
const SECONDS = 1.6;
const DEPTH = 32;
const BYTES = 131_072;
const CPUS = 4;
const GAP = 1e9 / PER_SECOND;
const DEVICE = '0001:00:00.0';

const lines = ['#dmatrace-csv v=1 clock=boot unit=ns', 'op,t,cpu,tid,dev,iova,phys,size,dir,attrs'];
const requests = Math.floor(PER_SECOND * SECONDS);
for (let i = 0; i < requests + DEPTH; i++) {
  const done = i - DEPTH;
  if (done >= 0) lines.push(line('unmap', i * GAP, done));
  if (i < requests) lines.push(line('map', i * GAP + 500, i));
}
process.stdout.write(`${lines.join('\n')}\n`);

/** The recorded address only has to be another than the physical one: a replay never uses it. */
function line(op: 'map' | 'unmap', time: number, request: number): string {
  const buffer = request % (2 * DEPTH);
  const iova = 0x8000_0000 + buffer * BYTES;
  const phys = 0x1_0000_0000 + buffer * BYTES;
  const cpu = request % CPUS;
  const where = `0x${iova.toString(16)},${op === 'map' ? `0x${phys.toString(16)}` : ''}`;
  return `${op},${Math.round(time)},${cpu},${100 + cpu},${DEVICE},${where},${BYTES},2,0x0`;
}
