/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was counted, by the minute of the wall clock: made of the counters as they are once a
 * second, kept in memory until the SMS has it, REMOTE_MINUTES_MAX minutes at most. A minute begins
 * with what was counted before it, so one in which `link` was not there the whole time has less,
 * never more. `link`'s one thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/remote/remote.h"

enum minutes_counter {
#define X(name, help) MINUTES_##name,
	REMOTE_COUNTERS(X)
#undef X
	        MINUTES_END
};

struct minutes {
	bool begun;
	uint64_t minute; /* since 1970, that runs */
	uint64_t before[MINUTES_END];
	uint64_t active, samples;
	struct {
		uint64_t minute, values[MINUTES_END];
	} over[REMOTE_MINUTES_MAX]; /* the latest last */
	size_t count;
};

/* The counters as they are now: sums since tpsd began; `active` as it is. True: a minute is over.
 */
bool minutes_sample(struct minutes *minutes, uint64_t now_ms, const uint64_t values[MINUTES_END])
        SL_NONNULL(1, 3);

/* Those that are over, as remote_shape_counters has them; NULL: none. */
json_t *minutes_json(const struct minutes *minutes) SL_NONNULL(1);
/* The SMS has those up to this one. */
void minutes_drop(struct minutes *minutes, uint64_t minute) SL_NONNULL(1);
