/*
 * Streams of family fq through the kernel's own DMA layer and flush queue; page tables and invalidations cost nothing.
 *
 *   fq ROUNDS CPUS HZ percpu|none < stream
 */
#include "maps.h"
#include "lib/rbtree.c"
#include "drivers/iommu/iova.c"

/* What dma-iommu.c finds around it */

#define DMA_MAPPING_ERROR (~(dma_addr_t)0)
#define put_pages_list(list)
#define iommu_put_pages_list(list)
#define static_branch_unlikely(key) 0
#define iommu_deferred_attach(dev, domain) 0
#define dev_is_pci(dev) true
#define dma_get_min_align_mask(dev) 0ul
#define iommu_unmap_fast(domain, address, size, gather) (size)
#define iommu_map_atomic(...) 0
#define iommu_map(...) 0
#define iommu_iotlb_sync(domain, gather)

struct iommu_iotlb_gather {
	struct list_head freelist;
	bool queued;
};
#define iommu_iotlb_gather_init(gather) (INIT_LIST_HEAD(&(gather)->freelist), (gather)->queued = false)

struct iommu_dma_cookie;
struct iommu_domain;
struct iommu_ops { void (*flush_iotlb_all)(struct iommu_domain *); };
struct iommu_domain {
	const struct iommu_ops *ops;
	struct iommu_dma_cookie *iova_cookie;
	struct { bool force_aperture; dma_addr_t aperture_end; } geometry;
};
struct dev_iommu { bool pci_32bit_workaround; };
struct device {
	u64 bus_dma_limit;
	struct dev_iommu *iommu;
};
/* A name that no caller has, as the macro is used to initialise theirs. */
static struct iommu_domain *only_domain;
#define iommu_get_dma_domain(dev) only_domain
static bool iommu_dma_forcedac;

#include "drivers/iommu/dma-iommu.c"

#ifdef IOVA_DEFAULT_FQ_SIZE
static void set_options(struct iommu_dma_cookie *cookie)
{
	cookie->options.qt = IOMMU_DMA_OPTS_PER_CPU_QUEUE;
	cookie->options.fq_size = IOVA_DEFAULT_FQ_SIZE;
	cookie->options.fq_timeout = IOVA_DEFAULT_FQ_TIMEOUT;
}
#else
static void set_options(struct iommu_dma_cookie *cookie) {}
#endif

struct live { dma_addr_t address; u64 bytes; };

static struct live *live;
static struct device device;
static bool is_queued;
static unsigned long flushes;

static void flush_all(struct iommu_domain *flushed)
{
	flushes++;
}
static const struct iommu_ops ops = { flush_all };

static void prepare(void)
{
	struct iommu_dma_cookie *cookie = calloc(1, sizeof(*cookie));

	only_domain = calloc(1, sizeof(*only_domain));
	only_domain->ops = &ops;
	only_domain->iova_cookie = cookie;
	cookie->type = IOMMU_DMA_IOVA_COOKIE;
	set_options(cookie);
	init_iova_domain(&cookie->iovad, PAGE_SIZE, 1);
	iova_domain_init_rcaches(&cookie->iovad);
	if (is_queued)
		iommu_dma_init_fq(only_domain);
	device.bus_dma_limit = 0;
	device.iommu = calloc(1, sizeof(*device.iommu));
	device.iommu->pci_32bit_workaround = true;
	live = calloc(ids, sizeof(*live));
	flushes = 0;
}

static struct answers replay(void)
{
	const u64 *time = column("t_ns"), *cpu = column("cpu"), *op = column("op"), *id = column("id");
	const u64 *phys = column("phys"), *size = column("size"), *limit = column("dma_limit");
	struct answers answers = {0};
	u64 tick = NS_PER_S / hz;

	for (unsigned long i = 0; i < operations; i++) {
		struct live *one = &live[id[i]];

		pass_time(time[i], tick);
		current_cpu = cpu[i];
		if (op[i] == MAP) {
			one->address = __iommu_dma_map(&device, phys[i], size[i], 0, limit[i] ? limit[i] : DMA_BIT_MASK(64));
			one->bytes = size[i];
			answer(&answers, one->address == DMA_MAPPING_ERROR ? 0 : one->address >> PAGE_SHIFT);
		} else if (op[i] == UNMAP && one->bytes && one->address != DMA_MAPPING_ERROR) {
			__iommu_dma_unmap(&device, one->address, one->bytes);
			one->bytes = 0;
		}
	}
	return answers;
}

static void clear(void)
{
	iommu_dma_free_fq(only_domain->iova_cookie);
	put_iova_domain(&only_domain->iova_cookie->iovad);
	free(device.iommu);
	free(only_domain->iova_cookie);
	free(only_domain);
	free(live);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	cpus = atoi(argv[2]);
	hz = atoi(argv[3]);
	is_queued = strcmp(argv[4], "percpu") == 0;
	read_operations();
	iova_cache_get();
	run_rounds(atoi(argv[1]), operations, prepare, replay, clear);
	return 0;
}
