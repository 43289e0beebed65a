/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last hour minute by minute, from the counters (R142, R143): what a graph needs and no more.
 * `control`.
 */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"

struct control;
struct traffic;

enum { TRAFFIC_MINUTES = 60 };

struct traffic_peaks {
	uint64_t active;     /* sessions open at once, looked at every second */
	uint64_t minute;     /* new sessions in one minute */
	uint64_t minute_now; /* … in the last one */
};

int traffic_open(struct control *control, struct traffic **ret_traffic) SL_NONNULL(1, 2) SL_MUST;
void traffic_close(struct traffic *traffic);

const struct traffic_peaks *traffic_peaks(const struct traffic *traffic) SL_NONNULL(1);

/* {"seen":{"minutes":[...],"last_minute","total"},"inspected":…,"bypassed":…,"blocked":…,"active"}
 */
json_t *traffic_describe(const struct traffic *traffic) SL_NONNULL(1);
