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

/* port_limit.c, event thread: wrong tokens of this minute. */
struct port_limit {
	uint64_t began_ns;
	unsigned all; /* the sum of them */
	struct {
		char from[64];
		unsigned tries;
	} sources[DEVICE_WRONG_ALL];
};

/* May one more be tried from there? It counts until it is given back. */
bool port_limit_take(struct port_limit *limit, const char *from, uint64_t now_ns) SL_NONNULL(1, 2);
/* It was not wrong. */
void port_limit_give(struct port_limit *limit, const char *from) SL_NONNULL(1, 2);
