/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a walk along the rows of a schema is: an RFC 6901 pointer that grows on the way in and is
 * cut on the way back. Names of rows have nothing to escape. Any thread.
 */
#pragma once

#include <stddef.h>

#include "lib/base/attr.h"

enum { CONF_POINTER_MAX = 512 }; /* what is longer is cut */

/* Zeroed memory is the document. */
struct conf_pointer {
	char text[CONF_POINTER_MAX];
	size_t len;
};

/* Into a row, or an item of a list. Return where it was, for the way back. */
size_t conf_pointer_enter(struct conf_pointer *pointer, const char *row) SL_NONNULL(1, 2) SL_MUST;
size_t conf_pointer_enter_item(struct conf_pointer *pointer, size_t index) SL_NONNULL(1) SL_MUST;
void conf_pointer_leave(struct conf_pointer *pointer, size_t was) SL_NONNULL(1);
