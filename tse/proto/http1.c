/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1 on a flow. Our own reader (head.c) finds and judges the header block, llhttp then reads
 * the same block and does the framing of the body; where they disagree the message is blocked.
 */
#include "tse/proto/http1.h"

#include <string.h>

#include "tse/decide/decide.h"
#include "tse/engine_priv.h"
#include "tse/proto/body.h"
#include "tse/proto/buffers.h"
#include "tse/proto/tx.h"

static struct http_half *half_of(struct tse_engine *e)
{
	return &e->flow->half[e->dir].http;
}

/* ---- what llhttp calls ---- */

/* Responses without a body whatever their headers say (RFC 9112 section 6.3). */
static bool has_no_body(const struct tse_engine *e, const struct http_half *half)
{
	unsigned status = e->head.status;

	return status / 100 == 1 || status == 204 || status == 304 ||
	       (half->tx && half->tx->is_head);
}

static int on_headers_complete(llhttp_t *parser)
{
	struct tse_engine *e = parser->data;
	struct http_half *half = half_of(e);

	half->headers_done = true;
	if (e->dir == TSE_TO_SERVER)
		return 0;
	if (half->is_tunnel_head)
		return 2;
	return has_no_body(e, half);
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct tse_engine *e = parser->data;

	body_take(e, half_of(e), (const uint8_t *)at, len);
	return e->blocked ? -1 : 0;
}

static int on_trailer(llhttp_t *parser, const char *at, size_t len)
{
	struct tse_engine *e = parser->data;
	struct http_half *half = half_of(e);

	if (!half->headers_done)
		return 0;
	half->trailer_len += (uint32_t)SL_MIN(len, (size_t)UINT16_MAX);
	if (half->trailer_len > e->limits.header_max)
		return engine_report_anomaly(e, ANOMALY_TRAILER_TOO_LONG) ? -1 : 0;
	return 0;
}

static int on_message_complete(llhttp_t *parser)
{
	struct tse_engine *e = parser->data;

	half_of(e)->message_done = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
        .on_headers_complete = on_headers_complete,
        .on_body = on_body,
        .on_header_field = on_trailer,
        .on_header_value = on_trailer,
        .on_message_complete = on_message_complete,
};

/* ---- messages ---- */

static void end_message(struct tse_engine *e)
{
	struct http_half *half = half_of(e);
	bool tunnel = half->is_tunnel_head && e->dir == TSE_TO_CLIENT;

	if (half->body_open)
		body_end(e, half);
	tx_finish_message(e, half);
	half->phase = HTTP_PHASE_HEAD;
	half->find_at = 0;
	half->empty_lines = 0;
	half->trailer_len = 0;
	half->is_tunnel_head = false;
	if (tunnel)
		flow_of_requests(e->flow)->http.tunnel = true;
	/* the next message is another: rules on the byte stream begin anew with it */
	if (!tunnel) {
		flow_restart_raw(e);
		http1_hide_quic(e);
	}
}

static bool hides_quic(const struct tse_engine *e)
{
	return e->flow->hide_quic && e->dir == TSE_TO_CLIENT;
}

void http1_hide_quic(struct tse_engine *e)
{
	if (e->hide_head)
		altsvc_hide(&e->head, e->view + (e->head.start - e->view));
	if (e->trailer_len > 0)
		altsvc_hide_trailer(&half_of(e)->trailer, e->view + e->trailer_at, e->trailer_len);
	e->hide_head = false;
	e->trailer_len = 0;
}

static void report_head(struct tse_engine *e)
{
	uint64_t left = e->head.anomalies;

	while (left) {
		unsigned a = (unsigned)__builtin_ctzll(left);

		left &= left - 1;
		(void)engine_report_anomaly(e, (enum tse_anomaly)a);
	}
}

/* What the two readers make of the block must be the same. */
static bool readers_agree(const struct tse_engine *e, const struct http_half *half)
{
	const struct http_head *h = &e->head;
	uint64_t length = h->has_length ? h->length : 0;

	if (!half->headers_done)
		return false;
	if (half->message_done)
		return half->is_tunnel_head || (!h->chunked && length == 0) ||
		       (e->dir == TSE_TO_CLIENT && has_no_body(e, half));
	if (((half->parser.flags & F_CHUNKED) != 0) != h->chunked)
		return false;
	return h->chunked || half->parser.content_length == length;
}

/* Gives the block to llhttp; it must take it to its last byte. */
static void frame_head(struct tse_engine *e, const uint8_t *data, size_t len)
{
	struct http_half *half = half_of(e);
	llhttp_errno_t rc;
	bool took_all;
	size_t skip;

	llhttp_init(&half->parser, e->dir == TSE_TO_SERVER ? HTTP_REQUEST : HTTP_RESPONSE,
	            &settings);
	half->parser.data = e;
	half->headers_done = half->message_done = false;
	skip = 0;
	/* llhttp refuses methods it does not know, and all but CONNECT are framed alike */
	if (e->dir == TSE_TO_SERVER && !half->is_tunnel_head) {
		skip = e->head.method_len;
		(void)llhttp_execute(&half->parser, "POST", 4);
	}
	rc = llhttp_execute(&half->parser, (const char *)data + skip, len - skip);
	if (rc == HPE_OK)
		took_all = !half->message_done;
	else
		took_all = (rc == HPE_PAUSED || rc == HPE_PAUSED_UPGRADE) &&
		           llhttp_get_error_pos(&half->parser) == (const char *)data + len;
	if (rc == HPE_PAUSED_UPGRADE)
		half->message_done = true;
	if (!took_all || !readers_agree(e, half))
		(void)engine_report_anomaly(e, ANOMALY_FRAMING);
}

static void keep_head(struct tse_engine *e, struct http_half *half)
{
	if (!e->head_kept[e->dir])
		return;
	half->head = pool_get(&e->pool, e->head.len);
	half->head_len = e->head.len;
	if (half->head)
		memcpy(half->head, e->head.start, e->head.len);
	else
		(void)engine_report_anomaly(e, ANOMALY_MEMORY);
}

/* A whole header block: judge it, frame it, match it. Nothing of it has left yet. */
static void take_head(struct tse_engine *e, const uint8_t *data, size_t len)
{
	struct http_half *half = half_of(e);

	head_read(data, len, e->dir, &e->head);
	e->buffers_of = NULL;
	if (!tx_begin_message(e, half))
		return;
	report_head(e);
	if (e->blocked)
		return;
	frame_head(e, data, len);
	if (e->blocked)
		return;
	buffers_make(e);
	e->buffers_of = half;
	e->head_open = false;
	flow_scan_raw(e, (size_t)(data + len - e->view), false);
	decide_scan_head(e);
	decide_queue(e);
	if (e->blocked)
		return;
	e->hide_head = hides_quic(e) && head_find(&e->head, HTTP_H_ALT_SVC);
	if (half->message_done) {
		end_message(e);
		return;
	}
	half->phase = HTTP_PHASE_BODY;
	half->chunked = e->head.chunked;
	half->chunk = (struct chunk_reader){0};
	half->trailer = (struct altsvc_trailer){0};
	body_begin(e, half);
	keep_head(e, half);
}

/* Empty lines before a message are skipped (RFC 9112 section 2.2). */
static size_t skip_empty_lines(struct tse_engine *e, const uint8_t *data, size_t len)
{
	struct http_half *half = half_of(e);
	size_t at = 0;

	while (at < len &&
	       (data[at] == '\n' || (data[at] == '\r' && at + 1 < len && data[at + 1] == '\n'))) {
		at += data[at] == '\r' ? 2 : 1;
		if (half->empty_lines < UINT8_MAX)
			half->empty_lines++;
	}
	if (half->empty_lines > HTTP_EMPTY_LINES_MAX)
		(void)engine_report_anomaly(e, ANOMALY_EMPTY_LINES);
	return at;
}

static size_t feed_head(struct tse_engine *e, const uint8_t *data, size_t len, bool eof)
{
	struct http_half *half = half_of(e);
	size_t skip = half->find_at == 0 ? skip_empty_lines(e, data, len) : 0;
	enum tse_anomaly a;
	size_t end;
	size_t size;

	e->head_open = true;
	if (skip > 0 || len == 0)
		return skip;
	if (len == 1 && data[0] == '\r' && !eof)
		return 0;
	a = tx_expects_tunnel(e) ? ANOMALY_EARLY_TUNNEL_DATA : head_check_start(data, len, e->dir);
	if (a != ANOMALY_COUNT && engine_report_anomaly(e, a))
		return 0;
	end = head_find_end(data, len, &half->find_at);
	size = end ? end : len;
	if (size > e->limits.hold_max)
		return 0; /* the limit of held bytes has its own action */
	if (size > e->limits.header_max) {
		(void)engine_report_anomaly(e, ANOMALY_HEADER_TOO_LONG);
		return 0;
	}
	if (end == 0)
		return eof && !engine_report_anomaly(e, ANOMALY_HEAD_TRUNCATED) ? len : 0;
	take_head(e, data, end);
	return end;
}

/* The stream ends inside a body: as it must for a body without length, else cut off. */
static void end_stream(struct tse_engine *e)
{
	struct http_half *half = half_of(e);

	if (llhttp_finish(&half->parser) != HPE_OK || !half->message_done)
		(void)engine_report_anomaly(e, ANOMALY_BODY_TRUNCATED);
	end_message(e);
}

/* Our own reader of the chunks must find the same end, and lines that all readers take alike. */
static void check_chunks(struct tse_engine *e, const uint8_t *data, size_t len)
{
	struct http_half *half = half_of(e);

	chunk_read(&half->chunk, data, len);
	if (hides_quic(e)) {
		e->trailer_at = (size_t)(data - e->view) + half->chunk.trailer_from;
		e->trailer_len = len - half->chunk.trailer_from;
	}
	if (half->chunk.odd)
		(void)engine_report_anomaly(e, ANOMALY_CHUNK_LINE);
	if (half->chunk.failed || (half->chunk.state == CHUNK_DONE) != half->message_done)
		(void)engine_report_anomaly(e,
		                            half->chunk.failed ? ANOMALY_CHUNK : ANOMALY_FRAMING);
}

static size_t feed_body(struct tse_engine *e, const uint8_t *data, size_t len, bool eof)
{
	struct http_half *half = half_of(e);
	llhttp_errno_t rc;
	size_t took = len;

	half->parser.data = e;
	rc = llhttp_execute(&half->parser, (const char *)data, len);
	if (rc == HPE_PAUSED || rc == HPE_PAUSED_UPGRADE)
		took = (size_t)((const uint8_t *)llhttp_get_error_pos(&half->parser) - data);
	else if (rc != HPE_OK && !e->blocked)
		(void)engine_report_anomaly(e, ANOMALY_CHUNK);
	if (half->chunked && !e->blocked)
		check_chunks(e, data, took);
	e->head_open = false;
	flow_scan_raw(e, (size_t)(data + took - e->view), false);
	if (e->blocked)
		return 0;
	if (half->message_done)
		end_message(e);
	else if (eof)
		end_stream(e);
	return took;
}

size_t http1_feed(struct tse_engine *e, const uint8_t *view, size_t len, bool eof)
{
	size_t at = 0;

	while (!e->blocked) {
		const struct http_half *half = half_of(e);
		bool body = half->phase == HTTP_PHASE_BODY;
		size_t took;

		if (flow_of_requests(e->flow)->http.tunnel)
			return len;
		if (at == len && !(eof && body))
			break;
		took = body ? feed_body(e, view + at, len - at, eof)
		            : feed_head(e, view + at, len - at, eof);
		at += took;
		if (took == 0 && half->phase == HTTP_PHASE_HEAD)
			break;
	}
	return at;
}

bool http1_is_holding(const struct http_half *half, size_t unreleased)
{
	return half->phase == HTTP_PHASE_HEAD && unreleased > 0;
}

void http1_end(struct tse_engine *e, struct tse_flow *flow)
{
	for (unsigned dir = 0; dir < 2; dir++)
		body_free(e, &flow->half[dir].http, dir);
	tx_free_all(e, &flow->http);
}
