/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's flow table from user space; see table.h. `tpsd: wire`. */
#include "tpsd/flow/table.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "lib/base/err.h"

enum { CPUS_MAX = 1024 };

int table_get(const struct program *p, const struct wire_key *key, uint64_t serial,
              struct wire_flow *ret_flow)
{
	struct wire_flow f;

	if (bpf_map_lookup_elem_flags(p->map.flows, key, &f, BPF_F_LOCK))
		return errno == ENOENT ? SL_ENOENT : SL_ESYS;
	if (f.serial != serial)
		return SL_EMISMATCH;
	*ret_flow = f;
	return 0;
}

/*
 * The copy that is written back may have missed an acknowledgement that passed in between. That
 * is harmless: an undecided entry's ends only matter to a take, which reads them before.
 */
static int table_put(const struct program *p, const struct wire_key *key, const struct wire_flow *f)
{
	if (bpf_map_update_elem(p->map.flows, key, f, BPF_F_LOCK | BPF_EXIST))
		return errno == ENOENT ? SL_ENOENT : SL_ESYS;
	return 0;
}

static int get_undecided(const struct program *p, const struct wire_key *key, uint64_t serial,
                         struct wire_flow *f)
{
	int error = table_get(p, key, serial, f);

	if (error)
		return error;
	return f->state == WIRE_WATCH || f->state == WIRE_HELD ? 0 : SL_EBUSY;
}

int table_decide(const struct program *p, const struct wire_key *key, uint64_t serial,
                 const struct table_decision *d)
{
	struct wire_flow f;
	int error = get_undecided(p, key, serial, &f);

	if (error)
		return error;
	f.state = (uint8_t)d->state;
	f.flow = d->flow;
	f.synthetic = d->synthetic;
	f.worker = d->worker;
	f.reason = d->reason;
	f.revision = d->revision;
	f.ended |= d->ended;
	f.resets = d->resets;
	return table_put(p, key, &f);
}

int table_set_undecided(const struct program *p, const struct wire_key *key, uint64_t serial,
                        enum wire_state state)
{
	struct wire_flow f;
	int error = get_undecided(p, key, serial, &f);

	if (error)
		return error;
	f.state = (uint8_t)state;
	return table_put(p, key, &f);
}

void table_remove(const struct program *p, const struct wire_key *key, uint64_t serial)
{
	struct wire_flow f;

	if (!table_get(p, key, serial, &f))
		(void)bpf_map_delete_elem(p->map.flows, key);
}

int table_pair_add(const struct program *p, uint32_t synthetic, const struct wire_key *key,
                   uint64_t serial)
{
	struct wire_leg_pair pair = {.key = *key, .serial = serial};

	if (!bpf_map_update_elem(p->map.pairs, &synthetic, &pair, BPF_NOEXIST))
		return 0;
	return errno == EEXIST ? SL_EEXIST : SL_ELIMIT;
}

void table_pair_remove(const struct program *p, uint32_t synthetic)
{
	(void)bpf_map_delete_elem(p->map.pairs, &synthetic);
}

int table_pair_get(const struct program *p, uint32_t synthetic, struct wire_leg_pair *ret_pair)
{
	return bpf_map_lookup_elem(p->map.pairs, &synthetic, ret_pair) ? SL_ENOENT : 0;
}

static uint64_t sum_cpus(int fd, uint32_t key)
{
	uint64_t values[CPUS_MAX];
	int n = libbpf_num_possible_cpus();
	uint64_t sum = 0;

	if (n < 1 || n > CPUS_MAX || bpf_map_lookup_elem(fd, &key, values))
		return 0;
	for (int i = 0; i < n; i++)
		sum += values[i];
	return sum;
}

uint64_t table_count(const struct program *p, enum wire_count what)
{
	return sum_cpus(p->map.counts, what);
}

uint64_t table_dropped(const struct program *p, enum wire_drop why)
{
	return sum_cpus(p->map.drops, why);
}

#define WIRE_COUNTED(NAME, name, text) #name,
#define WIRE_DROPPED(NAME, name, text) #name,
static const char *const count_names[] = {
#include "bpf/count.def"
};
static const char *const drop_names[] = {
#include "bpf/drop.def"
};
#undef WIRE_DROPPED
#undef WIRE_COUNTED

/* Their places in the counters that everyone reads. */
#define WIRE_COUNTED(NAME, name, text) [WIRE_COUNT_##NAME] = COUNTER_##name,
#define WIRE_DROPPED(NAME, name, text) [WIRE_DROP_##NAME] = COUNTER_##name,
static const uint16_t count_counters[] = {
#include "bpf/count.def"
};
static const uint16_t drop_counters[] = {
#include "bpf/drop.def"
};
#undef WIRE_DROPPED
#undef WIRE_COUNTED

uint64_t table_copy_counters(const struct program *p, struct counter_slab *slab)
{
	uint64_t dropped = 0;

	for (unsigned i = 0; i < WIRE_COUNT_END; i++)
		slab->values[count_counters[i]] = table_count(p, (enum wire_count)i);
	for (unsigned i = 0; i < WIRE_DROP_END; i++) {
		slab->values[drop_counters[i]] = table_dropped(p, (enum wire_drop)i);
		dropped += slab->values[drop_counters[i]];
	}
	return dropped;
}

const char *table_count_name(enum wire_count what)
{
	return (unsigned)what < SL_ARRAY_LEN(count_names) ? count_names[what] : "unknown";
}

const char *table_drop_name(enum wire_drop why)
{
	return (unsigned)why < SL_ARRAY_LEN(drop_names) ? drop_names[why] : "unknown";
}
