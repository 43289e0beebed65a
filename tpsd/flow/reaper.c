/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removes entries whose flow is over. The end of a socket is not the end of its packets (a late
 * FIN, TIME_WAIT), so an entry goes only after it has been quiet for a while. A pass goes through
 * the table in batches and then through the synthetic addresses. `tpsd: wire`.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/flow/table.h"
#include "tpsd/flow/wire.h"

enum {
	BATCH = 2048,
	BATCHES_A_STEP = 4,
	PASS_EVERY_MS = 1000,
	/*
	 * Quiet for so long, in seconds, and the entry goes. A RST that is lost is only sent again
	 * when the other end tries again, which by then may be 12.8 s apart (RFC 6298).
	 */
	AFTER_RESET_S = 30,
	AFTER_FINS_S = 30,
	AFTER_DEAD_S = 30,
	AFTER_BLOCK_S = 30,
	WITHOUT_PAIR_S = 2,
	PAIR_PASSES = 8, /* a missing pair is looked for in each eighth pass */
	HALF_CLOSED_S = 600,
	IDLE_S = 7200,
	HELD_LOST_S = 5, /* held, and user space does not know of it */
};

struct reaper {
	struct wire_key keys[BATCH];
	struct wire_flow values[BATCH];
	uint32_t pair_keys[BATCH];
	struct wire_leg_pair pairs[BATCH];
	uint8_t cursor[sizeof(struct wire_key)];
	bool in_pass, in_pairs, has_cursor;
	unsigned pass; /* counts them */
	uint64_t pass_started_ns;
	uint64_t now;
	uint64_t seen; /* entries in this pass */
};

int reaper_init(struct wire *w)
{
	w->reaper = calloc(1, sizeof(*w->reaper));
	return w->reaper ? 0 : SL_ENOMEM;
}

void reaper_fini(struct wire *w)
{
	free(w->reaper);
	w->reaper = NULL;
}

static bool quiet_for(const struct reaper *r, const struct wire_flow *f, uint64_t seconds)
{
	return (int64_t)(r->now - f->seen_ns) > (int64_t)(seconds * CLOCK_NS_PER_S);
}

static bool both_fins(const struct wire_flow *f)
{
	return (f->ended & (WIRE_FIN_A | WIRE_FIN_B)) == (WIRE_FIN_A | WIRE_FIN_B);
}

static bool ended_and_quiet(const struct reaper *r, const struct wire_flow *f)
{
	if (f->ended & WIRE_RST)
		return quiet_for(r, f, AFTER_RESET_S);
	if (both_fins(f))
		return quiet_for(r, f, AFTER_FINS_S);
	if (f->ended)
		return quiet_for(r, f, HALF_CLOSED_S);
	return quiet_for(r, f, IDLE_S);
}

static void drop_entry(struct wire *w, const struct wire_key *key, const struct wire_flow *f)
{
	table_remove(&w->program, key, f->serial);
	if (f->synthetic)
		table_pair_remove(&w->program, f->synthetic);
}

static bool known(struct wire *w, const struct wire_key *key, uint64_t serial)
{
	struct flow *f;

	HASH_FIND(by_key, w->flows_by_key, key, sizeof(*key), f);
	return f && f->serial == serial;
}

static void look_watch(struct wire *w, const struct wire_key *key, const struct wire_flow *f)
{
	struct reaper *r = w->reaper;

	if (f->ended || quiet_for(r, f, IDLE_S)) {
		if (ended_and_quiet(r, f))
			drop_entry(w, key, f);
		return;
	}
	if (f->silence_ms && !w->was_off &&
	    (int64_t)(r->now - f->created_ns) > (int64_t)(f->silence_ms * CLOCK_NS_PER_MS))
		flow_on_silence(w, key, f);
}

static void look_held(struct wire *w, const struct wire_key *key, const struct wire_flow *f)
{
	if (quiet_for(w->reaper, f, HELD_LOST_S) && !known(w, key, f->serial) &&
	    table_set_undecided(&w->program, key, f->serial, WIRE_WATCH) == SL_ESYS)
		log_debug("a held entry cannot be watched again: %s", strerror(errno));
}

/* The look-up is a system call, and every connection of the last half minute is here: one whose
 * sockets are dead has time until AFTER_DEAD_S, and one without a pair is rare. */
static bool divert_may_be_due(const struct reaper *r, const struct wire_flow *f)
{
	if (quiet_for(r, f, AFTER_DEAD_S))
		return true;
	return r->pass % PAIR_PASSES == 0 && quiet_for(r, f, WITHOUT_PAIR_S);
}

static void look_divert(struct wire *w, const struct wire_key *key, const struct wire_flow *f)
{
	struct wire_leg_pair pair;

	if (!divert_may_be_due(w->reaper, f))
		return;
	if (table_pair_get(&w->program, f->synthetic, &pair)) {
		drop_entry(w, key, f);
		return;
	}
	if (pair.serial == f->serial && pair.dead != WIRE_LEGS_DEAD)
		return;
	if (quiet_for(w->reaper, f, AFTER_DEAD_S))
		drop_entry(w, key, f);
}

static void look(struct wire *w, const struct wire_key *key, const struct wire_flow *f)
{
	switch (f->state) {
	case WIRE_WATCH:
		look_watch(w, key, f);
		break;
	case WIRE_HELD:
		look_held(w, key, f);
		break;
	case WIRE_FORWARD:
		if (ended_and_quiet(w->reaper, f))
			drop_entry(w, key, f);
		break;
	case WIRE_DIVERT:
		look_divert(w, key, f);
		break;
	default:
		if (quiet_for(w->reaper, f, AFTER_BLOCK_S))
			drop_entry(w, key, f);
		break;
	}
}

/* One batch of a map; true when the map is through. */
static bool batch(struct reaper *r, int fd, void *keys, void *values, uint64_t flags,
                  uint32_t *ret_count)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = flags);
	uint32_t n = BATCH;
	int error = bpf_map_lookup_batch(fd, r->has_cursor ? r->cursor : NULL, r->cursor, keys,
	                                 values, &n, &opts);

	*ret_count = error && errno != ENOENT ? 0 : n;
	r->has_cursor = !error;
	return error != 0;
}

static void step_flows(struct wire *w)
{
	struct reaper *r = w->reaper;
	uint32_t n;
	bool through = batch(r, w->program.map.flows, r->keys, r->values, BPF_F_LOCK, &n);

	for (uint32_t i = 0; i < n; i++)
		look(w, &r->keys[i], &r->values[i]);
	r->seen += n;
	if (through) {
		w->flows_in_table = r->seen;
		r->in_pairs = true;
	}
}

/* Addresses of entries that were replaced by the next flow of their tuple. */
static void step_pairs(struct wire *w)
{
	struct reaper *r = w->reaper;
	struct wire_flow f;
	uint32_t n;
	bool through = batch(r, w->program.map.pairs, r->pair_keys, r->pairs, 0, &n);

	for (uint32_t i = 0; i < n; i++)
		if (r->pairs[i].dead == WIRE_LEGS_DEAD &&
		    table_get(&w->program, &r->pairs[i].key, r->pairs[i].serial, &f))
			table_pair_remove(&w->program, r->pair_keys[i]);
	if (through)
		r->in_pass = r->in_pairs = false;
}

void reaper_step(struct wire *w)
{
	struct reaper *r = w->reaper;

	r->now = clock_now_ns();
	if (!r->in_pass) {
		if (r->now - r->pass_started_ns < PASS_EVERY_MS * CLOCK_NS_PER_MS)
			return;
		r->pass_started_ns = r->now;
		r->in_pass = true;
		r->pass++;
		r->in_pairs = r->has_cursor = false;
		r->seen = 0;
	}
	for (int i = 0; r->in_pass && i < BATCHES_A_STEP; i++) {
		if (r->in_pairs)
			step_pairs(w);
		else
			step_flows(w);
	}
}

void reaper_adopt(struct wire *w)
{
	struct reaper *r = w->reaper;
	uint32_t n, adopted = 0;
	bool through;

	do {
		through = batch(r, w->program.map.flows, r->keys, r->values, BPF_F_LOCK, &n);
		for (uint32_t i = 0; i < n; i++)
			if (r->values[i].state == WIRE_HELD &&
			    table_set_undecided(&w->program, &r->keys[i], r->values[i].serial,
			                        WIRE_WATCH) == SL_ESYS)
				log_debug("a held entry cannot be watched again");
		adopted += n;
	} while (!through);
	r->has_cursor = false;
	log_info("%u flows of the daemon before are adopted", adopted);
}
