/* SPDX-License-Identifier: Apache-2.0 */
/* Many that add, search, follow and sweep at once: each event is there once, pages hold. */
#include "tests/unit/smsd/ingest/lines.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "smsd/store/database.h"
#include "tests/unit/smsd/database.h"

enum { ADDERS = 4, BATCHES = 12, BATCH = 20 };

#define NOON ((int64_t)20484 * EVENT_DAY_MS + 12 * 3600 * 1000)

struct yard {
	char directory[64];
	struct event_store *store;
	struct event_record *records; /* of all adders, made before */
	atomic_uint added;
	atomic_bool over;
	atomic_uint faults; /* cmocka's asserts are the main thread's */
};

struct adder {
	struct yard *yard;
	unsigned number;
};

/* Its own batches, each twice, as if an answer had been lost. */
static void *add(void *arg)
{
	struct adder *adder = arg;
	struct yard *yard = adder->yard;

	for (unsigned i = 0; i < BATCHES * 2; i++) {
		struct event_record batch[BATCH];

		memcpy(batch, yard->records + ((size_t)adder->number * BATCHES + i / 2) * BATCH,
		       sizeof(batch));
		if (event_store_add(yard->store, batch, BATCH) != 0)
			yard->faults++;
		for (unsigned n = 0; n < BATCH; n++)
			yard->added += batch[n].added;
	}
	return NULL;
}

static int count_one(void *arg, const struct event_found *found)
{
	unsigned *count = arg;

	(void)found;
	(*count)++;
	return 0;
}

static void *search(void *arg)
{
	struct yard *yard = arg;
	struct event_filter filter = any_filter();

	filter.field[INTAKE_OUTCOME] = "blocked";
	while (!yard->over) {
		char cursor[EVENT_CURSOR_MAX] = "", next[EVENT_CURSOR_MAX];
		unsigned found = 0;

		do {
			if (event_store_find(yard->store, &filter, cursor, 50, count_one, &found,
			                     next) != 0)
				yard->faults++;
			memcpy(cursor, next, sizeof(cursor));
		} while (cursor[0]);
	}
	return NULL;
}

static void *follow(void *arg)
{
	struct yard *yard = arg;
	struct event_filter filter = any_filter();
	char cursor[EVENT_CURSOR_MAX] = "";
	uint64_t missed;
	unsigned found = 0, dropped;

	while (!yard->over) {
		if (event_store_tail(yard->store, &filter, cursor, 50, count_one, &found, cursor,
		                     &missed) != 0)
			yard->faults++;
		if (event_store_sweep(yard->store, 20000, 0, &dropped) != 0 || dropped > 0)
			yard->faults++;
	}
	return NULL;
}

static void make_records(struct yard *yard)
{
	size_t count = (size_t)ADDERS * BATCHES * BATCH;

	yard->records = calloc(count, sizeof(*yard->records));
	assert_non_null(yard->records);
	for (size_t i = 0; i < count; i++) {
		static const char *const devices[ADDERS] = {"a", "b", "c", "d"};
		struct shape shape = {.device = devices[i / (BATCHES * BATCH)],
		                      .seq = i,
		                      .time_ms = NOON + (int64_t)(i % 97) * 1000 * 1000,
		                      .outcome = i % 3 ? "blocked" : "bypassed"};

		yard->records[i] = record_of(&shape);
	}
}

static void all_at_once_and_each_is_there_once(void **state)
{
	struct yard yard = {.directory = "/tmp/sms-events-XXXXXX"};
	struct event_filter filter = any_filter();
	struct adder adders[ADDERS];
	pthread_t threads[ADDERS], others[2];
	struct problem problem = {0};
	char *connection = test_database_make();
	struct database *database;
	unsigned found = 0;
	struct dirent *entry;
	DIR *dir;

	assert_non_null(mkdtemp(yard.directory));
	assert_int_equal(database_create(yard.directory, connection, &database), 0);
	assert_int_equal(event_store_open(database, yard.directory, &yard.store, &problem), 0);
	make_records(&yard);
	assert_int_equal(pthread_create(&others[0], NULL, search, &yard), 0);
	assert_int_equal(pthread_create(&others[1], NULL, follow, &yard), 0);
	for (unsigned i = 0; i < ADDERS; i++) {
		adders[i] = (struct adder){&yard, i};
		assert_int_equal(pthread_create(&threads[i], NULL, add, &adders[i]), 0);
	}
	for (unsigned i = 0; i < ADDERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	yard.over = true;
	assert_int_equal(pthread_join(others[0], NULL), 0);
	assert_int_equal(pthread_join(others[1], NULL), 0);
	assert_int_equal(yard.faults, 0);
	assert_int_equal(yard.added, ADDERS * BATCHES * BATCH);
	find_whole(yard.store, &filter, count_one, &found);
	assert_int_equal(found, ADDERS * BATCHES * BATCH);
	event_store_close(yard.store);
	database_destroy(database);
	test_database_drop(connection);
	dir = opendir(yard.directory);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	(void)rmdir(yard.directory);
	free(yard.records);
	lines_forget();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(all_at_once_and_each_is_there_once),
	};

	return RUN_TESTS(tests);
}
