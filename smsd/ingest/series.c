/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/ingest/series.h"

#include "lib/base/err.h"
#include "lib/remote/remote.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/store/store.h"

enum {
	MINUTE_S = 60,
	HOUR_S = 3600,
	DAY_S = 24 * 3600,
	MINUTE_MS = 60 * 1000,
	HOUR_MINUTES = 60,
	COUNTERS = 0
#define X(name, help) +1
	REMOTE_COUNTERS(X)
#undef X
};

static const char *const names[COUNTERS] = {
#define X(name, help) #name,
        REMOTE_COUNTERS(X)
#undef X
};

/* ---- adding ------------------------------------------------------------------------------ */

struct adding {
	const char *device;
	const json_t *minutes;
	int64_t now_minute;
};

/* Minutes before it go: the first of an hour, so that none is summed by half. */
static int64_t first_kept(int64_t now_minute)
{
	return (now_minute / HOUR_MINUTES - SERIES_MINUTE_DAYS * (DAY_S / HOUR_S)) * HOUR_MINUTES;
}

static bool is_kept(const struct adding *a, int64_t minute)
{
	return minute >= first_kept(a->now_minute) &&
	       minute <= a->now_minute + SERIES_AHEAD_MINUTES;
}

static int sum_hour(struct store_tx *tx, const char *device, int64_t hour)
{
	const struct store_value values[] = {store_text(device), store_integer(hour),
	                                     store_integer(hour * HOUR_MINUTES),
	                                     store_integer((hour + 1) * HOUR_MINUTES)};

	return store_tx_run(tx, STORE_HOUR_SUM, values, SL_ARRAY_LEN(values), NULL, NULL);
}

static int add_minute(struct store_tx *tx, const struct adding *a, const json_t *minute,
                      int64_t number)
{
	struct store_value values[2 + COUNTERS] = {store_text(a->device), store_integer(number)};

	for (unsigned i = 0; i < COUNTERS; i++)
		values[2 + i] =
		        store_integer(json_integer_value(json_object_get(minute, names[i])));
	return store_tx_run(tx, STORE_MINUTE_SET, values, SL_ARRAY_LEN(values), NULL, NULL);
}

static int add_tx(void *arg, struct store_tx *tx)
{
	const struct adding *a = arg;
	const json_t *minute;
	int64_t hour = -1;
	size_t i;
	int rc = 0;

	json_array_foreach(a->minutes, i, minute)
	{
		int64_t number = json_integer_value(json_object_get(minute, "minute"));

		if (rc != 0 || !is_kept(a, number))
			continue;
		/* Of minutes in their order, an hour is summed once. */
		if (hour >= 0 && number / HOUR_MINUTES != hour)
			rc = sum_hour(tx, a->device, hour);
		hour = number / HOUR_MINUTES;
		if (rc == 0)
			rc = add_minute(tx, a, minute, number);
	}
	return rc == 0 && hour >= 0 ? sum_hour(tx, a->device, hour) : rc;
}

int series_add(struct store *store, const char *device, const json_t *minutes, int64_t now_ms)
{
	struct adding adding = {device, minutes, now_ms / MINUTE_MS};

	return store_write(store, add_tx, &adding);
}

/* ---- reading ----------------------------------------------------------------------------- */

struct step {
	int64_t seconds;
	enum store_statement all, one;
	int64_t kept_days;
};

static const struct step steps[] = {
        {MINUTE_S, STORE_MINUTES_ALL, STORE_MINUTES_ONE, SERIES_MINUTE_DAYS},
        {HOUR_S, STORE_HOURS_ALL, STORE_HOURS_ONE, SERIES_HOUR_DAYS},
        {DAY_S, STORE_DAYS_ALL, STORE_DAYS_ONE, SERIES_HOUR_DAYS},
};

struct reading {
	const struct step *step;
	json_t *items;
};

static int add_point(void *arg, const struct store_row *row)
{
	const struct reading *r = arg;
	char time[MOMENT_TEXT_MAX];
	json_t *point =
	        json_pack("{s:s}", "time",
	                  moment_text(store_row_integer(row, 0) * r->step->seconds * 1000, time));

	for (unsigned i = 0; point && i < COUNTERS; i++)
		(void)json_object_set_new(point, names[i],
		                          json_integer(store_row_integer(row, 1 + i)));
	return json_array_append_new(r->items, point) == 0 ? 0 : SL_ENOMEM;
}

static const struct step *step_of(int64_t from_ms, int64_t to_ms, int64_t now_ms)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(steps); i++) {
		int64_t span = (to_ms - from_ms) / 1000 / steps[i].seconds;
		int64_t kept_ms = now_ms - steps[i].kept_days * DAY_S * 1000;

		if (span < SERIES_POINTS_MAX &&
		    (from_ms >= kept_ms || i + 1 == SL_ARRAY_LEN(steps)))
			return &steps[i];
	}
	return NULL;
}

int series_read(struct store *store, const char *device, int64_t from_ms, int64_t to_ms,
                int64_t now_ms, json_t **ret_series, struct problem *problem)
{
	struct reading r = {.step = step_of(from_ms, to_ms, now_ms), .items = json_array()};
	struct store_value values[3];
	int rc = r.items ? 0 : SL_ENOMEM;

	if (!r.step)
		rc = SL_ERANGE;
	if (rc == 0) {
		int64_t step_ms = r.step->seconds * 1000;

		values[0] = store_integer(from_ms / step_ms);
		values[1] = store_integer(to_ms / step_ms);
		values[2] = store_text(device);
		rc = device ? store_read(store, r.step->one, values, 3, add_point, &r)
		            : store_read(store, r.step->all, values, 2, add_point, &r);
	}
	if (rc == 0) {
		*ret_series = json_pack("{s:I, s:o}", "step_s", (json_int_t)r.step->seconds,
		                        "items", r.items);
		return *ret_series ? 0 : SL_ENOMEM;
	}
	json_decref(r.items);
	return problem_add(problem, rc, "", "", "%s",
	                   rc == SL_ERANGE ? "that is too long a time for one answer"
	                                   : err_text(rc));
}

/* ---- retention --------------------------------------------------------------------------- */

static int sweep_tx(void *arg, struct store_tx *tx)
{
	int64_t now_s = *(const int64_t *)arg / 1000;
	const struct store_value minute[] = {store_integer(first_kept(now_s / MINUTE_S))};
	const struct store_value hour[] = {
	        store_integer(now_s / HOUR_S - SERIES_HOUR_DAYS * (DAY_S / HOUR_S))};
	int rc = store_tx_run(tx, STORE_MINUTES_DROP, minute, 1, NULL, NULL);

	return rc ? rc : store_tx_run(tx, STORE_HOURS_DROP, hour, 1, NULL, NULL);
}

int series_sweep(struct store *store, int64_t now_ms)
{
	return store_write(store, sweep_tx, &now_ms);
}
