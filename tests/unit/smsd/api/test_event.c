/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of events: what may be asked, pages, what comes while one follows. */
#include "tests/unit/smsd/place.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "smsd/api/check.h"
#include "smsd/api/route.h"
#include "smsd/ingest/event_store.h"
#include "smsd/ingest/ingest.h"

struct desk {
	struct place *place;
	struct ingest *ingest;
	char days[80];
	json_t *answer;
};

static int begin(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	struct ingest_options options = {.keep_days = 30};

	assert_non_null(desk);
	assert_int_equal(place_setup((void **)&desk->place), 0);
	(void)snprintf(desk->days, sizeof(desk->days), "%s/events", desk->place->directory);
	options.directory = desk->days;
	assert_int_equal(
	        ingest_open(desk->place->store, &options, &desk->ingest, &desk->place->problem), 0);
	*state = desk;
	return 0;
}

static int end(void **state)
{
	struct desk *desk = *state;
	void *place = desk->place;
	struct dirent *entry;
	DIR *dir = opendir(desk->days);

	ingest_close(desk->ingest);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	(void)rmdir(desk->days);
	json_decref(desk->answer);
	free(desk);
	return place_teardown(&place);
}

/* The handler's code, behind the check of the query; its answer in desk->answer. */
static int ask(struct desk *desk, const char *target)
{
	const struct api_context context = {.store = desk->place->store, .ingest = desk->ingest};
	char path[64], query[512], allow[API_ALLOW_MAX];
	struct http_request request = {.method = HTTP_GET, .path = path, .query = query};
	struct api_call call = {.context = &context, .request = &request};
	const char *mark = strchr(target, '?');
	int rc;

	assert_non_null(mark);
	assert_true((size_t)(mark - target) < sizeof(path) - sizeof(API_PREFIX));
	(void)snprintf(path, sizeof(path), "%s", API_PREFIX);
	(void)strncat(path, target, (size_t)(mark - target));
	(void)snprintf(query, sizeof(query), "%s", mark + 1);
	call.route = api_route_match(HTTP_GET, path, call.parameter, allow);
	assert_non_null(call.route);
	http_response_init(&call.response);
	rc = check_query(&call);
	if (rc == 0)
		rc = call.route->handler(&call);
	json_decref(desk->answer);
	desk->answer = rc == 0 ? json_loadb((const char *)call.response.body.data,
	                                    call.response.body.len, 0, NULL)
	                       : NULL;
	assert_true(rc != 0 || desk->answer);
	problem_fini(&call.problem);
	http_response_fini(&call.response);
	return rc;
}

/* Messages of the answer, "b,a". */
static const char *messages(struct desk *desk)
{
	static char text[512];
	const json_t *item;
	size_t i;
	int at = 0;

	text[0] = '\0';
	json_array_foreach(json_object_get(desk->answer, "items"), i, item)
	{
		at += snprintf(text + at, sizeof(text) - (size_t)at, "%s%s", at ? "," : "",
		               json_string_value(
		                       json_object_get(json_object_get(item, "event"), "message")));
	}
	return text;
}

static const char *next(const struct desk *desk)
{
	return json_string_value(json_object_get(desk->answer, "next"));
}

static void say(struct desk *desk, const char *message)
{
	ingest_say(desk->ingest, LOG_LEVEL_DEBUG, NULL, "%s", message);
}

static void pages_go_from_the_latest_to_the_first(void **state)
{
	struct desk *desk = *state;
	char target[160];

	assert_int_equal(ask(desk, "/events?"), 0);
	assert_string_equal(messages(desk), "");
	assert_string_equal(next(desk), "");
	say(desk, "a");
	say(desk, "b \"quoted\"");
	say(desk, "c");
	assert_int_equal(ask(desk, "/events?limit=2&device=sms&kind=system"), 0);
	assert_string_equal(messages(desk), "c,b \"quoted\"");
	(void)snprintf(target, sizeof(target), "/events?limit=2&device=sms&kind=system&before=%s",
	               next(desk));
	say(desk, "d");
	assert_int_equal(ask(desk, target), 0);
	assert_string_equal(messages(desk), "a");
	assert_string_equal(next(desk), "");
	assert_int_equal(ask(desk, "/events?text=quot*"), 0);
	assert_string_equal(messages(desk), "b \"quoted\"");
	assert_int_equal(ask(desk, "/events?outcome=blocked"), 0);
	assert_string_equal(messages(desk), "");
	assert_int_equal(ask(desk, "/events?to=2020-01-31T12:00:00Z"), 0);
	assert_string_equal(messages(desk), "");
	assert_int_equal(ask(desk, "/events?from=2020-01-31T12:00:00Z&limit=1"), 0);
	assert_string_equal(messages(desk), "d");
}

static void what_cannot_be_meant_is_refused(void **state)
{
	static const struct {
		const char *target;
		int code;
	} rows[] = {
	        {"/events?from=yesterday", SL_EINVAL},
	        {"/events?to=2020-01-31", SL_EINVAL},
	        {"/events?before=x", SL_EINVAL},
	        {"/events/tail?after=x", SL_EINVAL},
	        {"/events/tail?from=2020-01-31T12:00:00Z", SL_EINVAL},
	        {"/events?address=nowhere", SL_EINVAL},
	        {"/events?limit=0", SL_ERANGE},
	        {"/events?limit=1001", SL_ERANGE},
	        {"/events?severity=1", SL_EINVAL},
	        {"/events?sni=a&sni=b", SL_EINVAL},
	        {"/series?from=2000-01-31T12:00:00Z", SL_ERANGE},
	};
	struct desk *desk = *state;
	char target[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(ask(desk, rows[i].target), rows[i].code);
	(void)snprintf(target, sizeof(target), "/events?sni=%0256d", 0);
	assert_int_equal(ask(desk, target), SL_ERANGE);
	target[strlen(target) - 1] = '\0';
	assert_int_equal(ask(desk, target), 0);
	/* In the one spelling that events have. */
	assert_int_equal(ask(desk, "/events?address=2001:DB8:0:0::1"), 0);
}

static void who_follows_gets_what_comes(void **state)
{
	struct desk *desk = *state;
	char target[160];

	say(desk, "before");
	assert_int_equal(ask(desk, "/events/tail?"), 0);
	assert_string_equal(messages(desk), "");
	(void)snprintf(target, sizeof(target), "/events/tail?device=sms&after=%s", next(desk));
	say(desk, "one");
	say(desk, "two");
	assert_int_equal(ask(desk, target), 0);
	assert_string_equal(messages(desk), "one,two");
	assert_int_equal(json_integer_value(json_object_get(desk->answer, "missed")), 0);
	(void)snprintf(target, sizeof(target), "/events/tail?device=other&after=%s", next(desk));
	say(desk, "three");
	assert_int_equal(ask(desk, target), 0);
	assert_string_equal(messages(desk), "");
}

static void series_begin_with_the_last_hour(void **state)
{
	struct desk *desk = *state;

	assert_int_equal(ask(desk, "/series?"), 0);
	assert_int_equal(json_integer_value(json_object_get(desk->answer, "step_s")), 60);
	assert_int_equal(json_array_size(json_object_get(desk->answer, "items")), 0);
	assert_int_equal(ask(desk, "/series?device=box&from=2026-01-31T12:00:00Z"
	                           "&to=2026-02-28T12:00:00Z"),
	                 0);
	assert_int_equal(json_integer_value(json_object_get(desk->answer, "step_s")), 3600);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	        TEST(pages_go_from_the_latest_to_the_first),
	        TEST(what_cannot_be_meant_is_refused),
	        TEST(who_follows_gets_what_comes),
	        TEST(series_begin_with_the_last_hour),
#undef TEST
	};

	return RUN_TESTS(tests);
}
