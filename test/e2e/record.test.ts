// Recording, against a folder of files that stands in for tracefs.

import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { dmalab, jsonOf } from '../support/dmalab.ts';
import { tempFolder } from '../support/temp-folder.ts';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/dmalab.mjs', import.meta.url));
const folder = tempFolder();

const FUNCTIONS = `init_iova_domain
put_iova_domain
iommu_dma_alloc_iova
__iommu_dma_unmap
alloc_iova_fast
free_iova_fast.isra.0
fq_flush_iotlb [some_module]
swiotlb_tbl_map_single
`;

const TRACE = `# tracer: nop
#
             fio-2831    [001] d..1.   912.004381: map: IOMMU: iova=0x00000000fffff000 - 0x0000000100000000 paddr=0x0000000123456000 size=4096
             fio-2831    [001] d..1.   912.004382: dma_map_phys: 0000:01:00.0 dir=FROM_DEVICE dma_addr=fffff200 size=512 phys_addr=123456200 attrs=
`;

interface StandIn {
  readonly root: string;
  readonly output: string;
  /** A shell command that puts a trace and statistics where the kernel would, and keeps the instance's files. */
  readonly workload: string;
  readonly state: string;
}

function standIn(systems: readonly string[], readme: string, dropped = 0): StandIn {
  const base = mkdtempSync(join(folder, 'machine-'));
  const root = join(base, 'tracing');
  const instance = join(root, 'instances/dmalab');
  const state = join(base, 'state');
  for (const system of systems) {
    mkdirSync(join(root, 'events', system, `${system}_sync_single_for_cpu`), { recursive: true });
  }
  mkdirSync(join(root, 'instances'));
  const device = join(root, 'sys/bus/pci/devices/0000:01:00.0');
  const group = join(root, 'sys/kernel/iommu_groups/3');
  mkdirSync(device, { recursive: true });
  mkdirSync(join(group, 'devices/0000:01:00.0'), { recursive: true });
  writeFileSync(join(device, 'dma_mask_bits'), '40\n');
  symlinkSync(group, join(device, 'iommu_group'));
  writeFileSync(join(group, 'type'), 'DMA-FQ\n');
  writeFileSync(join(group, 'reserved_regions'), '0x00000000fee00000 0x00000000feefffff msi\n');
  writeFileSync(join(root, 'README'), readme);
  writeFileSync(join(root, 'available_filter_functions'), FUNCTIONS);
  writeFileSync(join(root, 'dynamic_events'), '');
  writeFileSync(join(root, 'kprobe_profile'), '  dmat/alloc_iova_fast   10   2\n');
  writeFileSync(join(base, 'sample'), TRACE);
  const stats = `entries: 2\\noverrun: 0\\ncommit overrun: 0\\nbytes: 200\\ndropped events: ${dropped}\\n`;
  return {
    root,
    output: join(base, 'capture'),
    state,
    workload: `cp ${base}/sample ${instance}/trace; mkdir -p ${instance}/per_cpu/cpu1; printf '${stats}' > ${instance}/per_cpu/cpu1/stats; cp -r ${instance} ${state}`,
  };
}

const NEW = (dropped = 0): StandIn =>
  standIn(
    ['dma', 'iommu', 'swiotlb'],
    '\t f[:[<group>/][<event>]] <func-name>[%return] [<args>]',
    dropped,
  );
const OLD = (): StandIn => standIn(['iommu', 'swiotlb'], '\t p[:[<group>/][<event>]] <place>');

const recordOn = ({ root, output, workload }: StandIn): string[] => [
  'record',
  '--tracefs',
  root,
  '-o',
  output,
  '--',
  'sh',
  '-c',
  workload,
];

const lines = (path: string): string[] => readFileSync(path, 'utf8').trim().split('\n');

describe('record', () => {
  test('leaves a trace with facts of the machine that dmalab reads', () => {
    const machine = NEW();
    const { code, stdout, stderr } = dmalab(recordOn(machine));
    expect(code).toBe(0);
    expect(stdout).toContain('trace.txt.zst: 2 events, none lost\n');
    expect(stderr).toContain('left out, not to be probed here: reserve_iova');
    const info = jsonOf<{ requests: object; devices: object[]; domains: object[] }>(
      dmalab(['info', join(machine.output, 'trace.txt.zst'), '--json']),
    );
    expect(info.requests).toMatchObject({ map: 1 });
    expect(info.devices).toMatchObject([
      { name: '0000:01:00.0', maskBits: { value: 40, source: 'meta.json' } },
    ]);
    expect(info.domains).toMatchObject([{ type: { value: 'DMA-FQ' } }]);
    const meta = JSON.parse(readFileSync(join(machine.output, 'meta.json'), 'utf8'));
    expect(meta).toMatchObject({
      trace_clock: 'mono',
      ring_buffer: { stats: { total: { entries: 2, overrun: 0, commit_overrun: 0, dropped: 0 } } },
      after: { iommu_groups: { 3: { type: 'DMA-FQ', devices: ['0000:01:00.0'] } } },
    });
    expect(meta.probes_not_available).toContain('free_iova_fast');
  });

  test('probes what the kernel has as fprobes, in an instance of its own, and takes all back', () => {
    const machine = NEW();
    dmalab(recordOn(machine));
    expect(lines(join(machine.root, 'dynamic_events'))).toEqual([
      'f:dmat/init_iova_domain init_iova_domain iovad=$arg1:x64 granule=$arg2:x64 start_pfn=$arg3:x64',
      'f:dmat/put_iova_domain put_iova_domain iovad=$arg1:x64',
      'f:dmat/iommu_dma_alloc_iova iommu_dma_alloc_iova domain=$arg1:x64 size=$arg2:x64 dma_limit=$arg3:x64 dev=+0(+0($arg4)):string',
      'f:dmat/__iommu_dma_unmap __iommu_dma_unmap dev=+0(+0($arg1)):string dma_addr=$arg2:x64 size=$arg3:u64',
      'f:dmat/alloc_iova_fast alloc_iova_fast iovad=$arg1:x64 size=$arg2:u64 limit_pfn=$arg3:x64 flush_rcache=$arg4:u8',
      'f:dmat/alloc_iova_fast_ret alloc_iova_fast%return pfn=$retval:x64',
      'f:dmat/fq_flush_iotlb fq_flush_iotlb cookie=$arg1:x64',
      '-:dmat/init_iova_domain',
      '-:dmat/put_iova_domain',
      '-:dmat/iommu_dma_alloc_iova',
      '-:dmat/__iommu_dma_unmap',
      '-:dmat/alloc_iova_fast',
      '-:dmat/alloc_iova_fast_ret',
      '-:dmat/fq_flush_iotlb',
    ]);
    const kept = (name: string): string => lines(join(machine.state, name))[0]!;
    expect(kept('trace_clock')).toBe('mono');
    expect(kept('tracing_on')).toBe('1');
    expect(['dma', 'iommu', 'swiotlb', 'dmat'].map((s) => kept(`events/${s}/enable`))).toEqual([
      '1',
      '1',
      '1',
      '1',
    ]);
    expect(kept('events/dma/dma_sync_single_for_cpu/enable')).toBe('0');
    expect(readdirSync(join(machine.root, 'instances'))).toEqual([]);
  });

  test('takes kprobes, and those of the bounce pool, on a kernel without fprobes and dma events', () => {
    const machine = OLD();
    const { code, stderr } = dmalab(recordOn(machine));
    expect(code).toBe(0);
    expect(stderr).toContain('no fprobes on this kernel');
    const defined = lines(join(machine.root, 'dynamic_events')).map((line) => line.split(' ')[0]);
    expect(defined).toContain('p:dmat/alloc_iova_fast');
    expect(defined).toContain('r:dmat/alloc_iova_fast_ret');
    expect(defined).toContain('p:dmat/swiotlb_tbl_map_single');
    const meta = JSON.parse(readFileSync(join(machine.output, 'meta.json'), 'utf8'));
    expect(meta.kprobe_profile).toContain('alloc_iova_fast');
  });

  test('fails where events were lost, and keeps the trace', () => {
    const machine = NEW(17);
    const { code, stdout } = dmalab(recordOn(machine));
    expect(code).toBe(1);
    expect(stdout).toContain(
      '2 events, 17 LOST: record for less time, or with a larger --buffer-kb',
    );
    expect(existsSync(join(machine.output, 'trace.txt.zst'))).toBe(true);
  });

  test('cleans up after a command that cannot be run', () => {
    const machine = NEW();
    const { code, stderr } = dmalab([
      'record',
      '--tracefs',
      machine.root,
      '-o',
      machine.output,
      '--',
      '/no/such/command',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('dmalab: /no/such/command: cannot be run');
    expect(readdirSync(join(machine.root, 'instances'))).toEqual([]);
    expect(lines(join(machine.root, 'dynamic_events')).at(-1)).toBe('-:dmat/fq_flush_iotlb');
  });

  test('an interrupt ends the recording, keeps it and cleans up', async () => {
    const machine = NEW();
    const words = ['--tracefs', machine.root, '-o', machine.output, '--', 'sh', '-c'];
    const child = spawn(process.execPath, [
      BIN,
      'record',
      ...words,
      `trap 'exit 0' INT; ${machine.workload}; while :; do sleep 0.05; done`,
    ]);
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    while (!existsSync(join(machine.state, 'trace'))) await new Promise((go) => setTimeout(go, 20));
    child.kill('SIGINT');
    const code = await new Promise((done) => child.on('exit', done));
    expect(code).toBe(0);
    expect(stdout).toContain('none lost');
    expect(readdirSync(machine.output).sort()).toEqual(['meta.json', 'trace.txt.zst']);
    expect(readdirSync(join(machine.root, 'instances'))).toEqual([]);
  });

  test('keeps its hands off the recording of another', () => {
    const machine = NEW();
    mkdirSync(join(machine.root, 'instances/dmalab'));
    const { code, stderr } = dmalab(recordOn(machine));
    expect(code).toBe(1);
    expect(stderr).toContain('instances/dmalab: is there already: another recording is running');
    expect(readFileSync(join(machine.root, 'dynamic_events'), 'utf8')).toBe('');
    expect(existsSync(join(machine.root, 'instances/dmalab'))).toBe(true);
  });

  test('does not overwrite a recording', () => {
    const machine = NEW();
    dmalab(recordOn(machine));
    const { code, stderr } = dmalab(recordOn(machine));
    expect(code).toBe(1);
    expect(stderr).toContain('holds a recording already (trace.txt.zst): name another folder');
  });

  test('refuses politely where there is no tracefs, and wrong words', () => {
    const { code, stderr } = dmalab(['record', '--tracefs', join(folder, 'nothing'), '--', 'true']);
    expect(code).toBe(1);
    expect(stderr).toContain('is not there: recording needs Linux with tracefs');
    expect(dmalab(['record', '--kernel', '6.12'])).toMatchObject({ code: 2 });
    expect(dmalab(['record', '--print', '--kernel', 'new'])).toMatchObject({ code: 2 });
    expect(dmalab(['record', '--with', 'trace-cmd'])).toMatchObject({ code: 2 });
  });

  test.each([
    ['with the same events', FUNCTIONS, ' -e dmat'],
    // It would give up at a group that is not there.
    ['without the group of the probes where there are none', 'schedule\n', ''],
  ])('runs trace-cmd %s', (_, functions, group) => {
    const machine = NEW();
    writeFileSync(join(machine.root, 'available_filter_functions'), functions);
    const bin = join(machine.root, 'bin');
    mkdirSync(bin);
    const tool = join(bin, 'trace-cmd');
    writeFileSync(tool, `#!/bin/sh\necho "$@" > ${machine.output}/trace.dat\n`);
    chmodSync(tool, 0o755);
    const words = [
      'record',
      '--with',
      'trace-cmd',
      '--tracefs',
      machine.root,
      '-o',
      machine.output,
    ];
    const { status, stdout } = spawnSync(process.execPath, [BIN, ...words, '--', 'sleep', '007'], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
    });
    expect(status).toBe(0);
    expect(stdout).toContain('losses: see dmalab info');
    expect(lines(join(machine.output, 'trace.dat'))).toEqual([
      `record -C mono -b 65536 -e dma -e iommu -e swiotlb${group} -v -e dma:dma_sync_* -o ${machine.output}/trace.dat sleep 007`,
    ]);
    expect(existsSync(join(machine.root, 'instances/dmalab'))).toBe(false);
  });

  test('tries every probe where the kernel does not list its functions', () => {
    const machine = NEW();
    rmSync(join(machine.root, 'available_filter_functions'));
    expect(dmalab(recordOn(machine)).code).toBe(0);
    expect(readFileSync(join(machine.root, 'dynamic_events'), 'utf8')).toContain(
      'f:dmat/free_iova_fast free_iova_fast iovad=$arg1:x64',
    );
  });
});

describe('record --print', () => {
  const printed = (...words: string[]): string => dmalab(['record', '--print', ...words]).stdout;

  test.each([
    ['6.12', 'record-6.12.sh', ['--', 'fio', 'my job.fio']],
    ['6.1.0-18-amd64', 'record-6.1.sh', ['--duration', '10']],
  ] as const)('for Linux %s', async (kernel, file, words) => {
    await expect(printed('--kernel', kernel, ...words)).toMatchFileSnapshot(`expected/${file}`);
  });

  test('for trace-cmd, and for newer kernels', () => {
    const script = printed(
      '--kernel',
      '6.17',
      '--with',
      'trace-cmd',
      '--sync',
      '--',
      'fio',
      "it's.fio",
    );
    expect(script).toContain('iommu_map_nosync domain=$arg1:x64 iova=$arg2:x64 size=$arg4:u64');
    expect(script).toContain(
      "\ntrace-cmd record -C mono -b 65536 $EVENTS -o capture/trace.dat fio 'it'\\''s.fio'\n",
    );
  });

  test('prints a script that does what the command does', () => {
    const machine = NEW();
    const bin = join(machine.root, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'rmdir'), '#!/bin/sh\nrm -r "$1"\n');
    chmodSync(join(bin, 'rmdir'), 0o755);
    // The kernel fills an instance; here the folders of the events are made beside it.
    writeFileSync(
      join(bin, 'mkdir'),
      `#!/bin/sh\n/bin/mkdir "$@"\ncase "$1" in */dmalab) /bin/mkdir -p "$1/events/dmat"; cp -r ${machine.root}/events "$1";; esac\n`,
    );
    chmodSync(join(bin, 'mkdir'), 0o755);
    const words = ['--kernel', '6.12', '--tracefs', machine.root, '-o', machine.output];
    const script = printed(...words, '--', 'sh', '-c', machine.workload);
    const { status, stderr } = spawnSync('sh', ['-c', script], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
    });
    expect(stderr).toContain('left out, not to be probed here: free_iova_fast\n');
    expect(status).toBe(0);
    expect(readdirSync(machine.output).sort()).toEqual(['meta.json', 'stats.txt', 'trace.txt']);
    expect(JSON.parse(readFileSync(join(machine.output, 'meta.json'), 'utf8'))).toMatchObject({
      trace_clock: 'mono',
    });
    expect(lines(join(machine.state, 'events/dma/enable'))).toEqual(['1']);
    expect(readdirSync(join(machine.root, 'instances'))).toEqual([]);
    expect(lines(join(machine.root, 'dynamic_events')).at(-1)).toBe('-:dmat/fq_ring_free_locked');
  });
});
