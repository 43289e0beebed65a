/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What devices counted, by the minute and by the hour: the graphs of R142 and R143. A minute that
 * comes again takes its own place, and its hour is summed anew, so counting twice is none.
 */
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"

struct problem;
struct store;

enum {
	SERIES_MINUTE_DAYS = 32,        /* minutes that are older go; */
	SERIES_HOUR_DAYS = 2 * 366,     /* and hours */
	SERIES_POINTS_MAX = 2500,       /* of one answer */
	SERIES_AHEAD_MINUTES = 24 * 60, /* a minute further ahead is none */
};

/* `minutes` of remote_shape_counters. Those that are too old or too far ahead are left out. */
int series_add(struct store *store, const char *device, const json_t *minutes, int64_t now_ms)
        SL_NONNULL(1, 2, 3) SL_MUST;

/*
 * {step_s, items: [{time, seen, ...}]}, ascending; times without anything are left out. `device`
 * NULL: all together. The step is a minute, an hour or a day, the shortest that gives no more than
 * SERIES_POINTS_MAX and that there is. SL_ERANGE: more than that by the day.
 */
int series_read(struct store *store, const char *device, int64_t from_ms, int64_t to_ms,
                int64_t now_ms, json_t **ret_series, struct problem *problem)
        SL_NONNULL(1, 6, 7) SL_MUST;

/* What is too old goes, by whole hours. */
int series_sweep(struct store *store, int64_t now_ms) SL_NONNULL(1) SL_MUST;
