/*
 * Streams of family iova (test/golden/bench/README.md) through the kernel's own allocator.
 *
 *   iova ROUNDS < stream
 */
#include "rounds.h"
#include "lib/rbtree.c"
#include "drivers/iommu/iova.c"

struct header {
	char magic[8];
	u32 count, limits_used, cpus, ids;
	u64 granule, start_pfn;
	u64 limits[16];
};

enum { ALLOC, ALLOC_FLUSH, FREE };

struct record {
	u32 id, after_ns;
	uint16_t pages;
	u8 op, limit, cpu, pad[3];
};

struct live { unsigned long pfn, pages; };

static struct header head;
static struct record *records;
static struct iova_domain *domain;
static struct live *live;

static void prepare(void)
{
	domain = calloc(1, sizeof(*domain));
	init_iova_domain(domain, head.granule, head.start_pfn);
	iova_domain_init_rcaches(domain);
	live = calloc(head.ids, sizeof(*live));
}

static struct answers replay(void)
{
	struct answers answers = {0};
	u64 now = 0, tick = NS_PER_S / hz;

	for (u32 i = 0; i < head.count; i++) {
		struct record *record = &records[i];
		struct live *one = &live[record->id];

		pass_time(now += record->after_ns, tick);
		current_cpu = record->cpu;
		if (record->op != FREE) {
			one->pages = record->pages;
			one->pfn = alloc_iova_fast(domain, one->pages, head.limits[record->limit], record->op == ALLOC_FLUSH);
			answer(&answers, one->pfn);
		} else if (one->pfn) {
			free_iova_fast(domain, one->pfn, one->pages);
			one->pfn = 0;
		}
	}
	return answers;
}

static void clear(void)
{
	put_iova_domain(domain);
	free(domain);
	free(live);
}

int main(int argc, char **argv)
{
	size_t length;
	char *bytes = read_stream(&length);

	if (argc != 2 || length < sizeof(head))
		return 2;
	memcpy(&head, bytes, sizeof(head));
	records = (struct record *)(bytes + sizeof(head));
	cpus = head.cpus;
	iova_cache_get();
	run_rounds(atoi(argv[1]), head.count, prepare, replay, clear);
	return 0;
}
