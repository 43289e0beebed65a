/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow and its feeds: new bytes are scanned as a stream first, then read as HTTP where they are,
 * then what the rules wait for is decided; at the end stands how much of the view may leave.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "tse/decide/decide.h"
#include "tse/engine_priv.h"
#include "tse/proto/detect.h"

int tse_flow_begin(struct tse_engine *engine, const struct tse_tuple *tuple,
                   enum tse_service service, struct tse_flow **ret_flow)
{
	struct tse_flow *f;

	MAGIC_CHECK(engine, ENGINE_MAGIC);
	f = calloc(1, sizeof(*f)); /* once a session: a block of the pool would be a third larger */
	if (!f)
		return SL_ENOMEM;
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
	free(flow);
}

void tse_flow_join(struct tse_flow *flow, struct tse_flow *requests)
{
	MAGIC_CHECK(flow, FLOW_MAGIC);
	flow->requests = requests;
	flow->blind = requests == NULL;
}

void tse_flow_hide_quic(struct tse_flow *flow)
{
	MAGIC_CHECK(flow, FLOW_MAGIC);
	flow->hide_quic = true;
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

static void begin_feed(struct tse_flow *flow, enum tse_direction dir, uint8_t *view, size_t len,
                       struct tse_result *ret)
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
	e->view = view;
	e->view_len = len;
	e->raw_at = SL_MIN(half_of(e)->scanned, len);
	e->head_open = e->hide_head = false;
	e->trailer_len = 0;
	e->feed_offset = half_of(e)->offset + half_of(e)->scanned;
	tx_look(e, &e->awaited);
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

/* Rules that waited for the head in hand to be whole. */
static void queue_waiting(struct tse_engine *e)
{
	struct tse_half *half = half_of(e);

	if (e->head_open)
		return;
	for (unsigned i = 0; i < half->nwaiting; i++)
		engine_queue_rule(e, half->waiting[i]);
	half->nwaiting = 0;
}

/* The piece in hand is done: what it woke is decided, then it becomes history. */
static void finish_piece(struct tse_engine *e)
{
	if (e->raw_piece.stream)
		queue_waiting(e);
	decide_queue(e);
	if (e->raw_piece.stream)
		stream_keep(e, &e->raw_piece);
	e->raw_piece.stream = NULL;
}

void flow_scan_raw(struct tse_engine *e, size_t upto, bool eof)
{
	unsigned group = RS_GROUP_RAW + (unsigned)e->dir;
	struct tse_half *half = half_of(e);
	bool used = e->set->groups[group].nchains > 0 && !half->raw.ended;

	while (used && !e->blocked && (e->raw_at < upto || eof)) {
		size_t n = SL_MIN(upto - e->raw_at, (size_t)STREAM_PIECE_MAX);
		bool last = eof && e->raw_at + n == upto;

		finish_piece(e);
		stream_scan(e, &half->raw, group, e->view + e->raw_at, n, last, &e->raw_piece);
		e->raw_at += n;
		if (last)
			break;
	}
	e->raw_at = SL_MAX(e->raw_at, upto);
}

void flow_restart_raw(struct tse_engine *e)
{
	finish_piece(e);
	stream_reset(e, &half_of(e)->raw, RS_GROUP_RAW + (unsigned)e->dir);
	pool_put(&e->pool, half_of(e)->waiting);
	half_of(e)->waiting = NULL;
	half_of(e)->nwaiting = 0;
}

/* What the limits say about bytes that nothing released. */
static size_t hold_limit(struct tse_engine *e, size_t release, size_t len)
{
	bool block = e->limits.hold_overflow_block;

	if (e->blocked || len - release <= e->limits.hold_max)
		return release;
	if (engine_report_as(e, ANOMALY_HOLD_LIMIT, block ? ANOMALY_BLOCK : ANOMALY_ALERT))
		return 0;
	flow_of_requests(e->flow)->http.tunnel = true;
	return len;
}

static bool is_http(const struct tse_engine *e)
{
	return e->flow->service == TSE_SERVICE_HTTP && !flow_of_requests(e->flow)->http.tunnel;
}

static size_t inspect_view_of(struct tse_engine *e, bool eof)
{
	struct tse_half *half = half_of(e);
	size_t release = e->view_len;

	try_headers(e);
	if (is_http(e))
		release = http1_feed(e, e->view, e->view_len, eof);
	if (!is_http(e)) /* or no longer */
		release = e->view_len;
	e->head_open = is_http(e) && http1_is_holding(&half->http, e->view_len - release);
	flow_scan_raw(e, e->view_len, eof);
	finish_piece(e);
	http1_hide_quic(e);
	if (e->tools.exhausted)
		(void)engine_report_anomaly(e, ANOMALY_MATCH_LIMIT);
	release = hold_limit(e, release, e->view_len);
	return e->blocked ? 0 : eof ? e->view_len : release;
}

/*
 * What a flow of DETECT is, by the first bytes of it. False: not to be told yet; *ret_release is
 * how many line ends may leave meanwhile, which mean nothing in any rule.
 */
static bool detect(struct tse_flow *flow, enum tse_direction dir, const uint8_t *view, size_t len,
                   bool eof, size_t *ret_release)
{
	struct tse_flow *requests = flow_of_requests(flow);
	enum detect_guess guess = DETECT_OTHER;

	*ret_release = 0;
	if (requests->service == TSE_SERVICE_DETECT && dir == TSE_TO_SERVER) {
		*ret_release = detect_skip(view, len);
		guess = detect_http(view + *ret_release, len - *ret_release);
	}
	if (guess == DETECT_MORE && !eof)
		return false;
	if (requests->service == TSE_SERVICE_DETECT)
		requests->service = guess == DETECT_HTTP ? TSE_SERVICE_HTTP : TSE_SERVICE_OTHER;
	flow->service = flow->blind ? TSE_SERVICE_OTHER : requests->service;
	return true;
}

void tse_feed(struct tse_flow *flow, enum tse_direction direction, uint8_t *view, size_t len,
              bool eof, struct tse_result *ret)
{
	uint8_t nothing[1] = {0};
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
	ret->answerable = ret->answers_head = false;
	if (flow->service == TSE_SERVICE_DETECT &&
	    !detect(flow, direction, view ? view : nothing, len, eof, &ret->release)) {
		ret->verdict = TSE_GO_ON;
		ret->anomaly = NULL;
		half->offset += ret->release;
		return;
	}
	if (flow->verdict == TSE_GO_ON) {
		begin_feed(flow, direction, view ? view : nothing, len, ret);
		release = inspect_view_of(e, eof);
		if (e->passed_flow) {
			flow->verdict = TSE_TRUST;
		} else if (e->blocked) {
			flow->verdict = TSE_BLOCK;
			ret->answerable = tx_is_answerable(e, &ret->answers_head);
		}
	}
	ret->verdict = (enum tse_verdict)flow->verdict;
	ret->release = flow->verdict == TSE_BLOCK ? 0 : flow->verdict == TSE_TRUST ? len : release;
	ret->anomaly = flow->verdict == TSE_BLOCK ? flow->anomaly : NULL;
	half->offset += ret->release;
	half->scanned = len - ret->release;
}
