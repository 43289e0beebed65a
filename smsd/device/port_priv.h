/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the port. */
#pragma once

#include <stdbool.h>

#include "smsd/device/port.h"

/* port_check.c, pool threads: all that a call passes before its handler. *ret_status: where the
 * problem's code alone does not say it; 0. */
int port_check(struct port_call *call, const struct remote_call *row, int *ret_status)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* The call of a path and method; NULL: there is none, and `ret_allow` is the method that the path
 * takes, "" for a path that nothing knows. */
const struct remote_call *port_match(const struct http_request *request, const char **ret_allow)
        SL_NONNULL(1, 2);

/* Bytes of its body at most. */
size_t port_body_max(const struct remote_call *row) SL_NONNULL(1);

/* port_limit.c, event thread: wrong tokens of this minute, and those of which nobody knows yet. */
struct port_tries {
	unsigned wrong, under_way;
};

struct port_limit {
	uint64_t began_ns;
	struct port_tries all; /* the sum of them */
	struct {
		char from[64];
		struct port_tries tries;
	} sources[DEVICE_WRONG_ALL];
};

enum port_turn {
	PORT_TURN_NOW,   /* it is under way until port_limit_end */
	PORT_TURN_LATER, /* all that are left may be used up by those that are under way */
	PORT_TURN_NEVER, /* in this minute */
};

/* May one more be tried from there? */
enum port_turn port_limit_take(struct port_limit *limit, const char *from, uint64_t now_ns)
        SL_NONNULL(1, 2) SL_MUST;
/* What one came to for which it was NOW. */
void port_limit_end(struct port_limit *limit, const char *from, bool wrong, uint64_t now_ns)
        SL_NONNULL(1, 2);
