/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of domain patterns with a number each, as one immutable piece of bytes that many processes
 * map: `a.test` is that name, `*.a.test` every name below it of any depth and not itself (R109).
 * The most specific pattern wins: the exact name, then the longest suffix. Built by `control`
 * (any thread, one at a time), looked up by workers without a lock or an allocation.
 * docs/internals/client.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct buf;
struct domain_builder;

enum {
	DOMAIN_NAME_MAX = 253,          /* bytes of a name in text (RFC 1035 section 2.3.4) */
	DOMAIN_PATTERNS_MAX = 20000000, /* of one map; 1,000,000 take about 50 MiB */
};

/* Whether it is a pattern that a map takes. */
bool domain_is_pattern(const char *text, size_t len) SL_NONNULL(1);

/* ---- making one -------------------------------------------------------------------------- */

struct domain_builder *domain_builder_create(void) SL_MUST;

/* For a map of names without "*.", each of which covers itself and everything below. */
struct domain_builder *domain_builder_create_trees(void) SL_MUST;
void domain_builder_destroy(struct domain_builder *b);

/*
 * Adds a pattern, in any case, with or without a final dot. The same pattern again replaces the
 * number. SL_EMALFORMED (not a domain, or not ASCII: IDN is written as xn--), SL_ELIMIT, SL_ENOMEM.
 */
int domain_builder_add(struct domain_builder *b, const char *pattern, size_t len, uint32_t value)
        SL_NONNULL(1, 2) SL_MUST;

/* The number of a pattern so far, for adding to it. SL_ENOENT. */
int domain_builder_get(const struct domain_builder *b, const char *pattern, size_t len,
                       uint32_t *ret_value) SL_NONNULL(1, 2, 4) SL_MUST;

size_t domain_builder_count(const struct domain_builder *b) SL_NONNULL(1);

/* Adds the finished map to `out`. Same input, same bytes. SL_ELIMIT, SL_ENOMEM. */
int domain_builder_finish(const struct domain_builder *b, struct buf *out) SL_NONNULL(1, 2) SL_MUST;

/* A file's text, line by line: "#" begins a comment, empty lines are nothing. */
struct domain_text {
	const char *at, *end; /* what is still to be read */
	const char *text;     /* the line: without comment and white space around; not terminated */
	size_t len;
	unsigned line; /* from 1 */
};

struct domain_text domain_text_of(const char *text, size_t len) SL_NONNULL(1);

/* The next line with something on it; false at the end. */
bool domain_text_next(struct domain_text *t) SL_NONNULL(1);

/* A line that is no pattern. */
typedef void domain_line_fn(void *arg, unsigned line, const char *text, size_t len);

/*
 * Adds a file's text: a pattern a line. Lines that are no patterns are told to `bad` (may be NULL)
 * and left out. Returns how many were left out, or SL_ELIMIT, SL_ENOMEM.
 */
int domain_builder_add_text(struct domain_builder *b, const char *text, size_t len, uint32_t value,
                            domain_line_fn *bad, void *arg) SL_NONNULL(1, 2) SL_MUST;

/* ---- using one --------------------------------------------------------------------------- */

/* A view of mapped bytes, which must outlive it. */
struct domain_map {
	const uint8_t *bytes;
	size_t len;
	bool trees;    /* each pattern covers itself and everything below */
	uint64_t seed; /* of the hash */
	uint32_t homes, count;
	const uint8_t *slots;
	size_t slots_count;
	const char *names;
	size_t names_len;
};

/* Checks every offset and the order of all slots, on which the bound of a look-up stands.
 * SL_EMALFORMED. */
int domain_map_open(const void *bytes, size_t len, struct domain_map *ret) SL_NONNULL(1, 3) SL_MUST;

struct domain_match {
	uint32_t value;
	const char *pattern; /* as it was added, normalised: "*.bank.test"; not NUL-terminated */
	size_t pattern_len;
};

/*
 * The most specific pattern for a name (any case, final dot or not). False when there is none, or
 * when it is no name. `map` with no bytes never matches.
 */
bool domain_map_find(const struct domain_map *map, const char *name, size_t len,
                     struct domain_match *ret) SL_NONNULL(1, 2, 4);

/* All patterns, one a call, in no order that means something; *at is 0 before the first. */
bool domain_map_next(const struct domain_map *map, size_t *at, struct domain_match *ret)
        SL_NONNULL(1, 2, 3);
