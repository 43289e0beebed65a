/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching over a stream. A hit of a simple chain decides by its place alone; the hit of another
 * chain wakes it, and it is then tried on the window after each piece until it holds or until the
 * hit is so old that the window has moved on (two generations of bits, turned over every window).
 */
#include "tse/match/stream.h"

#include <string.h>

#include "tse/engine_priv.h"

struct scan_ctx {
	struct tse_engine *engine;
	struct stream *stream;
	unsigned group;
};

static size_t words_of(const struct tse_engine *e, unsigned group)
{
	return (e->set->groups[group].nchains + 63) / 64;
}

static uint64_t *bits_of(const struct tse_engine *e, const struct stream *s, unsigned group,
                         enum stream_bits which)
{
	return s->bits + words_of(e, group) * which;
}

static bool need_bits(struct tse_engine *e, struct stream *s, unsigned group)
{
	size_t bytes = words_of(e, group) * STREAM_BIT_SETS * sizeof(uint64_t);

	if (s->bits)
		return true;
	s->bits = pool_get(&e->pool, bytes);
	if (s->bits)
		memset(s->bits, 0, bytes);
	return s->bits != NULL;
}

static bool test_bit(const struct tse_engine *e, const struct stream *s, unsigned group,
                     enum stream_bits which, uint32_t bit)
{
	return s->bits && (bits_of(e, s, group, which)[bit / 64] >> (bit % 64) & 1);
}

static void set_bit(struct tse_engine *e, struct stream *s, unsigned group, enum stream_bits which,
                    uint32_t bit)
{
	if (need_bits(e, s, group))
		bits_of(e, s, group, which)[bit / 64] |= 1ULL << (bit % 64);
	else
		(void)engine_report_anomaly(e, ANOMALY_MEMORY);
}

/* Does the hit that ended at `to` lie where the simple chain wants it? */
static bool place_fits(const struct tse_engine *e, const struct rs_chain *chain, uint64_t to)
{
	const struct cond *c = &e->set->conds[chain->cond];
	uint64_t from = to - c->len;

	if (from < (uint64_t)c->offset)
		return false;
	return !(c->flags & COND_DEPTH) || to <= (uint64_t)c->offset + (uint64_t)c->depth;
}

static void hit_chain(struct scan_ctx *ctx, uint32_t index, uint64_t to)
{
	struct tse_engine *e = ctx->engine;
	const struct rs_chain *chain = &e->set->chains[index];

	if (test_bit(e, ctx->stream, ctx->group, STREAM_SEEN, chain->bit))
		return;
	if (!(chain->flags & RS_CHAIN_SIMPLE)) {
		set_bit(e, ctx->stream, ctx->group, STREAM_FRESH, chain->bit);
	} else if (place_fits(e, chain, to)) {
		set_bit(e, ctx->stream, ctx->group, STREAM_SEEN, chain->bit);
		if (!(chain->flags & RS_CHAIN_NEGATED))
			engine_queue_rule(e, chain->rule);
	}
}

static int on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                  void *arg)
{
	struct scan_ctx *ctx = arg;
	const struct rs_pattern *p = &ctx->engine->set->patterns[id];

	for (uint32_t i = 0; i < p->nrefs; i++)
		hit_chain(ctx, ctx->engine->set->refs[p->ref + i], to);
	return 0;
}

static hs_stream_t *open_stream(struct tse_engine *e, unsigned group)
{
	hs_stream_t *hs = NULL;

	if (e->nstreams[group] > 0) {
		hs = e->streams[group][--e->nstreams[group]];
		(void)hs_reset_stream(hs, 0, NULL, NULL, NULL);
		return hs;
	}
	return hs_open_stream(e->set->db[group], 0, &hs) == HS_SUCCESS ? hs : NULL;
}

static void close_stream(struct tse_engine *e, unsigned group, hs_stream_t *hs)
{
	if (e->nstreams[group] < ENGINE_STREAMS_KEPT)
		e->streams[group][e->nstreams[group]++] = hs;
	else
		(void)hs_close_stream(hs, NULL, NULL, NULL);
}

static void scan(struct tse_engine *e, struct stream *s, unsigned group, const uint8_t *data,
                 size_t len, bool ended)
{
	struct scan_ctx ctx = {.engine = e, .stream = s, .group = group};

	if (!e->set->db[group])
		return;
	if (!s->hs)
		s->hs = open_stream(e, group);
	if (!s->hs) {
		(void)engine_report_anomaly(e, ANOMALY_MEMORY);
		return;
	}
	if (len > 0)
		(void)hs_scan_stream(s->hs, (const char *)data, (unsigned)len, 0, e->scratch,
		                     on_hit, &ctx);
	if (ended)
		(void)hs_reset_stream(s->hs, 0, e->scratch, on_hit, &ctx);
}

/* History and piece in one run of bytes. */
static const struct inspect_view *window(struct stream_piece *piece)
{
	struct stream *s = piece->stream;

	if (piece->windowed)
		return &piece->view;
	piece->view = (struct inspect_view){.data = piece->data,
	                                    .len = piece->len,
	                                    .base = s->offset - s->history_len,
	                                    .ended = s->ended};
	if (s->history_len > 0) {
		memcpy(piece->window, s->history, s->history_len);
		if (piece->len > 0)
			memcpy(piece->window + s->history_len, piece->data, piece->len);
		piece->view.data = piece->window;
		piece->view.len += s->history_len;
	}
	if (!piece->view.data)
		piece->view.data = piece->window;
	piece->windowed = true;
	return &piece->view;
}

/* Tries one chain on the window; a positive one that holds is remembered. */
static bool try_chain(struct tse_engine *e, struct stream_piece *piece, uint32_t index)
{
	const struct rs_chain *chain = &e->set->chains[index];

	if (!inspect_chain(&e->tools, e->set, chain, window(piece)))
		return false;
	set_bit(e, piece->stream, piece->group, STREAM_SEEN, chain->bit);
	return true;
}

/* All chains that were woken, or that a rule waits for. */
static void try_woken(struct tse_engine *e, struct stream_piece *piece)
{
	struct stream *s = piece->stream;
	uint64_t *fresh;
	uint64_t *old;
	uint64_t *lazy;

	if (!s->bits)
		return;
	fresh = bits_of(e, s, piece->group, STREAM_FRESH);
	old = bits_of(e, s, piece->group, STREAM_OLD);
	lazy = bits_of(e, s, piece->group, STREAM_LAZY);
	for (size_t w = 0; w < words_of(e, piece->group); w++) {
		uint64_t todo = fresh[w] | old[w] | lazy[w];

		while (todo) {
			unsigned bit = (unsigned)__builtin_ctzll(todo);
			uint32_t index = e->bit_chain[piece->group][w * 64 + bit];

			todo &= todo - 1;
			if (!try_chain(e, piece, index))
				continue;
			fresh[w] &= ~(1ULL << bit);
			old[w] &= ~(1ULL << bit);
			lazy[w] &= ~(1ULL << bit);
			engine_queue_rule(e, e->set->chains[index].rule);
		}
	}
}

void stream_scan(struct tse_engine *e, struct stream *s, unsigned group, const uint8_t *data,
                 size_t len, bool ended, struct stream_piece *piece)
{
	*piece = (struct stream_piece){.stream = s,
	                               .group = group,
	                               .data = data,
	                               .len = len,
	                               .window = group >= RS_GROUP_BODY ? e->body_window
	                                                                : e->raw_window};
	s->ended |= ended;
	scan(e, s, group, data, len, ended);
	try_woken(e, piece);
}

bool stream_holds(struct tse_engine *e, struct stream_piece *piece, uint32_t index)
{
	const struct rs_chain *chain = &e->set->chains[index];
	struct stream *s = piece->stream;
	bool seen = test_bit(e, s, piece->group, STREAM_SEEN, chain->bit);

	if (chain->flags & RS_CHAIN_NEGATED) {
		if (chain->flags & RS_CHAIN_SIMPLE)
			return !seen;
		/* its one condition is a negation: the chain holds when that does */
		return inspect_chain(&e->tools, e->set, chain, window(piece));
	}
	if (seen)
		return true;
	if (!(chain->flags & (RS_CHAIN_LAZY | RS_CHAIN_AT_END)))
		return false;
	if (try_chain(e, piece, index))
		return true;
	if (chain->flags & RS_CHAIN_LAZY)
		set_bit(e, s, piece->group, STREAM_LAZY, chain->bit);
	return false;
}

bool stream_is_done(const struct tse_engine *e, const struct stream_piece *piece, uint32_t chain)
{
	return test_bit(e, piece->stream, piece->group, STREAM_DONE, e->set->chains[chain].bit);
}

void stream_set_done(struct tse_engine *e, struct stream_piece *piece, uint32_t chain)
{
	set_bit(e, piece->stream, piece->group, STREAM_DONE, e->set->chains[chain].bit);
}

static void rotate(struct tse_engine *e, struct stream *s, unsigned group, uint32_t window_len)
{
	size_t bytes = words_of(e, group) * sizeof(uint64_t);

	if (!s->bits || s->offset < s->rotate)
		return;
	memcpy(bits_of(e, s, group, STREAM_OLD), bits_of(e, s, group, STREAM_FRESH), bytes);
	memset(bits_of(e, s, group, STREAM_FRESH), 0, bytes);
	s->rotate = s->offset + SL_MAX(window_len, 4096u);
}

/* Room for `want` bytes of history, doubling up to the window. */
static bool grow_history(struct tse_engine *e, struct stream *s, uint32_t want, uint32_t max)
{
	uint32_t size = s->history_size ? s->history_size : 240;
	uint8_t *bigger;

	if (want <= s->history_size)
		return true;
	while (size < want)
		size = size * 2 + 16;
	size = SL_MAX(SL_MIN(size, max), want);
	bigger = pool_get(&e->pool, size);
	if (!bigger) {
		(void)engine_report_anomaly(e, ANOMALY_MEMORY);
		return false;
	}
	if (s->history_len > 0)
		memcpy(bigger, s->history, s->history_len);
	pool_put(&e->pool, s->history);
	s->history = bigger;
	s->history_size = size;
	return true;
}

void stream_keep(struct tse_engine *e, struct stream_piece *piece)
{
	struct stream *s = piece->stream;
	uint32_t max = e->set->groups[piece->group].window;
	uint32_t want = (uint32_t)SL_MIN((uint64_t)max, s->history_len + piece->len);
	uint32_t from_old;

	s->offset += piece->len;
	rotate(e, s, piece->group, max);
	if (max == 0 || piece->len == 0 || s->ended || !grow_history(e, s, want, max))
		return;
	from_old = piece->len >= want ? 0 : want - (uint32_t)piece->len;
	if (from_old > 0)
		memmove(s->history, s->history + s->history_len - from_old, from_old);
	memcpy(s->history + from_old, piece->data + piece->len - (want - from_old),
	       want - from_old);
	s->history_len = want;
}

void stream_forget(struct tse_engine *e, struct stream *s)
{
	pool_put(&e->pool, s->history);
	s->history = NULL;
	s->history_len = s->history_size = 0;
}

void stream_reset(struct tse_engine *e, struct stream *s, unsigned group)
{
	if (s->hs)
		close_stream(e, group, s->hs);
	pool_put(&e->pool, s->bits);
	pool_put(&e->pool, s->history);
	memset(s, 0, sizeof(*s));
}
