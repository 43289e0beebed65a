/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine: one thread's scratch, work memory and caches around a rule set. All of it is
 * allocated here, so that feeding allocates from the pool alone.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "tse/engine_priv.h"

enum {
	HEADER_MAX = 64 * 1024,
	BODY_MAX = 1024 * 1024,
	RATIO_MAX = 100,
	/* normalised buffers of a head: target, host, headers, names and values at their longest */
	WORK_COPIES = 6,
	WORK_SLACK = 8192,
	PCRE_MATCH_LIMIT = 20000,
	PCRE_DEPTH_LIMIT = 2000,
	PCRE_HEAP_KIB = 512,
	JIT_STACK_MAX = 256 * 1024,
};

static void set_limits(struct tse_engine *e, const struct tse_limits *limits)
{
	e->limits.hold_overflow_block = true;
	if (limits)
		e->limits = *limits;
	if (e->limits.hold_max == 0 || e->limits.hold_max > TSE_HOLD_MAX)
		e->limits.hold_max = TSE_HOLD_MAX;
	if (e->limits.header_max == 0 || e->limits.header_max > e->limits.hold_max)
		e->limits.header_max = SL_MIN((size_t)HEADER_MAX, e->limits.hold_max);
	if (e->limits.body_decoded_max == 0)
		e->limits.body_decoded_max = BODY_MAX;
	if (e->limits.decode_ratio_max == 0)
		e->limits.decode_ratio_max = RATIO_MAX;
}

static int alloc_scratch(struct tse_engine *e)
{
	for (unsigned g = 0; g < RS_GROUPS; g++) {
		if (e->set->db[g] && hs_alloc_scratch(e->set->db[g], &e->scratch) != HS_SUCCESS)
			return SL_ENOMEM;
	}
	return 0;
}

static int alloc_pcre(struct tse_engine *e)
{
	e->tools.match_data = pcre2_match_data_create(1, NULL);
	e->tools.match_context = pcre2_match_context_create(NULL);
	e->jit_stack = pcre2_jit_stack_create(16 * 1024, JIT_STACK_MAX, NULL);
	if (!e->tools.match_data || !e->tools.match_context || !e->jit_stack)
		return SL_ENOMEM;
	(void)pcre2_set_match_limit(e->tools.match_context, PCRE_MATCH_LIMIT);
	(void)pcre2_set_depth_limit(e->tools.match_context, PCRE_DEPTH_LIMIT);
	(void)pcre2_set_heap_limit(e->tools.match_context, PCRE_HEAP_KIB);
	pcre2_jit_stack_assign(e->tools.match_context, NULL, e->jit_stack);
	return 0;
}

static int alloc_work(struct tse_engine *e)
{
	const struct rs_group *groups = e->set->groups;
	size_t rules = e->set->nrules;
	uint32_t raw = SL_MAX(groups[RS_GROUP_RAW].window, groups[RS_GROUP_RAW + 1].window);
	uint32_t body = SL_MAX(groups[RS_GROUP_BODY].window, groups[RS_GROUP_BODY + 1].window);

	e->queue = calloc(rules + 1, sizeof(*e->queue));
	e->queued = calloc(rules / 64 + 1, sizeof(*e->queued));
	e->raw_window = malloc(raw + STREAM_PIECE_MAX);
	e->body_window = malloc(body + STREAM_PIECE_MAX);
	e->work = malloc(e->limits.header_max * WORK_COPIES + WORK_SLACK);
	e->decoded = malloc(STREAM_PIECE_MAX);
	return e->queue && e->queued && e->raw_window && e->body_window && e->work && e->decoded
	               ? 0
	               : SL_ENOMEM;
}

/* Which buffers are looked into at all, and where the chain of each bit is. */
static int index_chains(struct tse_engine *e)
{
	const struct tse_ruleset *set = e->set;

	for (unsigned g = 0; g < RS_STREAM_GROUPS; g++) {
		e->bit_chain[g] = calloc(set->groups[g].nchains + 1, sizeof(uint32_t));
		if (!e->bit_chain[g])
			return SL_ENOMEM;
	}
	for (uint32_t i = 0; i < set->nchains; i++) {
		const struct rs_chain *chain = &set->chains[i];

		e->buffer_used[chain->buffer] = true;
		if (rs_group_is_stream(chain->group))
			e->bit_chain[chain->group][chain->bit] = i;
	}
	for (unsigned d = 0; d < 2; d++)
		e->body_used[d] = set->groups[RS_GROUP_BODY + d].nchains > 0;
	return 0;
}

/* Is a rule there that joins a whole buffer with a stream? */
static void find_joined(struct tse_engine *e)
{
	const struct tse_ruleset *set = e->set;

	for (uint32_t r = 0; r < set->nrules; r++) {
		for (unsigned d = 0; d < 2; d++) {
			bool whole = false;
			bool stream = false;

			for (uint32_t i = 0; i < set->rules[r].nchains[d]; i++) {
				const struct rs_chain *chain =
				        &set->chains[set->rules[r].chain[d] + i];

				stream |= rs_group_is_stream(chain->group);
				whole |= !rs_group_is_stream(chain->group);
			}
			e->head_kept[d] |= whole && stream;
		}
	}
}

int tse_engine_create(const struct tse_ruleset *set, const struct tse_limits *limits,
                      struct tse_engine **ret_engine)
{
	struct tse_engine *e;
	int rc;

	MAGIC_CHECK(set, RS_MAGIC);
	e = calloc(1, sizeof(*e));
	if (!e)
		return SL_ENOMEM;
	MAGIC_SET(e, ENGINE_MAGIC);
	e->set = set;
	pool_init(&e->pool);
	set_limits(e, limits);
	rc = alloc_scratch(e);
	if (rc == 0)
		rc = alloc_pcre(e);
	if (rc == 0)
		rc = alloc_work(e);
	if (rc == 0)
		rc = index_chains(e);
	if (rc != 0) {
		tse_engine_destroy(e);
		return rc;
	}
	find_joined(e);
	*ret_engine = e;
	return 0;
}

void tse_engine_destroy(struct tse_engine *e)
{
	if (!e)
		return;
	MAGIC_CHECK(e, ENGINE_MAGIC);
	for (unsigned g = 0; g < RS_STREAM_GROUPS; g++) {
		while (e->nstreams[g] > 0)
			(void)hs_close_stream(e->streams[g][--e->nstreams[g]], NULL, NULL, NULL);
		free(e->bit_chain[g]);
	}
	(void)hs_free_scratch(e->scratch);
	pcre2_match_data_free(e->tools.match_data);
	pcre2_match_context_free(e->tools.match_context);
	pcre2_jit_stack_free(e->jit_stack);
	free(e->queue);
	free(e->queued);
	free(e->raw_window);
	free(e->body_window);
	free(e->work);
	free(e->decoded);
	pool_fini(&e->pool);
	MAGIC_CLEAR(e);
	free(e);
}
