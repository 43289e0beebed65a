/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of docs/ that are made from tables: adding to one, and the program that writes the
 * committed files or checks that they are what the tables say. Tools of the build; one thread.
 */
#pragma once

#include <stddef.h>

#include "lib/base/attr.h"

struct buf;

/* Adding text until the first error, which is kept: a page is hundreds of additions. */
struct page {
	struct buf *out;
	int rc; /* 0, or buf_printf's first error */
};

void page_say(struct page *page, const char *fmt, ...) SL_NONNULL(1, 2) SL_PRINTF(2, 3);

struct page_file {
	const char *path; /* below the source's root */
	int (*make)(struct buf *out);
};

/*
 * The main function of a tool: `--write SOURCE` writes the files, `--check SOURCE` compares and
 * names each that is not up to date. `tool` is its path in the build. Exit status: 0, 1 (a
 * difference, or a file that cannot be read or written), 2 usage.
 */
int page_main(const char *tool, int argc, char **argv, const struct page_file *files, size_t count)
        SL_NONNULL(1, 3, 4) SL_MUST;
