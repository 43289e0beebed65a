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

/* A buffer without a modifier has an empty name here, which no rule can write. */
static const struct keyword modifiers[] = {
#define X(id, s, d, k, m, l, h)                                                                    \
	{(m) ? (m) : "", h, KEYWORD_NO_VALUE, read_modifier, "http_modifiers", TSE_BUF_##id},
#include "tse/proto/buffers.def"
#undef X
};

const struct keyword_family keyword_http = {"http", sticky, SL_ARRAY_LEN(sticky)};
const struct keyword_family keyword_http_modifier = {"http modifiers", modifiers,
                                                     SL_ARRAY_LEN(modifiers)};
