/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client is answered in the place of a server when a filter blocked its request (R99): why,
 * whom to ask, and the number of the flow, which is in the log. One whole HTTP/1 response that
 * loads nothing and is kept by no cache. Nothing of the request is in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

/* Room for the longest one; its texts are cut. */
enum { BLOCKPAGE_MAX = 8192, BLOCKPAGE_TEXT_MAX = 256 };

struct blockpage {
	const char *filter; /* the rule's text; not trusted, as all texts here */
	uint32_t sid;
	const char *contact; /* whom to ask; "" leaves it at "your administrator" */
	const char *device;
	uint64_t flow;  /* the reference */
	int64_t time_s; /* seconds since the epoch */
	bool head;      /* the answer to a HEAD: everything but the page */
};

/* Writes it into `out` and returns its length. */
size_t blockpage_write(const struct blockpage *page, char out[BLOCKPAGE_MAX]) SL_NONNULL(1, 2);
