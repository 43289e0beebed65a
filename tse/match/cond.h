/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions and chains: what a rule asks of a buffer. A condition is one keyword (a content, a
 * pcre, a length). A chain is a first condition and those that are placed relative to it: chains of
 * one rule are independent of each other, so each is looked for by itself. Plain data without
 * pointers, made by the rule parser and kept as it is in the rule set image. Any thread.
 */
#pragma once

#include <stdint.h>

enum cond_kind {
	COND_CONTENT,
	COND_PCRE,
	COND_ISDATAAT, /* offset: how many bytes must (negated: must not) follow */
	COND_BSIZE,    /* offset..depth: the range the buffer's length must lie in */
};

enum cond_flag {
	COND_NEGATED = 1 << 0,
	COND_NOCASE = 1 << 1, /* content: data is in lower case */
	COND_OFFSET = 1 << 2, /* each: the number of that name is set */
	COND_DEPTH = 1 << 3,
	COND_DISTANCE = 1 << 4,
	COND_WITHIN = 1 << 5,
	COND_STARTSWITH = 1 << 6,
	COND_ENDSWITH = 1 << 7,
	COND_FAST = 1 << 8,     /* fast_pattern was asked for */
	COND_RELATIVE = 1 << 9, /* pcre R, isdataat relative */
	COND_FAST_ONLY = 1 << 10,
};

struct cond {
	uint8_t kind;   /* enum cond_kind */
	uint8_t buffer; /* enum tse_buffer */
	uint16_t flags;
	uint32_t data; /* place of the bytes (content) or expression (pcre) in the byte pool */
	uint32_t len;
	int32_t offset;
	int32_t depth;
	int32_t distance;
	int32_t within;
	uint16_t fast_offset;  /* the part of the content for the multi-pattern matcher */
	uint16_t fast_len;     /* 0: all of it */
	uint32_t pcre_options; /* PCRE2_* */
	uint32_t pcre;         /* index of the compiled expression */
};

/* Is the condition placed by the end of the one before it? */
static inline int cond_is_relative(const struct cond *c)
{
	return (c->flags & (COND_DISTANCE | COND_WITHIN | COND_RELATIVE)) != 0;
}
