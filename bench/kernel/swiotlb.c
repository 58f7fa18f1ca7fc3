/*
 * Streams of family swiotlb through the kernel's own static pool; nothing is copied.
 *
 *   swiotlb ROUNDS CPUS SLOTS AREAS < stream
 */
#include "maps.h"

#define CONFIG_DEBUG_FS 1
#define CONFIG_SWIOTLB 1

/* What swiotlb.c finds around it */

#define DMA_MAPPING_ERROR (~(dma_addr_t)0)
#define DMA_ATTR_NO_WARN 1
#define DMA_ATTR_SKIP_CPU_SYNC 2
enum dma_data_direction { DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE };

struct io_tlb_mem;
struct device {
	struct io_tlb_mem *dma_io_tlb_mem;
	u64 min_align_mask;
};
#define dma_get_min_align_mask(dev) ((unsigned int)(dev)->min_align_mask)
#define dma_get_seg_boundary(dev) 0xfffffffful
#define dma_reset_need_sync(dev)
#define phys_to_dma_unencrypted(dev, phys) (phys)
#define cc_platform_has(what) false
#define swiotlb_bounce(...)
static void *pool_memory;
#define phys_to_virt(phys) ((void)(phys), pool_memory)

static inline bool iommu_is_span_boundary(unsigned int index, unsigned int n, unsigned long shift, unsigned long size)
{
	return ((shift + index) & (size - 1)) + n > size;
}

#include "include/linux/swiotlb.h"
#if KERNEL < 606
phys_addr_t swiotlb_unencrypted_base;
#endif
#include "kernel/dma/swiotlb.c"

#define START 0x10000000ul

static unsigned long slots, areas;
static struct io_tlb_mem *mem;
static phys_addr_t *live;

/* The pool of the only instance; a kernel from 6.6 on has it inside of the allocator. */
#if KERNEL >= 606
#define pool (&mem->defpool)
#else
#define pool mem
#endif

static void prepare(void)
{
	mem = calloc(1, sizeof(*mem));
	mem->nslabs = slots;
	pool->areas = calloc(areas, sizeof(*pool->areas));
	pool->slots = calloc(slots, sizeof(*pool->slots));
#if KERNEL >= 606
	swiotlb_init_io_tlb_pool(pool, START, pool_memory, slots, true, areas);
#else
	swiotlb_init_io_tlb_mem(pool, START, slots, 0, true, areas);
#endif
	live = calloc(ids, sizeof(*live));
}

static phys_addr_t map(struct device *device, u64 phys, u64 size, u64 align_mask)
{
#if KERNEL >= 606
	return swiotlb_tbl_map_single(device, phys, size, align_mask, DMA_TO_DEVICE, 0);
#else
	return swiotlb_tbl_map_single(device, phys, size, ALIGN(size, align_mask + 1), align_mask, DMA_TO_DEVICE, 0);
#endif
}

static void unmap(struct device *device, phys_addr_t address)
{
#if KERNEL >= 606
	__swiotlb_tbl_unmap_single(device, address, 0, DMA_TO_DEVICE, 0, pool);
#else
	swiotlb_tbl_unmap_single(device, address, 0, DMA_TO_DEVICE, 0);
#endif
}

static struct answers replay(void)
{
	const u64 *cpu = column("cpu"), *op = column("op"), *id = column("id"), *size = column("size");
	const u64 *phys = column("orig_addr"), *align = column("alloc_align_mask"), *min_align = column("min_align_mask");
	struct device device = { mem, 0 };
	struct answers answers = {0};

	for (unsigned long i = 0; i < operations; i++) {
		phys_addr_t *one = &live[id[i]];

		current_cpu = cpu[i];
		if (op[i] == MAP) {
			device.min_align_mask = min_align[i];
			*one = map(&device, phys[i], size[i], align[i]);
			if (*one == (phys_addr_t)DMA_MAPPING_ERROR)
				*one = 0;
			answer(&answers, *one);
		} else if (op[i] == UNMAP && *one) {
			unmap(&device, *one);
			*one = 0;
		}
	}
	return answers;
}

static void clear(void)
{
	free(pool->areas);
	free(pool->slots);
	free(mem);
	free(live);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	cpus = atoi(argv[2]);
	slots = strtoul(argv[3], NULL, 0);
	areas = strtoul(argv[4], NULL, 0);
	pool_memory = malloc(slots << IO_TLB_SHIFT);
	read_operations();
	run_rounds(atoi(argv[1]), operations, prepare, replay, clear);
	return 0;
}
