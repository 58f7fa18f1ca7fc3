#!/bin/sh
# Records DMA on Linux 6.12; run as root. Then: dmalab info FOLDER/trace.*
set -eu
T=/sys/kernel/tracing
OUT=capture
mkdir -p "$OUT"
I=$T/instances/dmalab
mkdir "$I"

clean_up() {
  set +e
  echo 0 > "$I/tracing_on"
  echo 0 > "$I/events/enable"
  rmdir "$I"
  for p in init_iova_domain put_iova_domain reserve_iova iommu_dma_alloc_iova __iommu_dma_unmap alloc_iova_fast alloc_iova_fast_ret free_iova_fast alloc_iova free_cpu_cached_iovas iova_depot_work_func iommu_dma_init_fq fq_flush_iotlb fq_flush_timeout fq_ring_free_locked; do
    echo "-:dmat/$p" >> "$T/dynamic_events"
  done 2> /dev/null
}
trap clean_up EXIT
trap 'exit 130' INT TERM

probe() {
  if { grep -q . "$T/available_filter_functions" && ! grep -Eq "^$1( |$)" "$T/available_filter_functions"; } 2> /dev/null ||
     ! echo "$2" 2> /dev/null >> "$T/dynamic_events"; then
    echo "left out, not to be probed here: $1" >&2
  fi
}

probe init_iova_domain 'f:dmat/init_iova_domain init_iova_domain iovad=$arg1:x64 granule=$arg2:x64 start_pfn=$arg3:x64'
probe put_iova_domain 'f:dmat/put_iova_domain put_iova_domain iovad=$arg1:x64'
probe reserve_iova 'f:dmat/reserve_iova reserve_iova iovad=$arg1:x64 pfn_lo=$arg2:x64 pfn_hi=$arg3:x64'
probe iommu_dma_alloc_iova 'f:dmat/iommu_dma_alloc_iova iommu_dma_alloc_iova domain=$arg1:x64 size=$arg2:x64 dma_limit=$arg3:x64 dev=+0(+0($arg4)):string'
probe __iommu_dma_unmap 'f:dmat/__iommu_dma_unmap __iommu_dma_unmap dev=+0(+0($arg1)):string dma_addr=$arg2:x64 size=$arg3:u64'
probe alloc_iova_fast 'f:dmat/alloc_iova_fast alloc_iova_fast iovad=$arg1:x64 size=$arg2:u64 limit_pfn=$arg3:x64 flush_rcache=$arg4:u8'
probe alloc_iova_fast 'f:dmat/alloc_iova_fast_ret alloc_iova_fast%return pfn=$retval:x64'
probe free_iova_fast 'f:dmat/free_iova_fast free_iova_fast iovad=$arg1:x64 pfn=$arg2:x64 size=$arg3:u64'
probe alloc_iova 'f:dmat/alloc_iova alloc_iova iovad=$arg1:x64 size=$arg2:u64 limit_pfn=$arg3:x64 size_aligned=$arg4:u8'
probe free_cpu_cached_iovas 'f:dmat/free_cpu_cached_iovas free_cpu_cached_iovas cpu=$arg1:u32 iovad=$arg2:x64'
probe iova_depot_work_func 'f:dmat/iova_depot_work_func iova_depot_work_func work=$arg1:x64'
probe iommu_dma_init_fq 'f:dmat/iommu_dma_init_fq iommu_dma_init_fq domain=$arg1:x64'
probe fq_flush_iotlb 'f:dmat/fq_flush_iotlb fq_flush_iotlb cookie=$arg1:x64'
probe fq_flush_timeout 'f:dmat/fq_flush_timeout fq_flush_timeout timer=$arg1:x64'
probe fq_ring_free_locked 'f:dmat/fq_ring_free_locked fq_ring_free_locked cookie=$arg1:x64 fq=$arg2:x64'

echo 0 > "$I/tracing_on"
echo mono > "$I/trace_clock"
echo 65536 > "$I/buffer_size_kb"    # per CPU
for s in dma iommu swiotlb dmat; do
  if [ -d "$I/events/$s" ]; then echo 1 > "$I/events/$s/enable"; fi
done
for e in "$I"/events/dma/dma_sync_*; do
  if [ -d "$e" ]; then echo 0 > "$e/enable"; fi
done

echo 1 > "$I/tracing_on"
fio 'my job.fio' || echo "the workload ended with $?" >&2
echo 0 > "$I/tracing_on"

cat "$I/trace" > "$OUT/trace.txt"
cat "$I"/per_cpu/cpu*/stats > "$OUT/stats.txt"
json() { sed 's/\\/\\\\/g; s/"/\\"/g' "$@"; }
cat > "$OUT/meta.json" <<END
{
  "kernel": "$(uname -srvm | json)",
  "cmdline": "$(json /proc/cmdline)",
  "machine": { "cpus": $(getconf _NPROCESSORS_CONF) },
  "trace_clock": "mono"
}
END
if grep -E '^(overrun|commit overrun|dropped events): [1-9]' "$OUT/stats.txt"; then
  echo "events were lost: record for less time, or with a larger buffer" >&2
  exit 1
fi
