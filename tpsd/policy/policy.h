/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a flow to what applies to it: virtual segments of the request and of the answer, profile,
 * policy with its proxy (R32, R33, R129-R131, R165, R166). A look-up without allocation.
 * Worker's thread. docs/internals/policy.md.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/conf/config.h"
#include "lib/ipc/message.h"

/* What a policy's lists of sources say of a client (R116, R128). */
enum policy_source { POLICY_SOURCE_ANY, POLICY_SOURCE_EXCEPTED, POLICY_SOURCE_ALWAYS };

struct policy_match {
	struct config_match
	        request; /* chooses policy and request filters; no policy: leave alone */
	const struct config_virtual_segment *response; /* chooses response filters */
	enum policy_source source;
};

/* `config` NULL: nothing matches. */
void policy_match(const struct config *config, const struct ipc_hello *flow,
                  struct policy_match *ret) SL_NONNULL(2, 3);
