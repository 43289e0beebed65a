/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries a chain of conditions on bytes: the confirmation after a pattern's hit. The bytes are a
 * whole buffer, or the window of a stream: `base` tells where in the stream they begin, `ended`
 * whether anything can follow. Places that lie before the window cannot match. Data path, no
 * allocation; bounded by a budget of steps and by the limits of PCRE2. One engine's thread.
 */
#pragma once

#include "tse/match/ruleset.h"

struct inspect_tools {
	pcre2_match_data *match_data;
	pcre2_match_context *match_context;
	uint64_t exhausted; /* times that a budget or a PCRE2 limit ended a try */
};

struct inspect_view {
	const uint8_t *data;
	size_t len;
	uint64_t base; /* offset of data[0] in its buffer */
	bool ended;
};

bool inspect_chain(struct inspect_tools *tools, const struct tse_ruleset *set,
                   const struct rs_chain *chain, const struct inspect_view *view)
        SL_NONNULL(1, 2, 3, 4);
