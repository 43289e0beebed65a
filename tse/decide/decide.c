/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides which of the queued rules hold. A rule holds when its header fits the flow and each of
 * its chains holds: chains of streams by what their streams remember, chains of whole buffers on
 * the head in hand. Cheap questions first.
 */
#include "tse/decide/decide.h"

#include <string.h>

#include "tse/proto/buffers.h"

static bool ends_fit(const struct tse_ruleset *set, const struct rs_rule *r,
                     const struct tse_tuple *t, bool from_client)
{
	const struct addr *src = from_client ? &t->client : &t->server;
	const struct addr *dst = from_client ? &t->server : &t->client;
	uint16_t src_port = from_client ? t->client_port : t->server_port;
	uint16_t dst_port = from_client ? t->server_port : t->client_port;

	return rs_port_matches(set, r->src_port, src_port) &&
	       rs_port_matches(set, r->dst_port, dst_port) &&
	       rs_addr_matches(set, r->src_addr, src) && rs_addr_matches(set, r->dst_addr, dst);
}

static bool header_fits(const struct tse_engine *e, const struct rs_rule *r)
{
	const struct tse_flow *f = e->flow;
	bool from_client = e->dir == TSE_TO_SERVER;

	if (!(r->services & (1u << f->service)) || !(r->dirs & (1u << e->dir)))
		return false;
	return ends_fit(e->set, r, &f->tuple, from_client) ||
	       ((r->flags & RS_RULE_BIDIRECTIONAL) && ends_fit(e->set, r, &f->tuple, !from_client));
}

/* The buffers of the message in hand: made anew from the kept head when another's stand there. */
static bool have_buffers(struct tse_engine *e)
{
	struct http_half *half = &e->flow->half[e->dir].http;

	if (e->buffers_of == half)
		return true;
	if (!half->head)
		return false;
	head_read(half->head, half->head_len, e->dir, &e->head);
	buffers_make(e);
	e->buffers_of = half;
	return true;
}

static bool whole_holds(struct tse_engine *e, const struct rs_chain *chain)
{
	struct inspect_view view = {.ended = true};

	if (!have_buffers(e) || !e->buffers[chain->buffer].data)
		return false;
	view.data = e->buffers[chain->buffer].data;
	view.len = e->buffers[chain->buffer].len;
	return inspect_chain(&e->tools, e->set, chain, &view);
}

static bool chain_holds(struct tse_engine *e, uint32_t index)
{
	const struct rs_chain *chain = &e->set->chains[index];

	if (!rs_group_is_stream(chain->group))
		return whole_holds(e, chain);
	if (chain->group < RS_GROUP_BODY)
		return e->raw_piece.stream && stream_holds(e, &e->raw_piece, index);
	if (!e->body_in_hand)
		return false;
	/* what must not be there, and lengths, are told at the end of the body */
	if ((chain->flags & (RS_CHAIN_NEGATED | RS_CHAIN_AT_END)) && !e->body_piece.stream->ended)
		return false;
	return stream_holds(e, &e->body_piece, index);
}

static bool is_late(const struct rs_chain *chain)
{
	return rs_group_is_stream(chain->group) &&
	       (chain->flags & (RS_CHAIN_LAZY | RS_CHAIN_AT_END));
}

/* The piece in hand of a chain's stream, or NULL. */
static struct stream_piece *piece_of(struct tse_engine *e, const struct rs_chain *chain)
{
	if (!rs_group_is_stream(chain->group))
		return NULL;
	if (chain->group >= RS_GROUP_BODY)
		return e->body_in_hand ? &e->body_piece : NULL;
	return e->raw_piece.stream ? &e->raw_piece : NULL;
}

/* A rule on a stream matches once in it, however often it is woken: its first chain on the body,
 * else on the bytes, keeps the mark. `set`: make it. */
static bool is_done(struct tse_engine *e, uint32_t rule, bool set)
{
	const struct rs_rule *r = &e->set->rules[rule];
	uint32_t end = r->chain[e->dir] + r->nchains[e->dir];
	uint32_t mark = end;
	struct stream_piece *piece;

	for (uint32_t i = r->chain[e->dir]; i < end; i++) {
		unsigned group = e->set->chains[i].group;

		if (rs_group_is_stream(group) &&
		    (mark == end || group > e->set->chains[mark].group))
			mark = i;
	}
	piece = mark < end ? piece_of(e, &e->set->chains[mark]) : NULL;
	if (piece && set)
		stream_set_done(e, piece, mark);
	return piece && stream_is_done(e, piece, mark);
}

static bool rule_holds(struct tse_engine *e, uint32_t rule)
{
	const struct rs_rule *r = &e->set->rules[rule];
	uint32_t first = r->chain[e->dir];
	uint32_t n = r->nchains[e->dir];

	if (!header_fits(e, r) || is_done(e, rule, false))
		return false;
	for (int late = 0; late <= 1; late++) {
		for (uint32_t i = first; i < first + n; i++) {
			if (is_late(&e->set->chains[i]) == late && !chain_holds(e, i))
				return false;
		}
	}
	return true;
}

/* What must not be in the byte stream is judged when the head in hand is whole, not before. */
static bool must_wait(struct tse_engine *e, uint32_t rule)
{
	const struct rs_rule *r = &e->set->rules[rule];
	struct tse_half *half = &e->flow->half[e->dir];

	if (!e->head_open)
		return false;
	for (uint32_t i = r->chain[e->dir]; i < r->chain[e->dir] + r->nchains[e->dir]; i++) {
		const struct rs_chain *chain = &e->set->chains[i];

		if (chain->group >= RS_GROUP_BODY || !(chain->flags & RS_CHAIN_NEGATED))
			continue;
		if (!half->waiting)
			half->waiting = pool_get(&e->pool, FLOW_WAITING_MAX * sizeof(uint32_t));
		if (!half->waiting || half->nwaiting >= FLOW_WAITING_MAX)
			return false;
		half->waiting[half->nwaiting++] = rule;
		return true;
	}
	return false;
}

static struct http_tx *current_tx(const struct tse_engine *e)
{
	return e->flow->half[e->dir].http.tx;
}

/* A free place among the result's matches; a blocking one pushes a mere alert out. */
static struct tse_match *match_place(struct tse_result *r, bool block)
{
	if (r->nmatches < TSE_MATCHES_MAX)
		return &r->matches[r->nmatches++];
	r->matches_lost++;
	for (size_t i = 0; block && i < TSE_MATCHES_MAX; i++) {
		if (!r->matches[i].action.block)
			return &r->matches[i];
	}
	return NULL;
}

static void add_match(struct tse_engine *e, uint32_t rule)
{
	const struct rs_rule *r = &e->set->rules[rule];
	const struct http_tx *tx = current_tx(e);
	struct tse_match *m;

	e->blocked |= r->action.block;
	(void)is_done(e, rule, true);
	if ((r->flags & RS_RULE_NOALERT) && !r->action.block)
		return;
	m = match_place(e->result, r->action.block);
	if (!m)
		return;
	*m = (struct tse_match){.gid = r->gid,
	                        .sid = r->sid,
	                        .rev = r->rev,
	                        .priority = r->priority,
	                        .msg = rs_text(e->set, r->msg),
	                        .classtype = rs_text(e->set, r->classtype),
	                        .metadata = rs_text(e->set, r->metadata),
	                        .action = r->action,
	                        .direction = e->dir,
	                        .offset = e->feed_offset,
	                        .transaction = tx ? tx->id : 0};
}

bool engine_report_as(struct tse_engine *e, enum tse_anomaly anomaly, enum anomaly_action action)
{
	const struct anomaly_info *info = &anomaly_table[anomaly];
	bool block = action == ANOMALY_BLOCK;
	const struct http_tx *tx = current_tx(e);
	struct tse_match *m;

	if (action == ANOMALY_IGNORE)
		return false;
	if (block && e->flow->blind && anomaly != ANOMALY_MEMORY && anomaly != ANOMALY_HOLD_LIMIT) {
		/* without the requests a response may only look wrong */
		e->flow->http.tunnel = true;
		block = false;
	}
	for (size_t i = 0; i < e->result->nmatches; i++) {
		if (e->result->matches[i].sid == TSE_SID_ANOMALY + (uint32_t)anomaly)
			return block;
	}
	if (block && !e->blocked)
		e->flow->anomaly = info->name;
	e->blocked |= block;
	m = match_place(e->result, block);
	if (m)
		*m = (struct tse_match){.gid = 1,
		                        .sid = TSE_SID_ANOMALY + (uint32_t)anomaly,
		                        .rev = 1,
		                        .priority = block ? 2 : 3,
		                        .msg = info->text,
		                        .classtype = "protocol-command-decode",
		                        .metadata = "",
		                        .action = {.block = block, .notify = true},
		                        .direction = e->dir,
		                        .offset = e->feed_offset,
		                        .transaction = tx ? tx->id : 0};
	return block;
}

bool engine_report_anomaly(struct tse_engine *e, enum tse_anomaly anomaly)
{
	return engine_report_as(e, anomaly,
	                        (enum anomaly_action)anomaly_table[anomaly].action[e->dir]);
}

static void pass(struct tse_engine *e, uint32_t rule)
{
	struct http_tx *tx = current_tx(e);

	if ((e->set->rules[rule].flags & RS_RULE_TX) && tx)
		tx->passed = true;
	else
		e->passed_flow = true;
}

static bool is_passed(const struct tse_engine *e)
{
	const struct http_tx *tx = current_tx(e);

	return e->passed_flow || (tx && tx->passed);
}

void decide_queue(struct tse_engine *e)
{
	uint32_t n = e->nqueue;

	/* pass rules first: they take the others' matches away */
	for (uint32_t i = 0; i < n; i++) {
		uint32_t rule = e->queue[i];

		e->queued[rule / 64] &= ~(1ULL << (rule % 64));
		if ((e->set->rules[rule].flags & RS_RULE_PASS) && rule_holds(e, rule))
			pass(e, rule);
	}
	for (uint32_t i = 0; i < n && !is_passed(e); i++) {
		uint32_t rule = e->queue[i];

		if (!(e->set->rules[rule].flags & RS_RULE_PASS) && !must_wait(e, rule) &&
		    rule_holds(e, rule))
			add_match(e, rule);
	}
	e->nqueue = 0;
}

void decide_add_list(struct tse_engine *e, enum rs_list_id list)
{
	const struct rs_set *l = &e->set->lists[list];

	for (uint32_t i = 0; i < l->count; i++)
		engine_queue_rule(e, e->set->list_items[l->first + i]);
}

static int on_head_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                       void *arg)
{
	struct tse_engine *e = arg;
	const struct rs_pattern *p = &e->set->patterns[id];

	for (uint32_t i = 0; i < p->nrefs; i++)
		engine_queue_rule(e, e->set->refs[p->ref + i]);
	return 0;
}

void decide_scan_head(struct tse_engine *e)
{
	for (unsigned b = 0; b < TSE_BUF_COUNT; b++) {
		const hs_database_t *db = e->set->db[RS_GROUP_WHOLE + b];

		if (db && e->buffers[b].data && e->buffers[b].len > 0)
			(void)hs_scan(db, (const char *)e->buffers[b].data,
			              (unsigned)e->buffers[b].len, 0, e->scratch, on_head_hit, e);
	}
	decide_add_list(e, e->dir == TSE_TO_SERVER ? RS_LIST_ALWAYS : RS_LIST_ALWAYS + 1);
}
