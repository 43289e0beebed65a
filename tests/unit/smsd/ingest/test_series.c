/* SPDX-License-Identifier: Apache-2.0 */
/* What devices counted: minutes, hours, days; and the handlers of the devices' port. */
#include "tests/unit/smsd/place.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/object.h"
#include "lib/remote/remote.h"
#include "smsd/device/port.h"
#include "smsd/ingest/ingest.h"
#include "smsd/ingest/series.h"

/* 2026-01-31T12:00:00Z, in minutes. */
#define NOON 29497680
#define NOW  ((int64_t)NOON * 60000)

/* One minute of `seen` and `active`. */
static void add(struct place *place, const char *device, int64_t minute, int seen, int active)
{
	json_t *minutes = json_pack("[{s:I, s:i, s:i}]", "minute", (json_int_t)minute, "seen", seen,
	                            "active", active);

	assert_int_equal(series_add(place->store, device, minutes, NOW), 0);
	json_decref(minutes);
}

/* "step: time seen active, ..." */
static const char *series_of(struct place *place, const char *device, int64_t from, int64_t to)
{
	static char text[2048];
	json_t *series, *point;
	size_t i;
	int at;

	assert_int_equal(series_read(place->store, device, from * 60000, to * 60000, NOW, &series,
	                             &place->problem),
	                 0);
	at = snprintf(text, sizeof(text),
	              "%d:", (int)json_integer_value(json_object_get(series, "step_s")));
	json_array_foreach(json_object_get(series, "items"), i, point)
	{
		at += snprintf(text + at, sizeof(text) - (size_t)at, " %.16s %d %d,",
		               json_string_value(json_object_get(point, "time")),
		               (int)json_integer_value(json_object_get(point, "seen")),
		               (int)json_integer_value(json_object_get(point, "active")));
	}
	json_decref(series);
	return text;
}

static void minutes_are_kept_and_a_second_telling_counts_once(void **state)
{
	struct place *place = *state;

	add(place, "a", NOON - 2, 5, 1);
	add(place, "a", NOON - 1, 7, 3);
	add(place, "a", NOON - 1, 8, 4);
	add(place, "b", NOON - 1, 100, 10);
	assert_string_equal(series_of(place, "a", NOON - 60, NOON),
	                    "60: 2026-01-31T11:58 5 1, 2026-01-31T11:59 8 4,");
	assert_string_equal(series_of(place, NULL, NOON - 60, NOON),
	                    "60: 2026-01-31T11:58 5 1, 2026-01-31T11:59 108 14,");
	assert_string_equal(series_of(place, "c", NOON - 60, NOON), "60:");
	assert_string_equal(series_of(place, "a", NOON - 1, NOON - 1), "60: 2026-01-31T11:59 8 4,");
}

static void long_times_are_by_the_hour_and_the_day(void **state)
{
	struct place *place = *state;

	for (int i = 0; i < 90; i++)
		add(place, "a", NOON - 120 + i, 1, i < 60 ? 10 : 20);
	add(place, "a", NOON - 24 * 60, 7, 30);
	assert_string_equal(series_of(place, "a", NOON - 3 * 24 * 60, NOON),
	                    "3600: 2026-01-30T12:00 7 30, 2026-01-31T10:00 60 10, "
	                    "2026-01-31T11:00 30 20,");
	assert_string_equal(series_of(place, NULL, NOON - 365 * 24 * 60, NOON),
	                    "86400: 2026-01-30T00:00 7 30, 2026-01-31T00:00 90 15,");
}

static void what_is_no_time_to_count_in_is_left_out(void **state)
{
	struct place *place = *state;

	add(place, "a", 0, 1, 1);
	add(place, "a", NOON - (SERIES_MINUTE_DAYS + 1) * 24 * 60, 2, 2);
	add(place, "a", NOON + SERIES_AHEAD_MINUTES + 1, 3, 3);
	add(place, "a", INT64_C(9007199254740991), 3, 3);
	assert_string_equal(series_of(place, "a", NOON - 700 * 24 * 60, NOON + 2 * 24 * 60),
	                    "86400:");
}

static void a_time_without_end_is_refused(void **state)
{
	struct place *place = *state;
	json_t *series = NULL;

	assert_int_equal(series_read(place->store, NULL, 0, NOW, NOW, &series, &place->problem),
	                 SL_ERANGE);
	problem_fini(&place->problem);
}

static void what_is_too_old_goes(void **state)
{
	struct place *place = *state;

	add(place, "a", NOON - 60, 1, 1);
	assert_int_equal(
	        series_sweep(place->store, NOW + (SERIES_MINUTE_DAYS - 1) * INT64_C(86400000)), 0);
	assert_string_equal(series_of(place, "a", NOON - 60, NOON), "60: 2026-01-31T11:00 1 1,");
	assert_int_equal(
	        series_sweep(place->store, NOW + (SERIES_MINUTE_DAYS + 1) * INT64_C(86400000)), 0);
	assert_string_equal(series_of(place, "a", NOON - 60, NOON), "60:");
	assert_string_equal(series_of(place, "a", NOON - 60 * 24 * 60, NOON),
	                    "3600: 2026-01-31T11:00 1 1,");
	assert_int_equal(
	        series_sweep(place->store, NOW + (SERIES_HOUR_DAYS + 1) * INT64_C(86400000)), 0);
	assert_string_equal(series_of(place, "a", NOON - 60 * 24 * 60, NOON), "3600:");
}

/* The largest numbers that the shape lets through, of many minutes: sums are numbers still. */
static void the_largest_numbers_can_be_summed(void **state)
{
	struct place *place = *state;
	json_t *minutes = json_array(), *series = NULL;

	for (int i = 0; i < 60; i++)
		(void)json_array_append_new(
		        minutes, json_pack("{s:I, s:I, s:I}", "minute", (json_int_t)(NOON - 60 + i),
		                           "bytes", (json_int_t)REMOTE_COUNTED_MAX, "active",
		                           (json_int_t)REMOTE_COUNTED_MAX));
	for (int i = 0; i < 20; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "box%d", i);
		assert_int_equal(series_add(place->store, name, minutes, NOW), 0);
	}
	assert_int_equal(series_read(place->store, NULL, NOW - INT64_C(86400000) * 300, NOW, NOW,
	                             &series, &place->problem),
	                 0);
	assert_true(json_integer_value(json_object_get(
	                    json_array_get(json_object_get(series, "items"), 0), "bytes")) ==
	            (json_int_t)REMOTE_COUNTED_MAX * 60 * 20);
	json_decref(series);
	json_decref(minutes);
}

/* ---- the port ---------------------------------------------------------------------------- */

struct bay {
	struct place *place;
	struct ingest *ingest;
	char days[80];
};

static void open_bay(struct bay *bay, struct place *place)
{
	struct ingest_options options = {.directory = bay->days, .keep_days = 30};

	bay->place = place;
	(void)snprintf(bay->days, sizeof(bay->days), "%s/events", place->directory);
	assert_int_equal(ingest_open(place->store, &options, &bay->ingest, &place->problem), 0);
}

static void close_bay(struct bay *bay)
{
	struct dirent *entry;
	DIR *dir = opendir(bay->days);

	ingest_close(bay->ingest);
	/* Over PostgreSQL there is none. */
	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		(void)closedir(dir);
	(void)rmdir(bay->days);
}

/* The handler's code; its answer in *ret_answer, NULL without one. */
static int call(struct bay *bay, port_handler *handler, const char *query, const char *body,
                json_t *checked, json_t **ret_answer)
{
	char asked[128];
	struct http_request request = {
	        .query = asked, .body = (const uint8_t *)body, .body_len = strlen(body)};
	struct port_call call = {.ingest = bay->ingest,
	                         .request = &request,
	                         .device = {.name = "box"},
	                         .body = checked};
	int rc;

	(void)snprintf(asked, sizeof(asked), "%s", query);
	http_response_init(&call.response);
	rc = handler(&call);
	assert_int_equal(call.problem.code, rc);
	*ret_answer = call.response.body.len > 0 ? json_loadb((const char *)call.response.body.data,
	                                                      call.response.body.len, 0, NULL)
	                                         : NULL;
	problem_fini(&call.problem);
	http_response_fini(&call.response);
	return rc;
}

static void assert_shape(enum remote_shape shape, const json_t *value)
{
	char *text = json_dumps(value, 0);
	struct conf_errors errs;
	json_t *read = NULL;

	conf_errors_init(&errs);
	assert_int_equal(
	        conf_object_read(remote_shape_object(shape), text, strlen(text), &errs, &read), 0);
	conf_errors_fini(&errs);
	json_decref(read);
	free(text);
}

static void the_port_brings_events_and_counters(void **state)
{
	static const char line[] =
	        "{\"epoch\":\"00000000000000ab\",\"seq\":5,\"device\":\"box\","
	        "\"timestamp\":\"2026-01-31T12:00:00Z\",\"event_type\":\"system\"}\nnothing\n";
	struct bay bay;
	json_t *answer, *counters;

	open_bay(&bay, *state);
	assert_int_equal(call(&bay, ingest_port_events, "epoch=00000000000000ab&first=5", line,
	                      NULL, &answer),
	                 0);
	assert_shape(REMOTE_SHAPE_INTAKE, answer);
	assert_int_equal(json_integer_value(json_object_get(answer, "next")), 7);
	assert_int_equal(json_integer_value(json_object_get(answer, "refused")) +
	                         json_integer_value(json_object_get(answer, "stored")),
	                 2);
	json_decref(answer);
	assert_int_equal(
	        call(&bay, ingest_port_events, "epoch=00000000000000ab", line, NULL, &answer),
	        SL_EINVAL);
	assert_int_equal(call(&bay, ingest_port_events, "first=1", line, NULL, &answer), SL_EINVAL);
	assert_int_equal(call(&bay, ingest_port_events, "epoch=00000000000000ab&first=-1", line,
	                      NULL, &answer),
	                 SL_EINVAL);
	counters = json_pack("{s:[{s:I, s:i}]}", "minutes", "minute",
	                     (json_int_t)time(NULL) / 60 - 1, "seen", 4);
	assert_shape(REMOTE_SHAPE_COUNTERS, counters);
	assert_int_equal(call(&bay, ingest_port_counters, "", "", counters, &answer), 0);
	assert_null(answer);
	assert_int_equal(series_read(bay.place->store, "box", ((int64_t)time(NULL) - 300) * 1000,
	                             (int64_t)time(NULL) * 1000, (int64_t)time(NULL) * 1000,
	                             &answer, &bay.place->problem),
	                 0);
	assert_int_equal(json_array_size(json_object_get(answer, "items")), 1);
	json_decref(answer);
	json_decref(counters);
	close_bay(&bay);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	        TEST(minutes_are_kept_and_a_second_telling_counts_once),
	        TEST(long_times_are_by_the_hour_and_the_day),
	        TEST(what_is_no_time_to_count_in_is_left_out),
	        TEST(a_time_without_end_is_refused),
	        TEST(what_is_too_old_goes),
	        TEST(the_largest_numbers_can_be_summed),
	        TEST(the_port_brings_events_and_counters),
#undef TEST
	};

	return RUN_TESTS(tests);
}
