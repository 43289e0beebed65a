/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request line asks for (RFC 9112 section 3.2.1, RFC 3986): the path decoded once and in its
 * one spelling, and the query as it came. What could be read in two ways is refused, not repaired,
 * so that nothing behind this can be asked for by two names. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"

struct problem;

struct http_target {
	char *path;  /* heap */
	char *query; /* heap; "" without one */
};

/*
 * SL_EMALFORMED: not absolute, an escape that is none, NUL, a control character, "/" or "\" in an
 * escape, an empty, "." or ".." segment, no UTF-8, a fragment. SL_ELIMIT: longer than HTTP_PATH_MAX
 * or HTTP_QUERY_MAX. SL_ENOMEM.
 */
int http_target_read(const char *text, struct http_target *ret_target) SL_NONNULL(1, 2) SL_MUST;
void http_target_fini(struct http_target *target) SL_NONNULL(1);

/* The first value of `name` in a query (application/x-www-form-urlencoded), decoded; NULL when it
 * is not there or is no text (NUL, an escape that is none, no UTF-8). Freed by the caller. */
char *http_query_find(const char *query, const char *name) SL_NONNULL(1, 2);

/* The key of the query's next parameter as it came, from *at on; moves *at. NULL at the end. */
const char *http_query_next(const char **at, size_t *ret_len) SL_NONNULL(1, 2);

/* Whether "a&b" names it. */
bool http_query_names(const char *names, const char *key, size_t len) SL_NONNULL(1, 2);

/* Every key is one of `names` ("a&b") and comes once; else SL_EINVAL in words. `where` says where
 * they are listed. */
int http_query_check(const char *query, const char *names, const char *where,
                     struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
