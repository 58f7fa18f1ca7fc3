/*
 * What code of the kernel finds when it is compiled as a program of one thread: locks, barriers and preemption are nothing,
 * per-CPU variables are rows of an array, memory comes from malloc, time is the time of the stream.
 *
 * kernel-code.ts puts it before every file. Written from what each function promises (kernel documentation, core-api).
 */
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef int64_t s64;
typedef uint64_t u64;
typedef uint64_t dma_addr_t;
typedef unsigned long phys_addr_t;
typedef unsigned int gfp_t;

/* Time and place */

#define MOST_CPUS 64
#define NS_PER_S 1000000000ul
extern int cpus, current_cpu, hz;
extern unsigned long jiffies;

#define msecs_to_jiffies(ms) (((ms) * (unsigned long)hz + 999) / 1000)
#define raw_smp_processor_id() ((unsigned int)current_cpu)
#define num_online_cpus() ((unsigned int)cpus)
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (int)(cpu) < cpus; (cpu)++)
#define for_each_online_cpu for_each_possible_cpu

/* Language */

#define __always_inline inline __attribute__((always_inline))
#define __force
#define __init
#define __percpu
#define __rcu
#define __read_mostly
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define READ_ONCE(x) (x)
#define WRITE_ONCE(x, value) ((x) = (value))
#define rcu_assign_pointer(p, value) ((p) = (value))
#define rcu_dereference_raw(p) (p)
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#define struct_size(p, member, n) (sizeof(*(p)) + sizeof((p)->member[0]) * (n))
#define static_assert _Static_assert
#define IS_ENABLED(option) 0
#define IS_REACHABLE(option) 1
#define EXPORT_SYMBOL(x)
#define EXPORT_SYMBOL_GPL(x)
#define MODULE_AUTHOR(x)
#define MODULE_DESCRIPTION(x)
#define MODULE_LICENSE(x)
#define THIS_MODULE 0

#define BUG_ON(x) do { if (x) { fprintf(stderr, "BUG: %s\n", #x); abort(); } } while (0)
#define WARN_ON(x) ({ bool is_so = !!(x); if (is_so) fprintf(stderr, "WARNING: %s\n", #x); is_so; })
#define WARN_ON_ONCE(x) WARN_ON(x)
#define WARN(x, ...) WARN_ON(x)
#define WARN_ONCE(x, ...) WARN_ON(x)
#define dev_WARN_ONCE(dev, x, ...) WARN_ON(x)
#define pr_err(...)
#define pr_info(...)
#define pr_warn(...)
#define pr_warn_once(...)
#define printk(...)
#define dev_notice(dev, ...)
#define dev_warn_once(dev, ...)
#define dev_warn_ratelimited(dev, ...)

/* Numbers */

#define min(a, b) ({ typeof(a) x_ = (a); typeof(b) y_ = (b); x_ < y_ ? x_ : y_; })
#define max(a, b) ({ typeof(a) x_ = (a); typeof(b) y_ = (b); x_ > y_ ? x_ : y_; })
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define min_not_zero(a, b) ({ u64 x_ = (a), y_ = (b); x_ == 0 ? y_ : y_ == 0 ? x_ : min(x_, y_); })
#define swap(a, b) do { typeof(a) kept_ = (a); (a) = (b); (b) = kept_; } while (0)
#define ALIGN_DOWN(x, to) ((x) & ~((typeof(x))(to) - 1))
#define ALIGN(x, to) ALIGN_DOWN((x) + (typeof(x))(to) - 1, to)
#define DIV_ROUND_UP(n, by) (((n) + (by) - 1) / (by))
#define BITS_PER_LONG 64
#define BIT(n) (1ul << (n))
#define DMA_BIT_MASK(n) ((n) == 64 ? ~0ull : (1ull << (n)) - 1)
#define U32_MAX UINT32_MAX
static inline unsigned int fls_long(unsigned long x) { return x ? 64 - __builtin_clzl(x) : 0; }
#define __fls(x) (fls_long(x) - 1)
#define fls64(x) ((int)fls_long(x))
#define bits_per(x) ((int)fls_long(x))
#define __ffs(x) ((unsigned long)__builtin_ctzl(x))
#define ilog2(x) ((int)fls_long(x) - 1)
#define order_base_2(x) ((x) > 1 ? (int)fls_long((x) - 1) : 0)
#define is_power_of_2(x) ((x) != 0 && ((x) & ((x) - 1)) == 0)
#define roundup_pow_of_two(x) (1ul << order_base_2(x))
#define __roundup_pow_of_two(x) roundup_pow_of_two(x)

/* Memory */

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x) ALIGN(x, PAGE_SIZE)
#define GFP_ATOMIC 0
#define GFP_KERNEL 0
#define SLAB_HWCACHE_ALIGN 0
#define cache_line_size() 64
#define kmalloc(size, flags) malloc(size)
#define kzalloc(size, flags) calloc(1, size)
#define kcalloc(n, size, flags) calloc(n, size)
#define kfree(p) free((void *)(p))
#define vmalloc(size) malloc(size)
#define vfree(p) free(p)
#define kmemleak_ignore(p)
#define kmemleak_transient_leak(p)
struct kmem_cache { size_t size; };
static inline struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, unsigned int flags, void *ctor)
{
	struct kmem_cache *cache = malloc(sizeof(*cache));

	cache->size = size;
	return cache;
}
#define kmem_cache_destroy(cache) free(cache)
#define kmem_cache_alloc(cache, flags) malloc((cache)->size)
#define kmem_cache_zalloc(cache, flags) calloc(1, (cache)->size)
#define kmem_cache_free(cache, p) free(p)

/* One row for each CPU. How long a row is stands before the first, as some end in an array whose length the type does not tell. */
#define ROWS_AT 64
static inline void *per_cpu_rows(size_t size)
{
	size_t row = ALIGN(size, 64);
	char *memory = calloc(1, ROWS_AT + row * cpus);

	memcpy(memory + ROWS_AT - sizeof(row), &row, sizeof(row));
	return memory + ROWS_AT;
}
#define __alloc_percpu(size, align) per_cpu_rows(size)
#define alloc_percpu(type) ((type *)per_cpu_rows(sizeof(type)))
#define free_percpu(p) free((char *)(p) - ROWS_AT)
#define per_cpu_ptr(p, cpu) ((typeof(p))((char *)(p) + (cpu) * ((size_t *)(p))[-1]))
#define raw_cpu_ptr(p) per_cpu_ptr(p, current_cpu)
#define get_cpu_ptr(p) raw_cpu_ptr(p)
#define put_cpu_ptr(p)

/* Locks and order */

typedef struct { char none; } spinlock_t;
struct mutex { char none; };
#define DEFINE_MUTEX(name) struct mutex name
#define mutex_lock(lock)
#define mutex_unlock(lock)
#define spin_lock_init(lock) ((void)(lock))
#define spin_lock(lock) ((void)(lock))
#define spin_unlock(lock) ((void)(lock))
#define spin_lock_irqsave(lock, flags) ((void)(lock), (flags) = 0)
#define spin_unlock_irqrestore(lock, flags) ((void)(lock), (void)(flags))
#define assert_spin_locked(lock)
#define smp_mb()
#define smp_wmb()

typedef struct { int value; } atomic_t;
typedef struct { s64 value; } atomic64_t;
typedef struct { long value; } atomic_long_t;
#define atomic_read(a) ((a)->value)
#define atomic_set(a, to) ((a)->value = (to))
#define atomic_xchg(a, to) ({ int was_ = (a)->value; (a)->value = (to); was_; })
#define atomic64_read(a) ((a)->value)
#define atomic64_set(a, to) ((a)->value = (to))
#define atomic64_inc(a) ((a)->value++)
#define atomic_long_read(a) ((a)->value)
#define atomic_long_add_return(n, a) ((a)->value += (n))
#define atomic_long_sub(n, a) ((a)->value -= (n))
#define atomic_long_try_cmpxchg(a, old, to) ((a)->value = (to), true)

/* Lists: nothing in these streams has one with members */

struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next, **pprev; };
#define INIT_LIST_HEAD(list) ((list)->next = (list)->prev = (list))
#define list_splice(from, to) ((void)(from), (void)(to))

/* CPUs neither come nor go */

#define CPUHP_IOMMU_IOVA_DEAD 0
#define cpuhp_setup_state_multi(state, name, up, down) 0
#define cpuhp_remove_multi_state(state)
#define cpuhp_state_add_instance_nocalls(state, node) 0
#define cpuhp_state_remove_instance_nocalls(state, node)
#define hlist_entry_safe(p, type, member) container_of(p, type, member)

/* Timers and delayed work: armed ones are in a list, which run_timers looks at when a tick has come. */

struct timer_list {
	void (*function)(struct timer_list *);
	struct timer_list *next;
	unsigned long expires;
	int cpu;
	bool is_armed;
};
extern struct timer_list *timers;

static inline void mod_timer(struct timer_list *timer, unsigned long expires)
{
	if (!timer->is_armed) {
		timer->next = timers;
		timers = timer;
	}
	timer->expires = expires;
	timer->cpu = current_cpu;
	timer->is_armed = true;
}

static inline void del_timer_sync(struct timer_list *timer)
{
	struct timer_list **at;

	for (at = &timers; *at; at = &(*at)->next) {
		if (*at == timer) {
			*at = timer->next;
			break;
		}
	}
	timer->is_armed = false;
}
#define timer_setup(timer, callback, flags) ((timer)->function = (callback), (timer)->is_armed = false)
#define from_timer(var, timer, member) container_of(timer, typeof(*(var)), member)

struct work_struct { void (*function)(struct work_struct *); };
struct delayed_work { struct work_struct work; struct timer_list timer; };
static inline void run_delayed_work(struct timer_list *timer)
{
	struct delayed_work *delayed = container_of(timer, struct delayed_work, timer);

	delayed->work.function(&delayed->work);
}
#define INIT_DELAYED_WORK(delayed, callback) \
	((delayed)->work.function = (callback), timer_setup(&(delayed)->timer, run_delayed_work, 0))
/* Work that waits already keeps its time. */
#define schedule_delayed_work(delayed, delay) \
	do { if (!(delayed)->timer.is_armed) mod_timer(&(delayed)->timer, jiffies + (delay)); } while (0)
#define cancel_delayed_work_sync(delayed) del_timer_sync(&(delayed)->timer)

#endif
