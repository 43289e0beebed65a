/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP buffers: the sticky keywords, and the older modifiers that move the content before them.
 * Both come from buffers.def.
 */
#include "lib/base/err.h"
#include "tse/keyword/keyword.h"
#include "tse/proto/buffer.h"

static int read_sticky(const struct keyword_call *c)
{
	c->draft->buffer = (uint8_t)c->keyword->arg;
	c->draft->last = -1;
	return 0;
}

static int read_modifier(const struct keyword_call *c)
{
	struct cond *k = keyword_last_content(c);

	if (!k)
		return SL_EMALFORMED;
	if (k->buffer != TSE_BUF_RAW && k->buffer != c->keyword->arg)
		return rule_error_set(c->err, SL_EMALFORMED, "use sticky buffers only",
		                      "%s on a content of another buffer", c->keyword->name);
	k->buffer = (uint8_t)c->keyword->arg;
	return 0;
}

/* The name of a sticky buffer's case is its own name. */
static const struct keyword sticky[] = {
#define X(id, s, d, k, m, l, h) {s, h, KEYWORD_NO_VALUE, read_sticky, s, TSE_BUF_##id},
#include "tse/proto/buffers.def"
#undef X
        {"file_data", "as file.data", KEYWORD_NO_VALUE, read_sticky, "file.data",
         TSE_BUF_FILE_DATA},
};

/* Older names of sticky buffers. */
#define ALIAS(name, buffer)                                                                        \
	{                                                                                          \
		name, "an older name of the sticky buffer", KEYWORD_NO_VALUE, read_sticky,         \
		        "http_aliases", TSE_BUF_##buffer                                           \
	}

static const struct keyword aliases[] = {
        ALIAS("http_referer", REFERER),
        ALIAS("http_accept", ACCEPT),
        ALIAS("http_accept_enc", ACCEPT_ENC),
        ALIAS("http_accept_lang", ACCEPT_LANG),
        ALIAS("http_connection", CONNECTION),
        ALIAS("http_content_len", CONTENT_LEN),
        ALIAS("http_content_type", CONTENT_TYPE),
        ALIAS("http_protocol", PROTOCOL),
        ALIAS("http_start", START),
        ALIAS("http_request_line", REQUEST_LINE),
        ALIAS("http_response_line", RESPONSE_LINE),
        ALIAS("http_header_names", HEADER_NAMES),
};

/* A buffer without a modifier has an empty name here, which no rule can write. */
static const struct keyword modifiers[] = {
#define X(id, s, d, k, m, l, h)                                                                    \
	{(m) ? (m) : "", h, KEYWORD_NO_VALUE, read_modifier, "http_modifiers", TSE_BUF_##id},
#include "tse/proto/buffers.def"
#undef X
};

const struct keyword_family keyword_http = {"http", sticky, SL_ARRAY_LEN(sticky)};
const struct keyword_family keyword_http_alias = {"http aliases", aliases, SL_ARRAY_LEN(aliases)};
const struct keyword_family keyword_http_modifier = {"http modifiers", modifiers,
                                                     SL_ARRAY_LEN(modifiers)};
