/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters: one table (counter.def), one slab of shared memory a process, written by that process
 * alone and read by anyone without asking it. Values only grow, gauges go both ways; a reader sums
 * the slabs. Beside them a count for each reason (reason.def) and histograms of times
 * (histogram.def). The file is /run/sluice/NAME/counters, so that `tps` can read it with the daemon
 * dead.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/event/reason.h"

/* X(GROUP, name, kind, help): the counter's full name is GROUP.name, e.g. npSslInspStats.accepted.
 */
enum counter {
#define X(group, name, kind, help) COUNTER_##name,
#include "lib/event/counter.def"
#undef X
	COUNTER_END
};

enum counter_kind { COUNTER_KIND_COUNTER, COUNTER_KIND_GAUGE };

enum { COUNTER_SLABS_MAX = 72 }; /* parent to link and 64 workers, with room */

/* Times are counted in fixed buckets, each twice as wide as the one before: X(name, help). */
enum histogram {
#define X(name, help) HISTOGRAM_##name,
#include "lib/event/histogram.def"
#undef X
	HISTOGRAM_END
};

enum {
	HISTOGRAM_FIRST_US = 16, /* upper bound of bucket 0 */
	HISTOGRAM_BUCKETS = 22,  /* 16 us, 32 us, ... 33.6 s; the last one is everything above */
};

struct counter_histogram {
	uint64_t sum_us;
	uint64_t buckets[HISTOGRAM_BUCKETS + 1];
};

struct counter_slab {
	uint64_t values[COUNTER_END];
	uint64_t reasons[REASON_END]; /* flows and sessions that ended so */
	struct counter_histogram histograms[HISTOGRAM_END];
} __attribute__((aligned(64)));

struct counter_file; /* the mapping of all slabs */

/* Creates or reuses the file (mode 0644); slabs of an earlier run are zeroed. SL_ESYS with errno.
 */
int counter_file_create(const char *path, struct counter_file **ret_file) SL_NONNULL(1, 2) SL_MUST;
/* Opens for reading: SL_ESYS with errno, SL_EMISMATCH when it is of another build's table. Nothing
 * may be written through such a mapping. */
int counter_file_open(const char *path, struct counter_file **ret_file) SL_NONNULL(1, 2) SL_MUST;
void counter_file_close(struct counter_file *file);

/* The slab of a process slot, 0 to COUNTER_SLABS_MAX - 1. */
struct counter_slab *counter_file_slab(struct counter_file *file, unsigned slot) SL_NONNULL(1);

/* Sum over all slabs. */
uint64_t counter_sum(const struct counter_file *file, enum counter counter) SL_NONNULL(1);

uint64_t counter_sum_reason(const struct counter_file *file, enum reason reason) SL_NONNULL(1);
void counter_sum_histogram(const struct counter_file *file, enum histogram histogram,
                           struct counter_histogram *ret_sum) SL_NONNULL(1, 3);

/* Upper bound of a bucket in microseconds; 0 for the last one, which has none. */
uint64_t histogram_bound_us(unsigned bucket);
const char *histogram_name(enum histogram histogram);
const char *histogram_help(enum histogram histogram);

/* "npSslInspStats", "accepted"; static. The counter of a group and name, SL_ENOENT. */
int counter_find(const char *group, const char *name, enum counter *ret_counter)
        SL_NONNULL(1, 2, 3) SL_MUST;
const char *counter_name(enum counter counter);
const char *counter_group(enum counter counter);
const char *counter_help(enum counter counter);
enum counter_kind counter_kind(enum counter counter);

/* A plain load and a relaxed store: the slab has one writer. */
static inline void counter_add(struct counter_slab *slab, enum counter counter, uint64_t n)
{
	uint64_t *v = &slab->values[counter];

	__atomic_store_n(v, __atomic_load_n(v, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static inline void counter_sub(struct counter_slab *slab, enum counter counter, uint64_t n)
{
	counter_add(slab, counter, (uint64_t)0 - n);
}

/* Of a gauge that is known as a whole. */
static inline void counter_set(struct counter_slab *slab, enum counter counter, uint64_t value)
{
	__atomic_store_n(&slab->values[counter], value, __ATOMIC_RELAXED);
}

/* The end of a flow or session, once for each (also those that never became a session). */
static inline void counter_add_reason(struct counter_slab *slab, enum reason reason)
{
	uint64_t *v = &slab->reasons[(unsigned)reason < REASON_END ? reason : REASON_INTERNAL];

	__atomic_store_n(v, __atomic_load_n(v, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

/* Bucket of a time: the first whose bound is not below it. */
static inline unsigned histogram_bucket(uint64_t us)
{
	unsigned bits;

	if (us <= HISTOGRAM_FIRST_US)
		return 0;
	bits = 64 - (unsigned)__builtin_clzll((us - 1) / HISTOGRAM_FIRST_US);
	return bits < HISTOGRAM_BUCKETS ? bits : HISTOGRAM_BUCKETS;
}

/* A time in nanoseconds. */
static inline void counter_add_time(struct counter_slab *slab, enum histogram histogram,
                                    uint64_t ns)
{
	struct counter_histogram *h = &slab->histograms[histogram];
	uint64_t *v = &h->buckets[histogram_bucket(ns / 1000)];

	__atomic_store_n(v, __atomic_load_n(v, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
	v = &h->sum_us;
	__atomic_store_n(v, __atomic_load_n(v, __ATOMIC_RELAXED) + ns / 1000, __ATOMIC_RELAXED);
}
