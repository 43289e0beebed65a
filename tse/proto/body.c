/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a message. Nothing is done for a direction whose bodies no rule looks into.
 */
#include "tse/proto/body.h"

#include <string.h>
#include <strings.h>

#include "tse/decide/decide.h"
#include "tse/engine_priv.h"
#include "tse/proto/decode.h"

static const struct {
	const char *name;
	enum decode_kind kind;
} encodings[] = {
        {"gzip", DECODE_GZIP}, {"x-gzip", DECODE_GZIP}, {"deflate", DECODE_DEFLATE},
        {"br", DECODE_BROTLI}, {"zstd", DECODE_ZSTD},   {"identity", DECODE_NONE},
};

/* The one Content-Encoding of the head in hand. */
static enum decode_kind encoding_of(struct tse_engine *e)
{
	enum decode_kind found = DECODE_NONE;

	for (unsigned i = 0; i < e->head.nheaders; i++) {
		const struct http_header *h = &e->head.headers[i];
		enum decode_kind kind = DECODE_KINDS;

		if (h->id != HTTP_H_CONTENT_ENCODING || h->value_len == 0)
			continue;
		if (memchr(h->value, ',', h->value_len) || found != DECODE_NONE) {
			(void)engine_report_anomaly(e, ANOMALY_ENCODING_LAYERS);
			return DECODE_KINDS;
		}
		for (size_t k = 0; k < SL_ARRAY_LEN(encodings); k++) {
			if (h->value_len == strlen(encodings[k].name) &&
			    strncasecmp((const char *)h->value, encodings[k].name, h->value_len) ==
			            0)
				kind = encodings[k].kind;
		}
		if (kind == DECODE_KINDS) {
			(void)engine_report_anomaly(e, ANOMALY_ENCODING_UNKNOWN);
			return kind;
		}
		found = kind;
	}
	return found;
}

void body_begin(struct tse_engine *e, struct http_half *half)
{
	enum decode_kind kind;

	half->body_open = half->body_limit = false;
	half->body_in = half->body_out = 0;
	if (!e->body_used[e->dir])
		return;
	kind = encoding_of(e);
	if (kind == DECODE_KINDS)
		return;
	if (kind != DECODE_NONE) {
		half->decoder = decode_create(&e->pool, kind);
		if (!half->decoder) {
			(void)engine_report_anomaly(e, ANOMALY_MEMORY);
			return;
		}
	}
	half->body_open = true;
}

/* At most STREAM_PIECE_MAX decoded bytes; `ended`: the last ones. */
static void match_piece(struct tse_engine *e, struct http_half *half, const uint8_t *data,
                        size_t len, bool ended)
{
	unsigned group = RS_GROUP_BODY + (unsigned)e->dir;

	stream_scan(e, &half->body, group, data, len, ended, &e->body_piece);
	e->body_in_hand = true;
	if (ended)
		decide_add_list(e, e->dir == TSE_TO_SERVER ? RS_LIST_END : RS_LIST_END + 1);
	decide_queue(e);
	e->body_in_hand = false;
	stream_keep(e, &e->body_piece);
}

/* The limit of what is matched of a body ends it as far as rules are concerned. */
static void match_body(struct tse_engine *e, struct http_half *half, const uint8_t *data,
                       size_t len)
{
	while (len > 0 && !e->blocked && !half->body_limit) {
		uint64_t left = e->limits.body_decoded_max - half->body_out;
		size_t n = SL_MIN(len, (size_t)STREAM_PIECE_MAX);

		n = (size_t)SL_MIN((uint64_t)n, left);
		half->body_out += n;
		half->body_limit = half->body_out >= e->limits.body_decoded_max;
		match_piece(e, half, data, n, half->body_limit);
		data += n;
		len -= n;
	}
}

static void drop_decoder(struct tse_engine *e, struct http_half *half)
{
	decode_destroy(&e->pool, half->decoder);
	half->decoder = NULL;
}

/* A body may grow by the ratio, but for its first 64 KiB. */
static bool is_bomb(const struct tse_engine *e, const struct http_half *half)
{
	return half->body_out > STREAM_PIECE_MAX &&
	       half->body_out / e->limits.decode_ratio_max > half->body_in;
}

static void decode_body(struct tse_engine *e, struct http_half *half, const uint8_t *data,
                        size_t len)
{
	for (;;) {
		size_t out = 0;
		int rc =
		        decode_step(half->decoder, &data, &len, e->decoded, STREAM_PIECE_MAX, &out);

		match_body(e, half, e->decoded, out);
		if (e->blocked || half->body_limit)
			break;
		if (is_bomb(e, half)) {
			(void)engine_report_anomaly(e, ANOMALY_DECODE_BOMB);
			half->body_open = false;
			break;
		}
		if (rc != 0) {
			(void)engine_report_anomaly(e, ANOMALY_DECODE_FAILED);
			half->body_open = false;
			break;
		}
		if (len == 0 && out < STREAM_PIECE_MAX)
			return;
	}
	drop_decoder(e, half);
}

void body_take(struct tse_engine *e, struct http_half *half, const uint8_t *data, size_t len)
{
	if (!half->body_open || half->body_limit)
		return;
	half->body_in += len;
	if (half->decoder)
		decode_body(e, half, data, len);
	else
		match_body(e, half, data, len);
}

void body_end(struct tse_engine *e, struct http_half *half)
{
	if (half->body_open && !half->body_limit && half->body_in > 0 && !e->blocked)
		match_piece(e, half, NULL, 0, true);
	body_free(e, half, (unsigned)e->dir);
}

void body_free(struct tse_engine *e, struct http_half *half, unsigned dir)
{
	stream_reset(e, &half->body, RS_GROUP_BODY + dir);
	drop_decoder(e, half);
	pool_put(&e->pool, half->head);
	half->head = NULL;
	half->body_open = false;
	if (e->buffers_of == half)
		e->buffers_of = NULL;
}
