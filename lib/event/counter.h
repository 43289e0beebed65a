/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters: one table (counter.def), one slab of shared memory a process, written by that process
 * alone and read by anyone without asking it. Values only grow, gauges go both ways; a reader sums
 * the slabs. The file is /run/sluice/NAME/counters, so that `tps` can read it with the daemon dead.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

/* X(GROUP, name, kind, help): the counter's full name is GROUP.name, e.g. npSslInspStats.accepted. */
enum counter {
#define X(group, name, kind, help) COUNTER_##name,
#include "lib/event/counter.def"
#undef X
	COUNTER_END
};

enum counter_kind { COUNTER_KIND_COUNTER, COUNTER_KIND_GAUGE };

enum { COUNTER_SLABS_MAX = 72 }; /* parent, wire, keys, control and 64 workers, with room */

struct counter_slab {
	uint64_t values[COUNTER_END];
} __attribute__((aligned(64)));

struct counter_file; /* the mapping of all slabs */

/* Creates or reuses the file (mode 0644); slabs of an earlier run are zeroed. SL_ESYS. */
int counter_file_create(const char *path, struct counter_file **ret_file) SL_NONNULL(1, 2) SL_MUST;
/* Opens for reading. SL_EMISMATCH when it is of another build's table. */
int counter_file_open(const char *path, struct counter_file **ret_file) SL_NONNULL(1, 2) SL_MUST;
void counter_file_close(struct counter_file *file);

/* The slab of a process slot, 0 to COUNTER_SLABS_MAX - 1. */
struct counter_slab *counter_file_slab(struct counter_file *file, unsigned slot) SL_NONNULL(1);

/* Sum over all slabs. */
uint64_t counter_sum(const struct counter_file *file, enum counter counter) SL_NONNULL(1);

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
