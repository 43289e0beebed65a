/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a flow to what applies to it: virtual segments of the request and of the answer, profile,
 * server policy with its proxy (R33, R129-R131, R165, R166). A look-up without allocation.
 * Worker's thread. docs/internals/policy.md.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/conf/config.h"
#include "lib/ipc/message.h"

struct policy_match {
	const struct config_virtual_segment *request;  /* chooses policy and request filters */
	const struct config_virtual_segment *response; /* chooses response filters */
	const struct config_server_policy *policy;     /* NULL: the flow is left alone (R33) */
	bool excepted;                                 /* by source (R128) */
};

/* `config` NULL: nothing matches. */
void policy_match(const struct config *config, const struct ipc_hello *flow,
                  struct policy_match *ret) SL_NONNULL(2, 3);
