/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the rule buffers of a header block. Data path: no allocation, the work memory is sized for
 * the largest block (ENGINE_WORK_SIZE in engine.c).
 */
#include "tse/proto/buffers.h"

#include <ctype.h>
#include <string.h>

#include "tse/engine_priv.h"
#include "tse/proto/uri.h"

static void put(struct tse_engine *e, enum tse_buffer b, const uint8_t *data, size_t len)
{
	e->buffers[b] = (struct slice){.data = data, .len = len};
}

static void work_add(struct tse_engine *e, const void *data, size_t len)
{
	memcpy(e->work + e->work_len, data, len);
	e->work_len += len;
}

/* A value as rules see it: line ends of folding become one blank. */
static void work_add_value(struct tse_engine *e, const struct http_header *h)
{
	if (!(e->head.anomalies >> ANOMALY_HEADER_FOLDED & 1)) {
		work_add(e, h->value, h->value_len);
		return;
	}
	for (uint32_t i = 0; i < h->value_len; i++) {
		uint8_t c = h->value[i];

		if (c == '\r' || c == '\n') {
			while (i + 1 < h->value_len && isspace(h->value[i + 1]))
				i++;
			c = ' ';
		}
		e->work[e->work_len++] = c;
	}
}

/* Values of all headers of that id, joined by `sep`. */
static void make_value(struct tse_engine *e, enum tse_buffer b, enum http_header_id id,
                       const char *sep)
{
	const uint8_t *start = e->work + e->work_len;
	bool any = false;

	if (!e->buffer_used[b])
		return;
	for (unsigned i = 0; i < e->head.nheaders; i++) {
		if (e->head.headers[i].id != id)
			continue;
		if (any)
			work_add(e, sep, strlen(sep));
		work_add_value(e, &e->head.headers[i]);
		any = true;
	}
	if (any)
		put(e, b, start, (size_t)(e->work + e->work_len - start));
}

static void make_header(struct tse_engine *e)
{
	const uint8_t *start = e->work + e->work_len;

	if (!e->buffer_used[TSE_BUF_HEADER])
		return;
	for (unsigned i = 0; i < e->head.nheaders; i++) {
		const struct http_header *h = &e->head.headers[i];

		if (h->id == HTTP_H_COOKIE || h->id == HTTP_H_SET_COOKIE)
			continue;
		work_add(e, h->name, h->name_len);
		work_add(e, ": ", 2);
		work_add_value(e, h);
		work_add(e, "\r\n", 2);
	}
	put(e, TSE_BUF_HEADER, start, (size_t)(e->work + e->work_len - start));
}

/* CR LF, a line with each name, CR LF. */
static void make_header_names(struct tse_engine *e)
{
	const uint8_t *start = e->work + e->work_len;

	if (!e->buffer_used[TSE_BUF_HEADER_NAMES])
		return;
	work_add(e, "\r\n", 2);
	for (unsigned i = 0; i < e->head.nheaders; i++) {
		work_add(e, e->head.headers[i].name, e->head.headers[i].name_len);
		work_add(e, "\r\n", 2);
	}
	work_add(e, "\r\n", 2);
	put(e, TSE_BUF_HEADER_NAMES, start, (size_t)(e->work + e->work_len - start));
}

/* The host of an absolute target goes before the Host header (RFC 9112 section 3.2.2). */
static void make_host(struct tse_engine *e)
{
	const struct http_header *h = head_find(&e->head, HTTP_H_HOST);
	size_t len;
	size_t rest;
	const uint8_t *host = uri_authority(e->head.target, e->head.target_len, &len, &rest);
	const uint8_t *colon;
	uint8_t *start = e->work + e->work_len;

	if (len == 0 && h) {
		host = h->value;
		len = h->value_len;
	}
	if (len == 0 && !h)
		return;
	put(e, TSE_BUF_HOST_RAW, host, len);
	if (!e->buffer_used[TSE_BUF_HOST])
		return;
	colon = memrchr(host, ':', len);
	if (colon && !memchr(colon, ']', (size_t)(host + len - colon)))
		len = (size_t)(colon - host);
	for (size_t i = 0; i < len; i++)
		e->work[e->work_len++] = (uint8_t)tolower(host[i]);
	put(e, TSE_BUF_HOST, start, len);
}

static void make_uri(struct tse_engine *e)
{
	const struct http_head *h = &e->head;
	uint8_t *start = e->work + e->work_len;
	size_t len;

	put(e, TSE_BUF_URI_RAW, h->target, h->target_len);
	if (!e->buffer_used[TSE_BUF_URI])
		return;
	len = uri_normalise(h->target, h->target_len, start);
	e->work_len += len;
	put(e, TSE_BUF_URI, start, len);
}

static void make_request(struct tse_engine *e)
{
	const struct http_head *h = &e->head;

	put(e, TSE_BUF_METHOD, h->method, h->method_len);
	put(e, TSE_BUF_REQUEST_LINE, h->line, h->line_len);
	make_uri(e);
	make_host(e);
	make_value(e, TSE_BUF_COOKIE, HTTP_H_COOKIE, "; ");
	make_value(e, TSE_BUF_USER_AGENT, HTTP_H_USER_AGENT, ", ");
	make_value(e, TSE_BUF_REFERER, HTTP_H_REFERER, ", ");
	make_value(e, TSE_BUF_ACCEPT, HTTP_H_ACCEPT, ", ");
	make_value(e, TSE_BUF_ACCEPT_ENC, HTTP_H_ACCEPT_ENCODING, ", ");
	make_value(e, TSE_BUF_ACCEPT_LANG, HTTP_H_ACCEPT_LANGUAGE, ", ");
}

static void make_response(struct tse_engine *e)
{
	const struct http_head *h = &e->head;

	put(e, TSE_BUF_STAT_CODE, h->method, h->method_len);
	put(e, TSE_BUF_STAT_MSG, h->target, h->target_len);
	put(e, TSE_BUF_RESPONSE_LINE, h->line, h->line_len);
	make_value(e, TSE_BUF_COOKIE, HTTP_H_SET_COOKIE, "; ");
	make_value(e, TSE_BUF_LOCATION, HTTP_H_LOCATION, ", ");
	make_value(e, TSE_BUF_SERVER, HTTP_H_SERVER, ", ");
}

void buffers_make(struct tse_engine *e)
{
	const struct http_head *h = &e->head;

	memset(e->buffers, 0, sizeof(e->buffers));
	e->work_len = 0;
	put(e, TSE_BUF_PROTOCOL, h->version, h->version_len);
	put(e, TSE_BUF_START, h->start, h->len);
	put(e, TSE_BUF_HEADER_RAW, h->headers_at, (size_t)(h->start + h->len - h->headers_at));
	make_header(e);
	make_header_names(e);
	make_value(e, TSE_BUF_CONNECTION, HTTP_H_CONNECTION, ", ");
	make_value(e, TSE_BUF_CONTENT_LEN, HTTP_H_CONTENT_LENGTH, ", ");
	make_value(e, TSE_BUF_CONTENT_TYPE, HTTP_H_CONTENT_TYPE, ", ");
	if (e->dir == TSE_TO_SERVER)
		make_request(e);
	else
		make_response(e);
}
