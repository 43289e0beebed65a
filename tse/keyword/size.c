/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keywords about lengths: bsize, urilen, isdataat.
 */
#include <ctype.h>
#include <string.h>

#include "lib/base/err.h"
#include "tse/keyword/keyword.h"
#include "tse/proto/buffer.h"

enum { SIZE_LIMIT = 1 << 30 };

static void trim(const char **text, size_t *len)
{
	while (*len > 0 && isspace((unsigned char)**text)) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && isspace((unsigned char)(*text)[*len - 1]))
		(*len)--;
}

/* "n", "<n", "<=n", ">n", ">=n", "a<>b" (between, ends excluded) as an inclusive range. */
static int read_range(const struct keyword_call *c, const char *text, size_t len, int32_t *ret_lo,
                      int32_t *ret_hi)
{
	const char *between = memmem(text, len, "<>", 2);
	long long a;
	long long b;
	size_t skip;
	int rc;

	trim(&text, &len);
	if (between) {
		const char *right = between + 2;
		size_t left_len = (size_t)(between - text);
		size_t right_len = (size_t)(text + len - right);

		trim(&text, &left_len);
		trim(&right, &right_len);
		rc = keyword_number(c, text, left_len, 0, SIZE_LIMIT, &a);
		if (rc == 0)
			rc = keyword_number(c, right, right_len, 0, SIZE_LIMIT, &b);
		if (rc == 0 && a + 1 >= b)
			rc = rule_error_set(c->err, SL_ERANGE, "", "%s: nothing lies between",
			                    c->keyword->name);
		if (rc == 0) {
			*ret_lo = (int32_t)a + 1;
			*ret_hi = (int32_t)b - 1;
		}
		return rc;
	}
	skip = len > 1 && text[1] == '=' ? 2 : len > 0 && (*text == '<' || *text == '>') ? 1 : 0;
	{
		const char *number = text + skip;
		size_t number_len = len - skip;

		trim(&number, &number_len);
		rc = keyword_number(c, number, number_len, 0, SIZE_LIMIT, &a);
	}
	if (rc != 0)
		return rc;
	*ret_lo = *text == '>' ? (int32_t)a + (skip == 1) : *text == '<' ? 0 : (int32_t)a;
	*ret_hi = *text == '<' ? (int32_t)a - (skip == 1) : *text == '>' ? SIZE_LIMIT : (int32_t)a;
	if (*ret_hi < *ret_lo)
		return rule_error_set(c->err, SL_ERANGE, "", "%s: nothing is that short",
		                      c->keyword->name);
	return 0;
}

static int read_bsize(const struct keyword_call *c)
{
	struct cond cond = {.kind = COND_BSIZE};
	int rc;

	if (c->draft->buffer == TSE_BUF_RAW)
		return rule_error_set(c->err, SL_EMALFORMED, "put a sticky buffer before it",
		                      "bsize on the byte stream, which has no length");
	rc = read_range(c, c->value, c->len, &cond.offset, &cond.depth);
	if (rc == 0)
		rc = draft_add_cond(c->draft, c->err, &cond);
	return rc;
}

static int read_urilen(const struct keyword_call *c)
{
	struct cond cond = {.kind = COND_BSIZE};
	const char *at = c->value;
	size_t left = c->len;
	const char *range;
	size_t range_len;
	const char *word = "norm";
	size_t len = 4;
	uint8_t buffer = c->draft->buffer;
	int rc;

	if (!keyword_next_word(&at, &left, &range, &range_len))
		return rule_error_set(c->err, SL_EMALFORMED, "give a length", "urilen is empty");
	if (keyword_next_word(&at, &left, &word, &len) && !keyword_word_is(word, len, "raw") &&
	    !keyword_word_is(word, len, "norm"))
		return rule_error_set(c->err, SL_EMALFORMED, "use raw or norm",
		                      "urilen: unknown word");
	rc = read_range(c, range, range_len, &cond.offset, &cond.depth);
	if (rc != 0)
		return rc;
	c->draft->buffer = keyword_word_is(word, len, "norm") ? TSE_BUF_URI : TSE_BUF_URI_RAW;
	rc = draft_add_cond(c->draft, c->err, &cond);
	c->draft->buffer = buffer;
	return rc;
}

static int read_isdataat(const struct keyword_call *c)
{
	struct cond cond = {.kind = COND_ISDATAAT};
	const char *at = c->value;
	size_t left = c->len;
	const char *word;
	size_t len;
	long long v;
	int rc;

	if (left > 0 && *at == '!') {
		cond.flags |= COND_NEGATED;
		at++;
		left--;
	}
	if (!keyword_next_word(&at, &left, &word, &len))
		return rule_error_set(c->err, SL_EMALFORMED, "give a number", "isdataat is empty");
	rc = keyword_number(c, word, len, 0, 1 << 24, &v);
	while (rc == 0 && keyword_next_word(&at, &left, &word, &len)) {
		if (keyword_word_is(word, len, "relative"))
			cond.flags |= COND_RELATIVE;
		else if (!keyword_word_is(word, len, "rawbytes"))
			rc = rule_error_set(c->err, SL_EMALFORMED, "use relative",
			                    "isdataat: unknown word");
	}
	if (rc != 0)
		return rc;
	cond.offset = (int32_t)v;
	return draft_add_cond(c->draft, c->err, &cond);
}

static const struct keyword keywords[] = {
        {"bsize", "length of the buffer: n, <n, >n, a<>b", KEYWORD_VALUE, read_bsize, "bsize", 0},
        {"urilen", "length of the request target, norm or raw", KEYWORD_VALUE, read_urilen,
         "urilen", 0},
        {"isdataat", "so many bytes follow, or with ! do not", KEYWORD_VALUE, read_isdataat,
         "isdataat", 0},
};

const struct keyword_family keyword_size = {"size", keywords, SL_ARRAY_LEN(keywords)};
