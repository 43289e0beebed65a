/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow and its feeds: new bytes are scanned as a stream first, then read as HTTP where they are,
 * then what the rules wait for is decided; at the end stands how much of the view may leave.
 */
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "tse/decide/decide.h"
#include "tse/engine_priv.h"

int tse_flow_begin(struct tse_engine *engine, const struct tse_tuple *tuple,
                   enum tse_service service, struct tse_flow **ret_flow)
{
	struct tse_flow *f;

	MAGIC_CHECK(engine, ENGINE_MAGIC);
	f = pool_get(&engine->pool, sizeof(*f));
	if (!f)
		return SL_ENOMEM;
	memset(f, 0, sizeof(*f));
	MAGIC_SET(f, FLOW_MAGIC);
	f->engine = engine;
	f->tuple = *tuple;
	f->service = (uint8_t)service;
	*ret_flow = f;
	return 0;
}

void tse_flow_end(struct tse_flow *flow)
{
	struct tse_engine *e;

	if (!flow)
		return;
	MAGIC_CHECK(flow, FLOW_MAGIC);
	e = flow->engine;
	for (unsigned d = 0; d < 2; d++) {
		stream_reset(e, &flow->half[d].raw, RS_GROUP_RAW + d);
		pool_put(&e->pool, flow->half[d].waiting);
	}
	http1_end(e, flow);
	MAGIC_CLEAR(flow);
	pool_put(&e->pool, flow);
}

uint64_t tse_flow_bytes(const struct tse_flow *flow)
{
	MAGIC_CHECK(flow, FLOW_MAGIC);
	return flow->half[0].offset + flow->half[0].scanned + flow->half[1].offset +
	       flow->half[1].scanned;
}

static struct tse_half *half_of(struct tse_engine *e)
{
	return &e->flow->half[e->dir];
}

static void begin_feed(struct tse_flow *flow, enum tse_direction dir, struct tse_result *ret)
{
	struct tse_engine *e = flow->engine;

	e->flow = flow;
	e->dir = dir;
	e->result = ret;
	e->blocked = e->passed_flow = false;
	e->buffers_of = NULL;
	e->body_in_hand = false;
	e->raw_piece.stream = NULL;
	e->tools.exhausted = 0;
	e->feed_offset = half_of(e)->offset + half_of(e)->scanned;
	flow->last_dir = (uint8_t)dir;
}

/* Rules of addresses and ports alone are decided with the first bytes of a direction. */
static void try_headers(struct tse_engine *e)
{
	if (half_of(e)->headers_tried)
		return;
	half_of(e)->headers_tried = true;
	decide_add_list(e, RS_LIST_HEADER);
	decide_queue(e);
}

/* The new bytes as a stream. All pieces but the last are decided here; that one stays in hand
 * while the message it belongs to is read. */
static void scan_raw(struct tse_engine *e, const uint8_t *data, size_t len, bool eof)
{
	unsigned group = RS_GROUP_RAW + (unsigned)e->dir;
	struct tse_half *half = half_of(e);

	if (e->set->groups[group].nchains == 0 || half->raw.ended)
		return;
	while (len > STREAM_PIECE_MAX) {
		stream_scan(e, &half->raw, group, data, STREAM_PIECE_MAX, false, &e->raw_piece);
		decide_queue(e);
		stream_keep(e, &e->raw_piece);
		data += STREAM_PIECE_MAX;
		len -= STREAM_PIECE_MAX;
	}
	stream_scan(e, &half->raw, group, data, len, eof, &e->raw_piece);
}

/* Rules that waited for the head in hand to be whole. */
static void try_waiting(struct tse_engine *e)
{
	struct tse_half *half = half_of(e);

	for (unsigned i = 0; !e->head_open && i < half->nwaiting; i++)
		engine_queue_rule(e, half->waiting[i]);
	if (!e->head_open)
		half->nwaiting = 0;
}

/* What the limits say about bytes that nothing released. */
static size_t hold_limit(struct tse_engine *e, size_t release, size_t len)
{
	if (e->blocked || len - release <= e->limits.hold_max)
		return release;
	(void)engine_report_anomaly(e, ANOMALY_HOLD_LIMIT);
	if (e->limits.hold_overflow_block) {
		e->flow->anomaly = anomaly_table[ANOMALY_HOLD_LIMIT].name;
		e->blocked = true;
		return 0;
	}
	e->flow->http.tunnel = true;
	return len;
}

static size_t inspect_view_of(struct tse_engine *e, const uint8_t *view, size_t len, bool eof)
{
	struct tse_half *half = half_of(e);
	size_t known = SL_MIN(half->scanned, len);
	size_t release = len;

	e->head_open = e->flow->service == TSE_SERVICE_HTTP && !e->flow->http.tunnel &&
	               half->http.phase == HTTP_PHASE_HEAD;
	try_headers(e);
	scan_raw(e, view + known, len - known, eof);
	if (e->flow->service == TSE_SERVICE_HTTP)
		release = http1_feed(e, view, len, eof);
	e->head_open = e->flow->service == TSE_SERVICE_HTTP && !e->flow->http.tunnel &&
	               http1_is_holding(&half->http, len - release);
	try_waiting(e);
	decide_queue(e);
	if (e->tools.exhausted)
		(void)engine_report_anomaly(e, ANOMALY_MATCH_LIMIT);
	if (e->raw_piece.stream)
		stream_keep(e, &e->raw_piece);
	e->raw_piece.stream = NULL;
	release = hold_limit(e, release, len);
	return e->blocked ? 0 : eof ? len : release;
}

void tse_feed(struct tse_flow *flow, enum tse_direction direction, const uint8_t *view, size_t len,
              bool eof, struct tse_result *ret)
{
	static const uint8_t nothing[1];
	struct tse_engine *e;
	struct tse_half *half;
	size_t release = 0;

	MAGIC_CHECK(flow, FLOW_MAGIC);
	e = flow->engine;
	half = &flow->half[direction];
	memset(ret, 0, offsetof(struct tse_result, matches));
	ret->matches_lost = 0;
	ret->replacement = NULL;
	ret->replacement_len = ret->replaced = 0;
	if (flow->verdict == TSE_GO_ON) {
		begin_feed(flow, direction, ret);
		release = inspect_view_of(e, view ? view : nothing, len, eof);
		if (e->passed_flow)
			flow->verdict = TSE_TRUST;
		else if (e->blocked)
			flow->verdict = TSE_BLOCK;
	}
	ret->verdict = (enum tse_verdict)flow->verdict;
	ret->release = flow->verdict == TSE_BLOCK ? 0 : flow->verdict == TSE_TRUST ? len : release;
	ret->anomaly = flow->verdict == TSE_BLOCK ? flow->anomaly : NULL;
	half->offset += ret->release;
	half->scanned = len - ret->release;
}
