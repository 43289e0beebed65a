/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process `link`: the device's conversation with its SMS (docs/internals/link.md). It has no
 * capability and no key but its own; what it brings is checked by those who use it: documents by
 * `control`, private keys, which are sealed for `keys`, by `keys`. One thread, proc->loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/remote/remote.h"

struct config;
struct link;

enum {
	LINK_RETRY_MIN_S = 1, /* doubles with each failure, a fifth of it at random */
	LINK_RETRY_MAX_S = 60,
	LINK_RETRY_AFTER_MAX_S = 600,  /* however long the SMS wants to be left alone */
	LINK_CALL_S = 60,              /* a call from its beginning to its end, `wanted` aside */
	LINK_STATUS_S = 60,            /* health is told at least so often */
	LINK_FILES_KEPT_S = 24 * 3600, /* a file that no document names */
};

/* X(NAME, "text"): what it is doing, for `tps sms status`. */
#define LINK_STATES(X)                                                                             \
	X(ALONE, "not enrolled")                                                                   \
	X(ENROLLING, "enrolling")                                                                  \
	X(CONNECTED, "connected")                                                                  \
	X(TRYING, "the SMS cannot be reached")                                                     \
	X(FETCHING, "fetching a document")                                                         \
	X(APPLYING, "a document is being applied")                                                 \
	X(PROVING, "a document is in force and has to prove good")                                 \
	X(REVOKED, "revoked by the SMS")

enum link_state {
#define X(NAME, text) LINK_##NAME,
	LINK_STATES(X)
#undef X
};
