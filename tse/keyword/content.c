/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content and what modifies it: nocase, offset, depth, distance, within, startswith, endswith,
 * fast_pattern.
 */
#include <ctype.h>
#include <string.h>

#include "lib/base/err.h"
#include "tse/keyword/keyword.h"

enum { CONTENT_MAX = 8192, PLACE_MAX = 1 << 24 };

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The bytes between two pipes, blanks allowed; *i stands on the closing pipe afterwards. */
static int unescape_hex(const struct keyword_call *c, const char *text, size_t len, size_t *i,
                        uint8_t *out, size_t *n)
{
	int high = -1;

	for ((*i)++; *i < len && text[*i] != '|'; (*i)++) {
		int v = hex_value(text[*i]);

		if (isspace((unsigned char)text[*i]))
			continue;
		if (v < 0)
			return rule_error_set(c->err, SL_EMALFORMED, "write two hex digits a byte",
			                      "content: '%c' between pipes is no hex digit",
			                      isprint((unsigned char)text[*i]) ? text[*i] : '?');
		if (high < 0) {
			high = v;
			continue;
		}
		if (*n >= CONTENT_MAX)
			return SL_ELIMIT;
		out[(*n)++] = (uint8_t)(high << 4 | v);
		high = -1;
	}
	if (*i >= len || high >= 0)
		return rule_error_set(c->err, SL_EMALFORMED, "close the pipe, two digits a byte",
		                      "content: hex bytes do not end");
	return 0;
}

static int unescape(const struct keyword_call *c, const char *text, size_t len, uint8_t *out,
                    size_t *ret_n)
{
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < len; i++) {
		if (text[i] == '|') {
			rc = unescape_hex(c, text, len, &i, out, &n);
			continue;
		}
		if (text[i] == '\\') {
			if (i + 1 >= len || !strchr("\\\";:|", text[i + 1]))
				return rule_error_set(c->err, SL_EMALFORMED,
				                      "write \\\\ for a backslash",
				                      "content: unknown escape");
			i++;
		}
		if (n >= CONTENT_MAX)
			return rule_error_set(c->err, SL_ELIMIT, "shorten it",
			                      "content is longer than %d bytes", CONTENT_MAX);
		out[n++] = (uint8_t)text[i];
	}
	*ret_n = n;
	return rc;
}

static int read_content(const struct keyword_call *c)
{
	struct cond cond = {.kind = COND_CONTENT};
	uint8_t bytes[CONTENT_MAX];
	const char *text;
	size_t len;
	size_t n = 0;
	bool negated;
	int rc = keyword_quoted(c, &text, &len, &negated);

	if (rc == 0)
		rc = unescape(c, text, len, bytes, &n);
	if (rc == 0 && n == 0)
		rc = rule_error_set(c->err, SL_EMALFORMED, "give at least one byte",
		                    "content is empty");
	if (rc == 0)
		rc = draft_add_bytes(c->draft, c->err, bytes, n, &cond.data);
	if (rc != 0)
		return rc;
	cond.len = (uint32_t)n;
	cond.flags = negated ? COND_NEGATED : 0;
	rc = draft_add_cond(c->draft, c->err, &cond);
	if (rc == 0)
		c->draft->last = (int)c->draft->nconds - 1;
	return rc;
}

static int read_nocase(const struct keyword_call *c)
{
	struct cond *k = keyword_last_content(c);

	if (!k)
		return SL_EMALFORMED;
	k->flags |= COND_NOCASE;
	for (uint32_t i = 0; i < k->len; i++)
		c->draft->bytes[k->data + i] = (uint8_t)tolower(c->draft->bytes[k->data + i]);
	return 0;
}

/* One of the four numbers of a place, and that they go together. */
static int read_place(const struct keyword_call *c)
{
	struct cond *k = keyword_last_content(c);
	int flag = c->keyword->arg;
	long long v;
	int rc;

	if (!k)
		return SL_EMALFORMED;
	if (k->flags & flag)
		return rule_error_set(c->err, SL_EMALFORMED, "remove one", "%s is given twice",
		                      c->keyword->name);
	rc = keyword_number(c, c->value, c->len, flag == COND_DISTANCE ? -PLACE_MAX : 0, PLACE_MAX,
	                    &v);
	if (rc != 0)
		return rc;
	if ((flag == COND_DEPTH || flag == COND_WITHIN) && v < (long long)k->len)
		return rule_error_set(c->err, SL_ERANGE, "give at least the content's length",
		                      "%s %lld is less than the content's %u bytes",
		                      c->keyword->name, v, k->len);
	k->flags |= (uint16_t)flag;
	*(flag == COND_OFFSET     ? &k->offset
	  : flag == COND_DEPTH    ? &k->depth
	  : flag == COND_DISTANCE ? &k->distance
	                          : &k->within) = (int32_t)v;
	if ((k->flags & (COND_OFFSET | COND_DEPTH)) && (k->flags & (COND_DISTANCE | COND_WITHIN)))
		return rule_error_set(c->err, SL_EMALFORMED, "use one pair only",
		                      "offset or depth together with distance or within");
	return 0;
}

static int read_startswith(const struct keyword_call *c)
{
	struct cond *k = keyword_last_content(c);

	if (!k)
		return SL_EMALFORMED;
	if (k->flags & (COND_OFFSET | COND_DEPTH | COND_DISTANCE | COND_WITHIN))
		return rule_error_set(c->err, SL_EMALFORMED, "remove the other place",
		                      "startswith together with another place");
	k->flags |= COND_STARTSWITH | COND_OFFSET | COND_DEPTH;
	k->offset = 0;
	k->depth = (int32_t)k->len;
	return 0;
}

static int read_endswith(const struct keyword_call *c)
{
	struct cond *k = keyword_last_content(c);

	if (!k)
		return SL_EMALFORMED;
	k->flags |= COND_ENDSWITH;
	return 0;
}

static int read_fast_part(const struct keyword_call *c, struct cond *k)
{
	const char *at = c->value;
	size_t left = c->len;
	const char *word;
	size_t len;
	long long v[2];
	int rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++) {
		if (!keyword_next_word(&at, &left, &word, &len))
			return rule_error_set(c->err, SL_EMALFORMED, "write offset,length",
			                      "fast_pattern wants offset,length");
		rc = keyword_number(c, word, len, i, k->len, &v[i]);
	}
	if (rc != 0)
		return rc;
	if (left > 0 || v[0] + v[1] > (long long)k->len)
		return rule_error_set(c->err, SL_ERANGE, "stay inside the content",
		                      "fast_pattern names bytes that the content has not");
	k->fast_offset = (uint16_t)v[0];
	k->fast_len = (uint16_t)v[1];
	return 0;
}

static int read_fast_pattern(const struct keyword_call *c)
{
	struct cond *k = keyword_last_content(c);

	if (!k)
		return SL_EMALFORMED;
	for (unsigned i = 0; i < c->draft->nconds; i++) {
		if (c->draft->conds[i].flags & COND_FAST)
			return rule_error_set(c->err, SL_EMALFORMED, "remove one",
			                      "fast_pattern is given twice");
	}
	if ((k->flags & COND_NEGATED) &&
	    (k->flags & (COND_OFFSET | COND_DEPTH | COND_DISTANCE | COND_WITHIN)))
		return rule_error_set(c->err, SL_EMALFORMED, "move it to another content",
		                      "fast_pattern on a negated content with a place");
	k->flags |= COND_FAST;
	if (c->len == 0)
		return 0;
	if (keyword_word_is(c->value, c->len, "only")) {
		k->flags |= COND_FAST_ONLY;
		return 0;
	}
	return read_fast_part(c, k);
}

static const struct keyword keywords[] = {
        {"content", "bytes that must, or with ! must not, be there", KEYWORD_VALUE, read_content,
         "content", 0},
        {"nocase", "the content in any case", KEYWORD_NO_VALUE, read_nocase, "nocase", 0},
        {"offset", "the content begins at this byte or later", KEYWORD_VALUE, read_place, "offset",
         COND_OFFSET},
        {"depth", "the content lies in so many bytes from offset", KEYWORD_VALUE, read_place,
         "depth", COND_DEPTH},
        {"distance", "the content begins so many bytes after the last one's end", KEYWORD_VALUE,
         read_place, "distance", COND_DISTANCE},
        {"within", "the content ends so many bytes after the last one's end", KEYWORD_VALUE,
         read_place, "within", COND_WITHIN},
        {"startswith", "the content begins the buffer", KEYWORD_NO_VALUE, read_startswith,
         "startswith", 0},
        {"endswith", "the content ends the buffer", KEYWORD_NO_VALUE, read_endswith, "endswith", 0},
        {"fast_pattern", "wakes the rule; with offset,length a part of it", KEYWORD_OPTIONAL,
         read_fast_pattern, "fast_pattern", 0},
};

const struct keyword_family keyword_content = {"content", keywords, SL_ARRAY_LEN(keywords)};
