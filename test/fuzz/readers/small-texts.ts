// Examples of texts that are not bundled as captures.

const ROWS = `op,t,cpu,tid,dev,iova,phys,size,dir,attrs
pt_map,1000,0,7,,0xffff0000,0x12345000,4096,,
map,2000,0,7,dev0,0xffff0000,0x12345000,512,1,0x0
`;

/** The CSV that bpftrace scripts print, and the same as JSON of bpftrace. */
export const BPFTRACE: readonly Buffer[] = [
  `Attaching 5 probes...\n#dmatrace-csv v=1 clock=boot unit=ns\n${ROWS}Lost 37 events\n${ROWS}`,
  [
    { type: 'attached_probes', data: { probes: 5 } },
    { type: 'printf', data: `#dmatrace-csv v=1 unit=ns\n${ROWS.slice(0, 90)}` },
    { type: 'lost_events', data: { events: 3 } },
    { type: 'printf', data: ROWS.slice(90) },
    { type: 'map', data: { '@': { a: 1 } } },
  ]
    .map((output) => `${JSON.stringify(output)}\n`)
    .join(''),
].map((text) => Buffer.from(text));

/** Tables of users. */
export const CSV: readonly Buffer[] = [
  `#unit=ns\n${ROWS}unmap,912004391000,2,417,0000:00:05.0,0xfffff000,,4096,1\n`,
  'Event,Time_us,Core,BDF,DMA Addr,Len\nU,12.5,1,dev0,4096,512\nM,13.5,1,"dev,1",4096,512\n',
  '#page_size=4096\nop;iova;pages;dir;attrs\nmap;0x1000;3;DMA_FROM_DEVICE;SKIP_CPU_SYNC|NO_WARN\n',
  'op\tiova\tsize\terr\nmap\t\t4096\t-12\nmap\t18446744073709547519\t1\t0\n',
  'op,domain,iova,size,kind,comm,pid,name\r\nmap,0x1,0x1000,4096,"a ""b""",fio,3,"x\ny"\r\n',
].map((text) => Buffer.from(text));

const OBJECTS = [
  '{"op":"map","time_ns":5000,"iova":18446744073709547519,"size":4096,"dev":"dev0"}',
  '{"op":"unmap","time_ns":6000,"iova":"0xffffffffffffefff","size":4096,"dev":"dev\\u0030"}',
  '{"op":"map","t":912.004381,"iova":4096,"size":1e3,"dir":"TO_DEVICE","x":{"y":[1,null]}}',
  '{"event":"dma_map_phys","cpu":2,"tid":-1,"phys":"0x1000","size":512,"comm":"a\\n\\"b"}',
];

/** Objects, one to a line. */
export const JSON_LINES: readonly Buffer[] = [
  Buffer.from(`${OBJECTS.join('\n')}\n`),
  Buffer.from(`${OBJECTS[0]}\r\n\n  ${OBJECTS[3]}\n`),
];

/** Objects in an array. */
export const JSON_ARRAY: readonly Buffer[] = [
  Buffer.from(`[\n  ${OBJECTS.join(',\n  ')}\n]\n`),
  Buffer.from(`[${OBJECTS.join(',').replaceAll(':', ' :\n')}]`),
];

const NEW = '0000:00:05.0 single idx 12 P=0x0000000012345200 D=fffff200 L=1000 cln=0x48d14';

/** Dumps of dma-debug: 6.12, before, 6.1. */
export const DMA_DEBUG: readonly Buffer[] = [
  `nvme ${NEW} DMA_TO_DEVICE dma map error checked\n`.repeat(3),
  'nvme 0000:00:05.0 scatter-gather idx 12 P=12345200 N=12345 D=fffff200 L=1000 cln=48d14 DMA_TO_DEVICE dma map error check not applicable\n',
  '0000:00:05.0 nvme scather-gather idx 12 P=12345200 N=12345 D=fffff200 L=1000 DMA_TO_DEVICE dma map error not checked\n',
  `Intel(R) PRO/1000 ${NEW} DMA_BIDIRECTIONAL dma map error checked\n`,
].map((text) => Buffer.from(text));

/** Lines of the kernel log. */
export const KERNEL_LOG: readonly Buffer[] = [
  '[   12.549897] nvme 0000:00:04.0: swiotlb buffer is full (sz: 65536 bytes), total 2048 (slots), used 1980 (slots)\n',
  '<4>software IO TLB: area num 4.\nsoftware IO TLB: mapped [mem 0x000000007bfe0000-0x000000007ffe0000] (64MB)\n',
  'software IO TLB: Failed to allocate new pool\nPCI-DMA: Using software bounce buffering for IO (SWIOTLB)\n',
  'Nov 21 10:00:00 host kernel: e1000e 0000:00:03.0: overflow 0x0000000123456000+4096 of DMA mask ffffffff bus limit 0\n',
  '[    1.0] DMA-API: nvme 0000:00:04.0: device driver frees DMA memory with different size [device address=0x00000000fffff000] [map size=4096 bytes] [unmap size=512 bytes]\n',
  '[    2.0] DMAR: [DMA Write NO_PASID] Request device [00:04.0] fault addr 0xfffff000 [fault reason 0x05] PTE Write access is not set\n',
  '[    3.0] DMAR: Allocating 1-page iova for 0000:00:04.0 failed\nnvme 0000:00:04.0: Using 64-bit DMA addresses\n',
].map((text) => Buffer.from(text));

/** Machine files. */
export const MACHINES: readonly Buffer[] = [
  'kernel: 6.12\ncpus: 4\nflush: { name: percpu, parameters: { size: 512, timeoutMs: 20 } }\n',
  'timerMode: exact\nrecordedFailures: hold\ndomain:\n  apertureEnd: 4294967295\n  granule: 16384\n',
  '{"devices":[{"name":"*","translated":true,"maskBits":32}],"hz":1000,"sac":"always"}\n',
  'a: &a [x, x]\nb: &b [*a, *a]\nkernel: *b\n<<: *a\n? [k]\n: |\n  text\n',
].map((text) => Buffer.from(text));

/** Arguments of --iova and --flush. */
export const POLICIES: readonly Buffer[] = [
  'percpu:size=512,timeoutMs=20',
  'strict',
  'single',
  'linux:rcache=false,kernel=6.12',
  'percpu:size=1e3,timeoutMs=-1,x=true,__proto__=1',
].map((text) => Buffer.from(text));

/** Host files. */
export const HOSTS: readonly Buffer[] = [
  'pages: 4096\nguests:\n  - trace: a.txt\n  - { name: b, trace: b.txt, offsetMs: 5, machine: { kernel: 6.12 } }\n',
  '{"guests":[{"trace":"a.txt","machine":{"cpus":4,"flush":{"name":"strict"}}}]}\n',
  'guests: &g [{ trace: x, machine: { hz: 250 } }]\npages: 1e3\n',
].map((text) => Buffer.from(text));

/** Files of defaults. */
export const CONFIGS: readonly Buffer[] = [
  "kernel: '6.12'\nreplay:\n  flush: [percpu, single]\n  json: true\n",
  'cpus: 4\nbatch: { jobs: 2, out: x }\nsize:\n  memory: 8G\n',
  '{"hz":250,"minimise":{"until":"steps > 1000","replays":5}}\n',
  'info: { columns: [op=a, iova=b] }\nkernel: 6.10\n? [a]\n: b\n',
].map((text) => Buffer.from(text));

/** What the recorder wrote beside a trace. */
export const METAS: readonly Buffer[] = [
  {
    kernel: 'Linux (none) 6.12.107 #1 SMP x86_64',
    cmdline: 'quiet iommu.strict=0 iommu.forcedac=1 swiotlb=4096,2,force',
    machine: { cpus: 4 },
    iommu_granule: 4096,
    trace_clock: 'local',
    after: {
      devices: [{ bdf: '0000:00:04.0', dma_mask_bits: 64, iommu_group: '1', class: '0x010802' }],
      iommu_groups: { 1: { type: 'DMA-FQ', reserved_regions: ['0xfee00000 0xfeefffff msi'] } },
    },
  },
  { kernel: 6, machine: [], before: { devices: {} }, after: null, trace_clock: {} },
].map((meta) => Buffer.from(`${JSON.stringify(meta, null, 1)}\n`));

/** Conditions of minimise --until. */
export const CONDITIONS: readonly Buffer[] = [
  'steps > 1000',
  'failure and cause == no_gap',
  'flushes >= 3 or latency > 5ms',
  'not (steps == 1 or !failure) && 1_000KiB <= size || kind != map',
  '((((((steps))))))',
].map((text) => Buffer.from(text));

/** Sizes of memory. */
export const SIZES: readonly Buffer[] = ['8G', '512M', '1.5GiB', '4096', ' 1 TB', '0x10'].map(
  (text) => Buffer.from(text),
);
