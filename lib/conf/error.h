/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a document, gathered: a check goes on to the end and lists everything it
 * found, each with its place and its remedy, so that one look at the list is enough. Notices are
 * worth reading and refuse nothing (R52). One thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"

struct buf;
struct conf_node;

struct conf_error {
	int code;        /* SL_E* */
	bool notice;     /* loads all the same */
	char *file;      /* name as given to the loader; "" when it came without one */
	unsigned line;   /* from 1; 0: unknown */
	unsigned column; /* from 1; 0: unknown */
	char *pointer;   /* RFC 6901: "/segments/0/port_a"; "" is the document */
	char *text;      /* what is wrong */
	char *remedy;    /* what to do about it */
};

enum { CONF_ERRORS_MAX = 1000 }; /* more are counted and not kept */

struct conf_errors {
	struct conf_error *items;
	size_t count;    /* kept, notices too */
	size_t size;     /* room in items */
	size_t refusals; /* that are no notices, not kept ones too */
	size_t lost;     /* not kept */
	int first;       /* code of the first refusal; 0: none yet */
};

void conf_errors_init(struct conf_errors *errs) SL_NONNULL(1);
void conf_errors_fini(struct conf_errors *errs) SL_NONNULL(1);

/*
 * Adds one at `node` (NULL: the document as a whole); texts are copied. Returns `code`, so that a
 * check can end with it; a want of memory loses the text, never the refusal.
 */
int conf_errors_add(struct conf_errors *errs, const struct conf_node *node, int code,
                    const char *remedy, const char *fmt, ...) SL_NONNULL(1, 4, 5) SL_PRINTF(5, 6);

/* As conf_errors_add, but the document loads all the same. */
void conf_errors_notice(struct conf_errors *errs, const struct conf_node *node, const char *remedy,
                        const char *fmt, ...) SL_NONNULL(1, 3, 4) SL_PRINTF(4, 5);

/* As conf_errors_add, with the place spelled out (a file that no node stands for); with `code` 0 it
 * is a notice. */
int conf_errors_add_at(struct conf_errors *errs, const char *file, unsigned line, unsigned column,
                       const char *pointer, int code, const char *remedy, const char *fmt, ...)
        SL_NONNULL(1, 2, 5, 7, 8) SL_PRINTF(8, 9);

/* Code of the first refusal, 0 when there is none. */
int conf_errors_code(const struct conf_errors *errs) SL_NONNULL(1);

/*
 * Those of a document by their place in it, as a reader comes across them; those without a line
 * stay where they are.
 */
void conf_errors_sort(struct conf_errors *errs) SL_NONNULL(1);

/* "file:line:column: /pointer: text\n\tremedy\n" for each, and how many were not kept. */
int conf_errors_print(const struct conf_errors *errs, struct buf *out) SL_NONNULL(1, 2) SL_MUST;
