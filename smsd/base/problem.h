/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a request, for whoever made it: one answer that names the place, what is the
 * matter and what to do about it. Every room of smsd reports by this; api makes it the answer
 * (RFC 9457, application/problem+json). Any thread; one thread at a time for one object.
 */
#pragma once

#include <stddef.h>

#include "lib/base/attr.h"

struct pki_error;
struct conf_errors;

enum {
	PROBLEM_POINTER_MAX = 256,
	PROBLEM_TEXT_MAX = 640,
	PROBLEM_REMEDY_MAX = 320,
	PROBLEM_ITEMS_MAX =
	        64, /* places told of one by one; how many more there are is in `more` */
};

struct problem_item {
	char pointer[PROBLEM_POINTER_MAX]; /* RFC 6901, into the request's body; "" the whole */
	char text[PROBLEM_TEXT_MAX];       /* never holds a secret */
	char remedy[PROBLEM_REMEDY_MAX];   /* may be "" */
};

struct problem {
	int code;         /* SL_E*, decides the status (api/problem.c); 0: nothing is wrong */
	unsigned retry_s; /* for SL_EAGAIN and SL_EBUSY: when to come again; 0: not said */
	size_t count;     /* of `items`; 0: err_text(code) says it all */
	size_t more;      /* places there was no room for */
	struct problem_item *items; /* heap */
};

/* `problem` is zeroed memory before its first use; problem_fini frees and zeroes it. */
void problem_fini(struct problem *problem) SL_NONNULL(1);

/* Adds a place; the first one's code stays. Want of memory loses the text, never the code. Returns
 * `code`, so that a function can end with it. */
int problem_add(struct problem *problem, int code, const char *pointer, const char *remedy,
                const char *fmt, ...) SL_NONNULL(1, 3, 4, 5) SL_PRINTF(5, 6);

/* A code in its own text, where nothing is said yet: for what is not the request's fault. Returns
 * `code`; 0 says nothing. */
int problem_tell(struct problem *problem, int code) SL_NONNULL(1);

/* Of lib/pki and lib/conf; return the code, or 0 when `errs` refuses nothing. */
int problem_add_pki(struct problem *problem, const char *pointer, const struct pki_error *err)
        SL_NONNULL(1, 2, 3);
int problem_add_conf(struct problem *problem, const struct conf_errors *errs) SL_NONNULL(1, 2);
