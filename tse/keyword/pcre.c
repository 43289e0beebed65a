/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcre: "/expression/flags". Flags i s m x A E G as in Perl and PCRE, R: relative to the last
 * match, and the letters of buffers.def.
 */
#include <string.h>

#include "lib/base/err.h"
#include "tse/keyword/keyword.h"
#include "tse/proto/buffer.h"

enum { PCRE_TEXT_MAX = 8192 };

static const struct pcre_flag {
	char letter;
	uint32_t option;
} pcre_flags[] = {
        {'i', PCRE2_CASELESS}, {'s', PCRE2_DOTALL},   {'m', PCRE2_MULTILINE},
        {'x', PCRE2_EXTENDED}, {'A', PCRE2_ANCHORED}, {'E', PCRE2_DOLLAR_ENDONLY},
        {'G', PCRE2_UNGREEDY},
};

static bool option_of(char letter, uint32_t *options)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(pcre_flags); i++) {
		if (pcre_flags[i].letter == letter) {
			*options |= pcre_flags[i].option;
			return true;
		}
	}
	return false;
}

static bool buffer_of(char letter, uint8_t *ret_buffer)
{
	for (unsigned i = 0; i < TSE_BUF_COUNT; i++) {
		if (buffer_table[i].letter == letter) {
			*ret_buffer = (uint8_t)i;
			return true;
		}
	}
	return false;
}

static int read_flags(const struct keyword_call *c, const char *flags, size_t len,
                      struct cond *cond)
{
	for (size_t i = 0; i < len; i++) {
		if (option_of(flags[i], &cond->pcre_options))
			continue;
		if (flags[i] == 'R') {
			cond->flags |= COND_RELATIVE;
			continue;
		}
		if (!buffer_of(flags[i], &cond->buffer))
			return rule_error_set(c->err, SL_EUNSUPPORTED,
			                      "use i s m x A E G R or an HTTP buffer's letter",
			                      "pcre: unknown flag '%c'", flags[i]);
		if (c->draft->buffer != TSE_BUF_RAW && c->draft->buffer != cond->buffer)
			return rule_error_set(c->err, SL_EMALFORMED, "remove the letter",
			                      "pcre: buffer letter '%c' in another sticky buffer",
			                      flags[i]);
	}
	return 0;
}

/* Compiled once here, so that the error has its place; the rule set compiles it again. */
static int check(const struct keyword_call *c, const char *text, size_t len, uint32_t options)
{
	int code;
	PCRE2_SIZE at;
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)text, len, options, &code, &at, NULL);
	PCRE2_UCHAR message[160];

	if (!re) {
		(void)pcre2_get_error_message(code, message, SL_ARRAY_LEN(message));
		c->err->column += (unsigned)at;
		return rule_error_set(c->err, SL_EMALFORMED, "correct the expression", "pcre: %s",
		                      (char *)message);
	}
	pcre2_code_free(re);
	return 0;
}

static int read_pcre(const struct keyword_call *c)
{
	struct cond cond = {.kind = COND_PCRE, .buffer = c->draft->buffer};
	const char *text;
	const char *end;
	size_t len;
	bool negated;
	int rc = keyword_quoted(c, &text, &len, &negated);

	if (rc != 0)
		return rc;
	end = len > 1 ? memrchr(text + 1, '/', len - 1) : NULL;
	if (!end || text[0] != '/')
		return rule_error_set(c->err, SL_EMALFORMED, "write /expression/flags",
		                      "pcre: the expression is not between slashes");
	if (end == text + 1 || end - text > PCRE_TEXT_MAX)
		return rule_error_set(c->err, SL_ELIMIT, "", "pcre: empty, or longer than %d bytes",
		                      PCRE_TEXT_MAX);
	cond.flags = negated ? COND_NEGATED : 0;
	rc = read_flags(c, end + 1, (size_t)(text + len - end - 1), &cond);
	if (rc == 0)
		rc = check(c, text + 1, (size_t)(end - text - 1), cond.pcre_options);
	if (rc == 0)
		rc = draft_add_bytes(c->draft, c->err, (const uint8_t *)text + 1,
		                     (size_t)(end - text - 1), &cond.data);
	if (rc != 0)
		return rc;
	cond.len = (uint32_t)(end - text - 1);
	rc = draft_add_cond(c->draft, c->err, &cond);
	if (rc == 0) /* a letter of its own may have moved it to another buffer */
		c->draft->conds[c->draft->nconds - 1].buffer = cond.buffer;
	return rc;
}

static const struct keyword keywords[] = {
        {"pcre", "a regular expression that must, or with ! must not, match", KEYWORD_VALUE,
         read_pcre, "pcre", 0},
};

const struct keyword_family keyword_pcre = {"pcre", keywords, SL_ARRAY_LEN(keywords)};
