/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events (WHATWG HTML, section 9.2), as the SMS writes them: lines of bytes that come
 * in any pieces. Bounded, since the server may be anyone's until now.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

enum { SSE_DATA_MAX = 256 * 1024, SSE_WORD_MAX = 64 };

/* `name` "message" unless the event has one. false: enough. */
typedef bool sse_fn(void *arg, const char *name, const char *data);

struct sse {
	struct buf line, data;
	bool has_data;
	char name[SSE_WORD_MAX], id[SSE_WORD_MAX]; /* id: the last that was said */
	sse_fn *fn;
	void *arg;
};

void sse_init(struct sse *sse, sse_fn *fn, void *arg) SL_NONNULL(1, 2);
void sse_fini(struct sse *sse) SL_NONNULL(1);

/* false: `fn` has enough, or it is too much. */
bool sse_take(struct sse *sse, const char *data, size_t len) SL_NONNULL(1, 2);
