/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header block of an HTTP/1 message: first line and headers as places in the bytes, what they
 * say about the body, and what is wrong with them. A second reader beside llhttp, on purpose: it
 * is strict where llhttp is tolerant, and where the two understand a message differently it is
 * blocked. Source: RFC 9112. Data path, no allocation.
 */
#pragma once

#include <stdbool.h>

#include "tse/proto/anomaly.h"

enum { HTTP_HEADERS_MAX = 256 };

struct http_header {
	const uint8_t *name, *value; /* without blanks around; a folded value holds its line ends */
	uint32_t name_len, value_len;
	uint8_t id; /* enum http_header_id */
};

/* Headers the engine looks at. */
enum http_header_id {
	HTTP_H_OTHER,
	HTTP_H_HOST,
	HTTP_H_COOKIE,
	HTTP_H_SET_COOKIE,
	HTTP_H_USER_AGENT,
	HTTP_H_REFERER,
	HTTP_H_ACCEPT,
	HTTP_H_ACCEPT_ENCODING,
	HTTP_H_ACCEPT_LANGUAGE,
	HTTP_H_CONNECTION,
	HTTP_H_CONTENT_LENGTH,
	HTTP_H_CONTENT_TYPE,
	HTTP_H_CONTENT_ENCODING,
	HTTP_H_TRANSFER_ENCODING,
	HTTP_H_LOCATION,
	HTTP_H_SERVER,
	HTTP_H_UPGRADE,
	HTTP_H_ALT_SVC,
	HTTP_H_COUNT
};

struct http_head {
	const uint8_t *start; /* first byte of the first line */
	size_t len;           /* to behind the empty line */
	const uint8_t *line;  /* first line without its end */
	size_t line_len;
	const uint8_t *headers_at; /* behind the first line */
	/* request: method, target; response: status text in method, reason in target */
	const uint8_t *method, *target, *version;
	size_t method_len, target_len, version_len;
	unsigned minor;  /* HTTP/1.x */
	unsigned status; /* response */
	struct http_header headers[HTTP_HEADERS_MAX];
	unsigned nheaders;
	bool chunked, has_length, has_coding;
	uint64_t length;
	uint64_t anomalies; /* bit an enum tse_anomaly */
};

/* Where the header block ends in `data` (behind its empty line), or 0: not yet. *at keeps how far
 * was looked; start with 0 and give it again with more bytes. */
size_t head_find_end(const uint8_t *data, size_t len, size_t *at) SL_NONNULL(1, 3);

/*
 * Is the beginning of a message as it must be? Looks at the first line as far as it is there.
 * Returns an anomaly, or ANOMALY_COUNT when nothing is wrong so far.
 */
enum tse_anomaly head_check_start(const uint8_t *data, size_t len, enum tse_direction dir)
        SL_NONNULL(1);

/* Reads a whole block of `len` bytes; anomalies are gathered in the head. */
void head_read(const uint8_t *data, size_t len, enum tse_direction dir, struct http_head *ret_head)
        SL_NONNULL(1, 4);

/* The first header of that id, or NULL. */
const struct http_header *head_find(const struct http_head *head, enum http_header_id id)
        SL_NONNULL(1);

/* Is `word` one of the comma-separated words of the value, in any case? */
bool head_has_word(const struct http_header *h, const char *word) SL_NONNULL(1, 2);
