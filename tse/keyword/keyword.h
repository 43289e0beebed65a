/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule keywords: one table a family, each entry with its name, help, reader and the name of the
 * test case that shows both a match and a non-match; a keyword that is in no table makes its rule
 * refused. The parser looks a name up and calls the reader with the value as written. One thread.
 */
#pragma once

#include "tse/rule/draft.h"

enum keyword_value { KEYWORD_NO_VALUE, KEYWORD_VALUE, KEYWORD_OPTIONAL };

struct keyword;

struct keyword_call {
	const struct keyword *keyword;
	struct draft *draft;
	struct rule_error *err; /* its column is the value's place when the reader is called */
	const char *value;      /* without blanks around it; not NUL-terminated */
	size_t len;
};

struct keyword {
	const char *name;
	const char *help;
	enum keyword_value value;
	int (*read)(const struct keyword_call *call); /* 0, or negative with call->err set */
	const char *tests; /* the folder under tests/traffic with its negative */
	int arg;           /* for readers that serve several keywords */
};

struct keyword_family {
	const char *name;
	const struct keyword *keywords;
	size_t count;
};

extern const struct keyword_family keyword_meta, keyword_content, keyword_pcre, keyword_flow,
        keyword_size, keyword_http, keyword_http_alias, keyword_http_modifier;

/* All families, NULL at the end. */
extern const struct keyword_family *const keyword_families[];

/* NULL when the engine does not know it. Names are compared exactly. */
const struct keyword *keyword_find(const char *name, size_t len) SL_NONNULL(1);

/* Why a keyword of the rule language is not taken, and what to do; false: it is no such keyword. */
bool keyword_refused(const char *name, size_t len, const char **ret_reason, const char **ret_remedy)
        SL_NONNULL(1, 3, 4);

/* ---- helpers of readers ---- */

/* A value in double quotes, perhaps with ! before; the inside without copy. */
int keyword_quoted(const struct keyword_call *call, const char **ret_text, size_t *ret_len,
                   bool *ret_negated) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* A whole number in [min, max]. */
int keyword_number(const struct keyword_call *call, const char *text, size_t len, long long min,
                   long long max, long long *ret_value) SL_NONNULL(1, 2, 6) SL_MUST;

/* The content that a modifier belongs to; NULL with err set when there is none. */
struct cond *keyword_last_content(const struct keyword_call *call) SL_NONNULL(1);

/* Splits at commas: the next word, blanks trimmed; false at the end. */
bool keyword_next_word(const char **at, size_t *left, const char **ret_word, size_t *ret_len)
        SL_NONNULL(1, 2, 3, 4);
bool keyword_word_is(const char *word, size_t len, const char *name) SL_NONNULL(1, 3);
