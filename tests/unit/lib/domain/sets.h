/* SPDX-License-Identifier: Apache-2.0 */
/* Categories that a test has made, and what they say. */
#pragma once

#include "lib/domain/category.h"

struct buf;

/* Ends the builder; the categories stand in `bytes`, which it initialises. */
struct categories sets_finish(struct category_builder *b, struct buf *bytes);

/* The names of the categories of a name are these, one after the other: "finance;news;". */
void sets_name_is_in(const struct categories *c, const char *name, const char *wanted);
