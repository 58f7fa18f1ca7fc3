/*
 * Rounds of a stream: time passes, and is taken. Every round is the whole stream on a new model; what is reported is one line
 * of JSON, like an entry of native.json.
 */
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

#include "kernel.h"
#include <time.h>

int cpus, current_cpu, hz = 250;
unsigned long jiffies;
struct timer_list *timers;

/* The earliest timer that is due in tick `until`, or none. */
static struct timer_list *due_timer(unsigned long until)
{
	struct timer_list *first = NULL;

	for (struct timer_list *one = timers; one; one = one->next)
		if (one->expires <= until && (!first || one->expires < first->expires))
			first = one;
	return first;
}

/* Time goes on to a tick: timers run at their own ticks, on their CPUs. */
static void pass_ticks(unsigned long until)
{
	struct timer_list *timer;

	while ((timer = due_timer(until))) {
		jiffies = timer->expires;
		current_cpu = timer->cpu;
		del_timer_sync(timer);
		timer->function(timer);
	}
	jiffies = until;
}

/* Time goes on to `ns` since the beginning. */
static inline void pass_time(u64 ns, u64 tick_ns)
{
	unsigned long now = ns / tick_ns;

	if (now != jiffies)
		pass_ticks(now);
}

/* All of standard input. */
static char *read_stream(size_t *length)
{
	size_t room = 1 << 20;
	char *bytes = malloc(room + 1);

	*length = 0;
	for (size_t got; (got = fread(bytes + *length, 1, room - *length, stdin)) > 0;) {
		*length += got;
		if (*length == room)
			bytes = realloc(bytes, (room *= 2) + 1);
	}
	bytes[*length] = 0;
	return bytes;
}

/* What one round allocated: (sum * 31 + address) mod 2^64 in order, 0 for a failed one. */
struct answers {
	u64 sum;
	unsigned long fails;
};

static inline void answer(struct answers *answers, u64 address)
{
	answers->sum = answers->sum * 31 + address;
	answers->fails += address == 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Runs so many rounds of `count` operations, after one that warms up, and prints what they took. */
static void run_rounds(int rounds, unsigned long count, void (*prepare)(void), struct answers (*replay)(void), void (*clear)(void))
{
	double *ns = malloc(rounds * sizeof(*ns));
	struct answers answers = {0};

	for (int round = -1; round < rounds; round++) {
		struct timespec from, to;

		jiffies = 0;
		timers = NULL;
		prepare();
		clock_gettime(CLOCK_MONOTONIC, &from);
		answers = replay();
		clock_gettime(CLOCK_MONOTONIC, &to);
		clear();
		if (round >= 0)
			ns[round] = ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / count;
	}
	qsort(ns, rounds, sizeof(*ns), by_size);
	printf("{\"ns_per_op\": %.2f, \"min\": %.2f, \"fails\": %lu, \"checksum\": \"%016lx\"}\n",
	       ns[rounds / 2], ns[0], answers.fails, (unsigned long)answers.sum);
	free(ns);
}

#endif
