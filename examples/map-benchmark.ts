// Writes the load of the kernel's dma_map_benchmark to stdout: node map-benchmark.ts [THREADS] [PAGES] [DELAY_US] [MS]
//
// Threads that map a buffer of PAGES (1), wait DELAY_US (0) and unmap it, for MS (20) of virtual time.

import { mapBenchmark } from '@dmalab/replay';

const [threads = 1, granule = 1, delay = 0, ms = 20] = process.argv.slice(2).map(Number);
const source = mapBenchmark({
  threads,
  granule,
  delay: delay * 1000,
  duration: ms * 1e6,
  cpus: threads,
});
const lines = ['#dmatrace-csv v=1 clock=boot unit=ns', 'op,t,cpu,tid,dev,iova,phys,size,dir,attrs'];
for (const { length, op, time, cpu, tid, id, size, physLow, physHigh } of source.requests()) {
  for (let i = 0; i < length; i++) {
    const phys = physHigh[i]! * 2 ** 32 + physLow[i]!;
    // The recorded address only has to be another than the physical one: a replay never uses it.
    const iova = 0x8000_0000 + (id[i]! % (2 * threads)) * size[i]!;
    const [word, where] = op[i] === 1 ? ['map', `0x${phys.toString(16)}`] : ['unmap', ''];
    lines.push(
      `${word},${time[i]},${cpu[i]},${tid[i]},0001:00:00.0,0x${iova.toString(16)},${where},${size[i]},0,0x0`,
    );
  }
}
process.stdout.write(`${lines.join('\n')}\n`);
