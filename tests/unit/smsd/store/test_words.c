/* SPDX-License-Identifier: Apache-2.0 */
/* A search of a day's file that is cut short after ever so few steps, before it found anything: it
 * knows where it was, and whoever goes on there finds in the end what one that had all the time
 * does, each once. */
#include "smsd/store/sqlite_event.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "smsd/base/problem.h"
#include "smsd/store/database.h"

enum {
	EVENTS = 3000,
	FOUND_MAX = EVENTS,
	STEPS_FEWEST = 4, /* of SQLite's machine: not enough to begin with */
};

struct found {
	int64_t places[FOUND_MAX];
	unsigned count;
};

struct place {
	char directory[64], days[80];
	struct database *database;
	struct event_days *all;
	struct event_day *day;
};

/* Each has `odd` or `even`, which never meet; one in 700 is `rare`, all of those are odd. */
static void add_all(struct event_day *day)
{
	char device[] = "box", line[] = "{}", words[64];

	assert_int_equal(event_day_begin(day), 0);
	for (unsigned i = 0; i < EVENTS; i++) {
		struct event_record record = {.time_ms = 1000 + i, .device = device, .seq = i};

		(void)snprintf(words, sizeof(words), "all n%u %s%s", i, i % 2 ? "odd" : "even",
		               i % 700 == 5 ? " rare" : "");
		record.line = line;
		record.len = sizeof(line) - 1;
		record.words = words;
		record.words_len = strlen(words);
		assert_int_equal(event_day_add(day, &record), 0);
		assert_true(record.added);
	}
	assert_int_equal(event_day_commit(day), 0);
	event_day_close(day);
}

static void place_make(struct place *p)
{
	struct problem problem = {0};

	(void)snprintf(p->directory, sizeof(p->directory), "/tmp/sms-words-XXXXXX");
	assert_non_null(mkdtemp(p->directory));
	(void)snprintf(p->days, sizeof(p->days), "%s/days", p->directory);
	assert_int_equal(database_create(p->directory, NULL, &p->database), 0);
	assert_int_equal(event_days_open(p->database, p->days, &p->all, &problem), 0);
	assert_int_equal(event_day_open(p->all, 0, EVENT_DAY_WRITES, &p->day), 0);
	add_all(p->day);
	assert_int_equal(event_day_open(p->all, 0, EVENT_DAY_READS, &p->day), 0);
}

static void place_remove(struct place *p)
{
	event_day_close(p->day);
	assert_int_equal(event_day_drop(p->all, 0), 0);
	event_days_close(p->all);
	database_destroy(p->database);
	assert_int_equal(rmdir(p->days), 0);
	assert_int_equal(rmdir(p->directory), 0);
}

static int keep(void *arg, int64_t place, const char *line, size_t len)
{
	struct found *found = arg;

	assert_int_equal(len, 2);
	assert_memory_equal(line, "{}", 2);
	assert_in_range(found->count, 0, FOUND_MAX - 1);
	assert_true(found->count == 0 || place < found->places[found->count - 1]);
	found->places[found->count++] = place;
	return 0;
}

static int cut(void *arg)
{
	(void)arg;
	return 1;
}

/* In searches of so many steps, more of them when one got nowhere. */
static unsigned search_by_steps(struct place *p, const char *words, int steps, struct found *found)
{
	sqlite3 *db = sqlite_day_of(p->day)->db;
	int64_t to = event_day_place(EVENT_DAY_MS), before;
	unsigned searches = 0;
	struct sqlite_walk walk;

	*found = (struct found){0};
	assert_int_equal(sqlite_walk_open(&walk, db, words), 0);
	for (int now = steps; to > 0; searches++) {
		sqlite3_progress_handler(db, now, steps > 0 ? cut : NULL, NULL);
		assert_int_equal(sqlite_walk_span(&walk, 0, to, keep, found, &before), 0);
		assert_true(before >= 0 && before <= to);
		now = before == to ? now * 2 : steps;
		to = before;
		assert_true(searches < 100 * EVENTS);
	}
	sqlite3_progress_handler(db, 0, NULL, NULL);
	sqlite_walk_close(&walk);
	return searches;
}

static void one_that_is_cut_short_goes_on_where_it_was(void **state)
{
	static const struct {
		const char *words;
		unsigned count;
	} rows[] = {
	        {"odd", EVENTS / 2},
	        {"odd even", 0},
	        {"even odd all", 0},
	        {"rare all", EVENTS / 700 + 1},
	        {"rare odd", EVENTS / 700 + 1},
	        {"rare even", 0},
	        {"all n17", 1},
	        {"odd n17", 1},
	        {"even n17", 0},
	        {"all nowhere", 0},
	        {"all nowh*", EVENTS},
	};
	static const int steps[] = {STEPS_FEWEST, 100, 3000};
	static struct found whole, parts;
	struct place p;

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		assert_int_equal(search_by_steps(&p, rows[i].words, 0, &whole), 1);
		assert_int_equal(whole.count, rows[i].count);
		for (size_t j = 0; j < SL_ARRAY_LEN(steps); j++) {
			unsigned searches = search_by_steps(&p, rows[i].words, steps[j], &parts);

			assert_true(searches > 1 || rows[i].count <= 1 || steps[j] > 100);
			assert_int_equal(parts.count, whole.count);
			assert_memory_equal(parts.places, whole.places,
			                    whole.count * sizeof(*whole.places));
		}
	}
	place_remove(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_that_is_cut_short_goes_on_where_it_was),
	};

	return RUN_TESTS(tests);
}
