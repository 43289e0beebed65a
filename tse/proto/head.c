/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the header block of an HTTP/1 message. Total: every input gives a head, with a bit for
 * each thing that is wrong.
 */
#include "tse/proto/head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	uint8_t len;
	uint8_t id;
} known[] = {
        {"host", 4, HTTP_H_HOST},
        {"cookie", 6, HTTP_H_COOKIE},
        {"set-cookie", 10, HTTP_H_SET_COOKIE},
        {"user-agent", 10, HTTP_H_USER_AGENT},
        {"referer", 7, HTTP_H_REFERER},
        {"accept", 6, HTTP_H_ACCEPT},
        {"accept-encoding", 15, HTTP_H_ACCEPT_ENCODING},
        {"accept-language", 15, HTTP_H_ACCEPT_LANGUAGE},
        {"connection", 10, HTTP_H_CONNECTION},
        {"content-length", 14, HTTP_H_CONTENT_LENGTH},
        {"content-type", 12, HTTP_H_CONTENT_TYPE},
        {"content-encoding", 16, HTTP_H_CONTENT_ENCODING},
        {"transfer-encoding", 17, HTTP_H_TRANSFER_ENCODING},
        {"location", 8, HTTP_H_LOCATION},
        {"server", 6, HTTP_H_SERVER},
        {"upgrade", 7, HTTP_H_UPGRADE},
        {"alt-svc", 7, HTTP_H_ALT_SVC},
};

static void flag(struct http_head *h, enum tse_anomaly a)
{
	h->anomalies |= 1ULL << a;
}

/* The token characters of RFC 9110 section 5.6.2, a bit each. */
static bool is_token(uint8_t c)
{
	static const uint64_t token[2] = {0x03ff6cfa00000000, 0x57ffffffc7fffffe};

	return c < 128 && (token[c / 64] >> (c % 64) & 1);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

size_t head_find_end(const uint8_t *data, size_t len, size_t *at)
{
	size_t i = *at;

	while (i < len) {
		const uint8_t *nl = memchr(data + i, '\n', len - i);
		size_t next;

		if (!nl) {
			*at = len;
			return 0;
		}
		next = (size_t)(nl - data) + 1;
		*at = next - 1; /* look at this line end again when more is there */
		if (next < len && data[next] == '\n')
			return next + 1;
		if (next + 1 < len && data[next] == '\r' && data[next + 1] == '\n')
			return next + 2;
		if (next + 1 >= len && (next >= len || data[next] == '\r'))
			return 0;
		i = next;
	}
	return 0;
}

static enum tse_anomaly check_request_start(const uint8_t *data, size_t len)
{
	static const char preface[] = "PRI * HTTP/2.0";
	const uint8_t *nl = memchr(data, '\n', len);
	size_t line = nl ? (size_t)(nl - data) : len;
	size_t i = 0;
	size_t blank;

	if (line >= sizeof(preface) - 1 && memcmp(data, preface, sizeof(preface) - 1) == 0)
		return ANOMALY_HTTP2_PREFACE;
	while (i < line && is_token(data[i]))
		i++;
	if (i > 32 || (i < line && data[i] != ' ') || (nl && i == 0))
		return ANOMALY_NOT_HTTP;
	if (!nl)
		return ANOMALY_COUNT;
	while (line > 0 && (data[line - 1] == '\r' || is_blank(data[line - 1])))
		line--;
	for (blank = line; blank > i && data[blank - 1] != ' '; blank--)
		;
	if (blank <= i + 1) /* a method and one word */
		return line > i ? ANOMALY_HTTP_0_9 : ANOMALY_NOT_HTTP;
	return ANOMALY_COUNT;
}

enum tse_anomaly head_check_start(const uint8_t *data, size_t len, enum tse_direction dir)
{
	if (dir == TSE_TO_SERVER)
		return check_request_start(data, len);
	return memcmp(data, "HTTP/", SL_MIN(len, (size_t)5)) == 0 ? ANOMALY_COUNT
	                                                          : ANOMALY_NOT_HTTP;
}

static void read_version(struct http_head *h)
{
	if (h->version_len == 8 && memcmp(h->version, "HTTP/1.", 7) == 0 &&
	    (h->version[7] == '0' || h->version[7] == '1'))
		h->minor = h->version[7] - '0';
	else
		flag(h, ANOMALY_VERSION);
}

static bool has_control(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] < 0x21 || p[i] == 0x7f)
			return true;
	}
	return false;
}

/* method SP target SP version; the target holds no blank. */
static void read_request_line(struct http_head *h)
{
	const uint8_t *end = h->line + h->line_len;
	const uint8_t *sp = memchr(h->line, ' ', h->line_len);
	const uint8_t *last = memrchr(h->line, ' ', h->line_len);

	h->method = h->target = h->version = h->line;
	if (!sp || last == sp) {
		flag(h, ANOMALY_REQUEST_LINE);
		h->method_len = sp ? (size_t)(sp - h->line) : h->line_len;
		return;
	}
	h->method_len = (size_t)(sp - h->line);
	h->target = sp + 1;
	h->target_len = (size_t)(last - h->target);
	h->version = last + 1;
	h->version_len = (size_t)(end - h->version);
	if (h->target_len == 0 || has_control(h->target, h->target_len))
		flag(h, ANOMALY_REQUEST_LINE);
	read_version(h);
}

/* version SP three digits [SP reason] */
static void read_status_line(struct http_head *h)
{
	const uint8_t *p = h->line;
	size_t len = h->line_len;

	h->version = p;
	h->version_len = SL_MIN(len, (size_t)8);
	h->method = p + h->version_len;
	h->target = p + len;
	read_version(h);
	if (len < 12 || p[8] != ' ' || !isdigit(p[9]) || !isdigit(p[10]) || !isdigit(p[11]) ||
	    (len > 12 && p[12] != ' ') || p[9] == '0') {
		flag(h, ANOMALY_STATUS_LINE);
		return;
	}
	h->method = p + 9;
	h->method_len = 3;
	h->status = (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
	h->target = p + SL_MIN(len, (size_t)13);
	h->target_len = len - SL_MIN(len, (size_t)13);
}

static uint8_t header_id(const uint8_t *name, size_t len)
{
	for (size_t i = 0; len > 0 && i < SL_ARRAY_LEN(known); i++) {
		if (known[i].len == len && known[i].name[0] == (name[0] | 0x20) &&
		    strncasecmp(known[i].name, (const char *)name, len) == 0)
			return known[i].id;
	}
	return HTTP_H_OTHER;
}

static void trim(const uint8_t **p, size_t *len)
{
	while (*len > 0 && is_blank(**p)) {
		(*p)++;
		(*len)--;
	}
	while (*len > 0 && is_blank((*p)[*len - 1]))
		(*len)--;
}

static void read_header(struct http_head *h, const uint8_t *line, size_t len)
{
	const uint8_t *colon = memchr(line, ':', len);
	struct http_header *to;
	size_t name_len;
	size_t value_len;

	if (h->nheaders >= HTTP_HEADERS_MAX) {
		flag(h, ANOMALY_HEADER_TOO_MANY);
		return;
	}
	to = &h->headers[h->nheaders];
	name_len = colon ? (size_t)(colon - line) : len;
	if (!colon || name_len == 0)
		flag(h, ANOMALY_HEADER_NO_COLON);
	to->name = line;
	if (name_len > 0 && is_blank(line[name_len - 1])) {
		flag(h, ANOMALY_HEADER_SPACE);
		trim(&to->name, &name_len);
	}
	for (size_t i = 0; i < name_len; i++) {
		if (!is_token(to->name[i]))
			flag(h, ANOMALY_HEADER_NAME);
	}
	to->value = colon ? colon + 1 : line + len;
	value_len = (size_t)(line + len - to->value);
	trim(&to->value, &value_len);
	to->name_len = (uint32_t)name_len;
	to->value_len = (uint32_t)value_len;
	to->id = header_id(to->name, name_len);
	h->nheaders++;
}

/* One line, folded ones joined to the header before them. */
static void take_line(struct http_head *h, const uint8_t *line, size_t len)
{
	if (memchr(line, '\r', len))
		flag(h, ANOMALY_BARE_CR);
	if (len > 0 && is_blank(*line)) {
		flag(h, ANOMALY_HEADER_FOLDED);
		if (h->nheaders > 0 && h->nheaders <= HTTP_HEADERS_MAX) {
			struct http_header *last = &h->headers[h->nheaders - 1];

			last->value_len = (uint32_t)(line + len - last->value);
		}
		return;
	}
	read_header(h, line, len);
}

static void read_lines(struct http_head *h, const uint8_t *data, size_t len, enum tse_direction dir)
{
	const uint8_t *p = data;
	const uint8_t *end = data + len;
	bool first = true;

	while (p < end) {
		const uint8_t *nl = memchr(p, '\n', (size_t)(end - p));
		size_t line = nl ? (size_t)(nl - p) : (size_t)(end - p);
		const uint8_t *next = nl ? nl + 1 : end;

		if (line > 0 && nl && p[line - 1] == '\r')
			line--;
		else
			flag(h, ANOMALY_BARE_LF);
		if (line == 0)
			break;
		if (first) {
			h->line = p;
			h->line_len = line;
			h->headers_at = next;
			if (memchr(p, '\r', line))
				flag(h, ANOMALY_BARE_CR);
			if (dir == TSE_TO_SERVER)
				read_request_line(h);
			else
				read_status_line(h);
		} else {
			take_line(h, p, line);
		}
		first = false;
		p = next;
	}
}

const struct http_header *head_find(const struct http_head *head, enum http_header_id id)
{
	for (unsigned i = 0; i < head->nheaders; i++) {
		if (head->headers[i].id == id)
			return &head->headers[i];
	}
	return NULL;
}

bool head_has_word(const struct http_header *h, const char *word)
{
	size_t want = strlen(word);
	const uint8_t *p = h->value;
	const uint8_t *end = p + h->value_len;

	while (p < end) {
		const uint8_t *comma = memchr(p, ',', (size_t)(end - p));
		const uint8_t *item = p;
		size_t len = (size_t)((comma ? comma : end) - p);

		trim(&item, &len);
		if (len == want && strncasecmp((const char *)item, word, want) == 0)
			return true;
		p = comma ? comma + 1 : end;
	}
	return false;
}

static void read_length(struct http_head *h, const struct http_header *header)
{
	uint64_t v = 0;

	if (header->value_len == 0)
		flag(h, ANOMALY_LENGTH_INVALID);
	for (uint32_t i = 0; i < header->value_len; i++) {
		if (!isdigit(header->value[i])) {
			flag(h, ANOMALY_LENGTH_INVALID);
			return;
		}
		v = v * 10 + (unsigned)(header->value[i] - '0');
		if (v >> 60) {
			flag(h, ANOMALY_LENGTH_ABSURD);
			return;
		}
	}
	if (h->has_length)
		flag(h, v == h->length ? ANOMALY_LENGTH_DUPLICATE : ANOMALY_LENGTH_CONFLICT);
	h->has_length = true;
	h->length = v;
}

static void read_coding(struct http_head *h, const struct http_header *header)
{
	bool plain = header->value_len == 7 &&
	             strncasecmp((const char *)header->value, "chunked", 7) == 0;

	if (!plain || h->has_coding)
		flag(h, ANOMALY_CODING_UNKNOWN);
	h->has_coding = true;
	h->chunked = plain;
}

static void read_framing(struct http_head *h, enum tse_direction dir)
{
	unsigned hosts = 0;

	for (unsigned i = 0; i < h->nheaders; i++) {
		const struct http_header *header = &h->headers[i];

		hosts += header->id == HTTP_H_HOST;
		if (header->id == HTTP_H_CONTENT_LENGTH)
			read_length(h, header);
		else if (header->id == HTTP_H_TRANSFER_ENCODING)
			read_coding(h, header);
		else if (header->id == HTTP_H_UPGRADE && head_has_word(header, "h2c"))
			flag(h, ANOMALY_H2C_UPGRADE);
	}
	if (h->has_length && h->has_coding)
		flag(h, ANOMALY_LENGTH_AND_CHUNKED);
	if (h->has_coding && h->minor == 0)
		flag(h, ANOMALY_CODING_HTTP_1_0);
	if (dir == TSE_TO_SERVER && hosts == 0 && h->minor == 1)
		flag(h, ANOMALY_HOST_MISSING);
	if (dir == TSE_TO_SERVER && hosts > 1)
		flag(h, ANOMALY_HOST_DUPLICATE);
}

void head_read(const uint8_t *data, size_t len, enum tse_direction dir, struct http_head *ret_head)
{
	struct http_head *h = ret_head;

	memset(h, 0, offsetof(struct http_head, headers));
	h->nheaders = 0;
	h->chunked = h->has_length = h->has_coding = false;
	h->length = 0;
	h->anomalies = 0;
	h->start = h->line = h->headers_at = data;
	h->method = h->target = h->version = data;
	h->len = len;
	if (memchr(data, 0, len))
		flag(h, ANOMALY_NUL);
	read_lines(h, data, len, dir);
	read_framing(h, dir);
}
