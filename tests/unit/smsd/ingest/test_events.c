/* SPDX-License-Identifier: Apache-2.0 */
/* The store of events: nothing twice, each filter, pages, days, what goes. */
#include "tests/unit/smsd/ingest/lines.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "smsd/store/database.h"
#include "tests/unit/smsd/database.h"

#define DAY  ((int64_t)20484 * EVENT_DAY_MS) /* 2026-01-31 */
#define NOON (DAY + 12 * 3600 * 1000)

struct yard {
	char directory[64];
	char *connection; /* NULL: SQLite */
	struct database *database;
	struct event_store *store;
};

static void open_store(struct yard *yard)
{
	struct problem problem = {0};

	assert_int_equal(event_store_open(yard->database, yard->directory, &yard->store, &problem),
	                 0);
}

static int setup(void **state)
{
	struct yard *yard = calloc(1, sizeof(*yard));

	assert_non_null(yard);
	(void)snprintf(yard->directory, sizeof(yard->directory), "/tmp/sms-events-XXXXXX");
	assert_non_null(mkdtemp(yard->directory));
	yard->connection = test_database_make();
	assert_int_equal(database_create(yard->directory, yard->connection, &yard->database), 0);
	open_store(yard);
	*state = yard;
	return 0;
}

static int teardown(void **state)
{
	struct yard *yard = *state;
	DIR *dir = opendir(yard->directory);
	struct dirent *entry;

	event_store_close(yard->store);
	database_destroy(yard->database);
	test_database_drop(yard->connection);
	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	(void)rmdir(yard->directory);
	free(yard);
	lines_forget();
	return 0;
}

/* How many of them were new. */
static unsigned add(struct yard *yard, struct event_record *records, size_t count)
{
	unsigned added = 0;

	assert_int_equal(event_store_add(yard->store, records, count), 0);
	for (size_t i = 0; i < count; i++)
		added += records[i].added;
	return added;
}

static unsigned add_one(struct yard *yard, const struct shape *shape)
{
	struct event_record record = record_of(shape);

	return add(yard, &record, 1);
}

/* All pages of so many, as numbers in order. */
static const char *find_by(struct yard *yard, const struct event_filter *filter, unsigned limit)
{
	static struct found found;
	char cursor[EVENT_CURSOR_MAX] = "", next[EVENT_CURSOR_MAX];

	found = (struct found){0};
	do {
		assert_int_equal(event_store_find(yard->store, filter, cursor, limit, found_add,
		                                  &found, next),
		                 0);
		memcpy(cursor, next, sizeof(cursor));
	} while (cursor[0]);
	return found.text;
}

static const char *find(struct yard *yard, const struct event_filter *filter)
{
	return find_by(yard, filter, 1000);
}

static const char *find_all(struct yard *yard)
{
	struct event_filter filter = any_filter();

	return find(yard, &filter);
}

static void the_same_event_is_there_once(void **state)
{
	struct yard *yard = *state;
	struct event_record twice[2];

	assert_int_equal(add_one(yard, &(struct shape){.seq = 1, .time_ms = NOON}), 1);
	assert_int_equal(add_one(yard, &(struct shape){.seq = 1, .time_ms = NOON}), 0);
	twice[0] = record_of(&(struct shape){.seq = 2, .time_ms = NOON});
	twice[1] = record_of(&(struct shape){.seq = 2, .time_ms = NOON});
	assert_int_equal(add(yard, twice, 2), 1);
	event_store_close(yard->store);
	open_store(yard);
	assert_int_equal(add_one(yard, &(struct shape){.seq = 1, .time_ms = NOON}), 0);
	assert_string_equal(find_all(yard), "2,1");
	/* Another epoch, another device: others. */
	assert_int_equal(add_one(yard, &(struct shape){.seq = 1, .time_ms = NOON, .device = "x"}),
	                 1);
	assert_int_equal(
	        add_one(yard,
	                &(struct shape){.seq = 1, .time_ms = NOON, .epoch = "ffffffffffffffff"}),
	        1);
	assert_string_equal(find_all(yard), "1,1,2,1");
}

static void latest_come_first_whenever_they_were_added(void **state)
{
	struct yard *yard = *state;
	struct event_record records[4];

	for (unsigned i = 0; i < 4; i++)
		records[i] = record_of(
		        &(struct shape){.seq = i + 1, .time_ms = NOON + (i & 1 ? 7 : -7) * (int)i});
	assert_int_equal(add(yard, records, 4), 4); /* times 0, 7, -14, 21 */
	assert_string_equal(find_all(yard), "4,2,1,3");
	assert_int_equal(add_one(yard, &(struct shape){.seq = 9, .time_ms = NOON - 8, .sni = "a"}),
	                 1);
	assert_int_equal(add_one(yard, &(struct shape){.seq = 10, .time_ms = NOON + 8, .sni = "a"}),
	                 1);
	assert_int_equal(add_one(yard, &(struct shape){.seq = 11, .time_ms = DAY - 1, .sni = "a"}),
	                 1);
	assert_int_equal(
	        add_one(yard,
	                &(struct shape){.seq = 12, .time_ms = DAY + EVENT_DAY_MS, .sni = "a"}),
	        1);
	assert_string_equal(find_all(yard), "12,4,10,2,1,9,3,11");
	{
		struct event_filter filter = any_filter();

		filter.field[INTAKE_SNI] = "A";
		assert_string_equal(find(yard, &filter), "12,10,9,11");
	}
}

static void each_filter_finds_its_own(void **state)
{
	static const struct shape shapes[] = {
	        {.seq = 1, .device = "one", .kind = "system", .message = "the disk is full"},
	        {.seq = 2, .outcome = "blocked", .reason = "rule", .sni = "a.example.org"},
	        {.seq = 3, .outcome = "bypassed", .reason = "ech", .sni = "b.example.org"},
	        {.seq = 4, .profile = "p", .policy = "x", .source = "10.0.0.1"},
	        {.seq = 5, .profile = "x", .policy = "p", .destination = "10.0.0.1"},
	        {.seq = 6, .source = "10.0.0.11", .kind = "ips_block"},
	};
	static const struct {
		struct event_filter filter;
		const char *found;
	} rows[] = {
	        {{.field[INTAKE_DEVICE] = "one"}, "1"},
	        {{.field[INTAKE_KIND] = "ssl_inspection"}, "5,4,3,2"},
	        {{.field[INTAKE_OUTCOME] = "blocked"}, "2"},
	        {{.field[INTAKE_REASON] = "ech"}, "3"},
	        {{.field[INTAKE_SNI] = "A.example.org"}, "2"},
	        {{.field[INTAKE_SNI] = "example.org"}, ""},
	        {{.field[INTAKE_PROFILE] = "p"}, "4"},
	        {{.field[INTAKE_POLICY] = "p"}, "5"},
	        {{.address = "10.0.0.1"}, "5,4"},
	        {{.field[INTAKE_SOURCE] = "10.0.0.1"}, "4"},
	        {{.text = "example"}, "3,2"},
	        {{.text = "EXAM* b"}, "3"},
	        {{.text = "disk"}, "1"},
	        {{.text = "disk example"}, ""},
	        {{.text = "\" OR NEAR(* - ("}, ""},
	        {{.field[INTAKE_OUTCOME] = "blocked", .field[INTAKE_REASON] = "rule"}, "2"},
	        {{.field[INTAKE_OUTCOME] = "blocked", .field[INTAKE_REASON] = "ech"}, ""},
	        {{.field[INTAKE_PROFILE] = "nothing"}, ""},
	};
	struct yard *yard = *state;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		struct shape shape = shapes[i];

		shape.time_ms = NOON + (int64_t)i;
		assert_int_equal(add_one(yard, &shape), 1);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct event_filter filter = rows[i].filter;

		filter.from_ms = INT64_MIN;
		filter.to_ms = INT64_MAX;
		assert_string_equal(find(yard, &filter), rows[i].found);
		assert_string_equal(find_by(yard, &filter, 1), rows[i].found);
	}
}

static void times_bound_what_is_found(void **state)
{
	struct yard *yard = *state;
	struct event_filter filter = any_filter();

	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(add_one(yard, &(struct shape){.seq = i,
		                                               .sni = "a",
		                                               .time_ms = NOON + i * EVENT_DAY_MS}),
		                 1);
	filter.from_ms = NOON + EVENT_DAY_MS;
	filter.to_ms = NOON + 3 * (int64_t)EVENT_DAY_MS;
	for (unsigned words = 0; words < 2; words++) {
		filter.field[INTAKE_SNI] = words ? "a" : NULL;
		filter.from_ms = NOON + EVENT_DAY_MS;
		assert_string_equal(find(yard, &filter), "3,2,1");
		filter.from_ms++;
		assert_string_equal(find(yard, &filter), "3,2");
	}
	filter.to_ms--;
	assert_string_equal(find(yard, &filter), "2");
	filter.to_ms = filter.from_ms - 1;
	assert_string_equal(find(yard, &filter), "");
}

/* More of one millisecond than it has places, and what comes behind it. */
static void a_millisecond_may_be_full(void **state)
{
	enum { COUNT = EVENT_DAY_PLACES * 2 + 10 };
	struct yard *yard = *state;
	struct event_record *records = calloc(COUNT, sizeof(*records));
	struct event_filter filter = any_filter();
	static struct found found;
	char cursor[EVENT_CURSOR_MAX] = "", next[EVENT_CURSOR_MAX];

	assert_non_null(records);
	for (unsigned i = 0; i < COUNT; i++)
		records[i] =
		        record_of(&(struct shape){.seq = i, .time_ms = NOON, .outcome = "blocked"});
	assert_int_equal(add(yard, records, COUNT), COUNT);
	assert_int_equal(
	        add_one(yard,
	                &(struct shape){.seq = COUNT, .time_ms = NOON + 1, .outcome = "blocked"}),
	        1);
	assert_int_equal(
	        add_one(yard,
	                &(struct shape){.seq = COUNT + 1, .time_ms = NOON, .outcome = "blocked"}),
	        1);
	assert_int_equal(add(yard, records, COUNT), 0);
	filter.field[INTAKE_OUTCOME] = "blocked";
	found = (struct found){0};
	do {
		assert_int_equal(event_store_find(yard->store, &filter, cursor, 100, found_add,
		                                  &found, next),
		                 0);
		memcpy(cursor, next, sizeof(cursor));
	} while (cursor[0]);
	assert_int_equal(found.count, COUNT + 2);
	free(records);
}

/* Late ones and new ones come between the pages: those that were there are shown once each. */
static void pages_neither_repeat_nor_leave_out(void **state)
{
	struct yard *yard = *state;
	struct event_filter filter = any_filter();
	struct found found = {0};
	char cursor[EVENT_CURSOR_MAX] = "", next[EVENT_CURSOR_MAX];
	unsigned seq = 1000;

	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(add_one(yard, &(struct shape){.seq = i, .time_ms = NOON + i / 7}),
		                 1);
	do {
		assert_int_equal(
		        event_store_find(yard->store, &filter, cursor, 3, found_add, &found, next),
		        0);
		memcpy(cursor, next, sizeof(cursor));
		(void)add_one(yard, &(struct shape){.seq = seq++, .time_ms = NOON + 100});
		(void)add_one(yard, &(struct shape){.seq = seq++, .time_ms = NOON + 4});
	} while (cursor[0]);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(times_in(found.text, i), 1);
}

static void a_cursor_that_is_none_is_refused(void **state)
{
	static const char *const texts[] = {
	        "x", "1", "1.", "1.x", ".1", "1.-1", "1.1 ", "01.1", "99999999999999999999.1"};
	struct yard *yard = *state;
	struct event_filter filter = any_filter();
	struct found found = {0};
	char next[EVENT_CURSOR_MAX];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(event_store_find(yard->store, &filter, texts[i], 3, found_add,
		                                  &found, next),
		                 SL_EINVAL);
	assert_int_equal(event_store_find(yard->store, &filter, "-5.7", 3, found_add, &found, next),
	                 0);
}

static void files_are_of_their_owner_alone(void **state)
{
	struct yard *yard = *state;
	char path[128];
	struct stat st;

	if (yard->connection) /* the server has them */
		return;
	(void)add_one(yard, &(struct shape){.seq = 1, .time_ms = NOON});
	(void)snprintf(path, sizeof(path), "%s/2026-01-31.db", yard->directory);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* Case is ASCII's alone; a character of several bytes is part of a word, and a beginning may end
 * within it. */
static void words_beyond_ascii_are_found(void **state)
{
	static const char *const asked[] = {"caf\xc3\xa9", "CAF\xc3\xa9", "caf*", "caf\xc3*",
	                                    "\xc3\xa4*"};
	static const char *const found[] = {"1", "1", "2,1", "1", "2"};
	struct yard *yard = *state;

	(void)add_one(yard, &(struct shape){.seq = 1, .time_ms = NOON, .message = "Caf\xc3\xa9 x"});
	(void)add_one(yard, &(struct shape){
	                            .seq = 2, .time_ms = NOON, .message = "cafe \xc3\xa4\xc3\xb6"});
	for (size_t i = 0; i < SL_ARRAY_LEN(asked); i++) {
		struct event_filter filter = any_filter();

		filter.text = asked[i];
		assert_string_equal(find(yard, &filter), found[i]);
	}
}

static void days_go_by_age_and_by_size(void **state)
{
	struct yard *yard = *state;
	int64_t day = event_day_of(DAY);
	unsigned dropped;

	for (unsigned i = 0; i < 6; i++)
		(void)add_one(yard, &(struct shape){.seq = i, .time_ms = NOON + i * EVENT_DAY_MS});
	assert_int_equal(event_store_sweep(yard->store, day, 0, &dropped), 0);
	assert_int_equal(dropped, 0);
	assert_int_equal(event_store_sweep(yard->store, day + 2, 0, &dropped), 0);
	assert_int_equal(dropped, 2);
	assert_string_equal(find_all(yard), "5,4,3,2");
	assert_int_equal(event_store_sweep(yard->store, day,
	                                   event_store_day_size(yard->store, day + 5) * 3 / 2,
	                                   &dropped),
	                 0);
	assert_string_equal(find_all(yard), "5");
	/* A day that went may come again; the latest never goes for its size. */
	(void)add_one(yard, &(struct shape){.seq = 0, .time_ms = NOON});
	assert_int_equal(event_store_sweep(yard->store, day, 1, &dropped), 0);
	assert_int_equal(dropped, 1);
	assert_string_equal(find_all(yard), "5");
}

static void a_damaged_day_is_told_and_the_others_go_on(void **state)
{
	struct yard *yard = *state;
	struct event_record record = record_of(&(struct shape){.seq = 1, .time_ms = NOON});
	char path[128];
	FILE *f;

	if (yard->connection) /* no day has a file of its own there */
		return;
	(void)snprintf(path, sizeof(path), "%s/2026-01-31.db", yard->directory);
	f = fopen(path, "w");
	assert_non_null(f);
	for (unsigned i = 0; i < 1000; i++)
		(void)fputs("not a database ", f);
	(void)fclose(f);
	assert_int_equal(event_store_add(yard->store, &record, 1), SL_EMALFORMED);
	assert_false(record.added);
	assert_int_equal(add_one(yard, &(struct shape){.seq = 2, .time_ms = NOON + EVENT_DAY_MS}),
	                 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(add(yard, &record, 1), 1);
}

static void who_follows_sees_what_comes(void **state)
{
	struct yard *yard = *state;
	struct event_filter filter = any_filter();
	struct found found = {0};
	char cursor[EVENT_CURSOR_MAX], next[EVENT_CURSOR_MAX];
	struct event_record *records;
	uint64_t missed;

	(void)add_one(yard, &(struct shape){.seq = 1, .time_ms = NOON});
	assert_int_equal(
	        event_store_tail(yard->store, &filter, "", 10, found_add, &found, cursor, &missed),
	        0);
	assert_string_equal(found.text, "");
	(void)add_one(yard, &(struct shape){.seq = 2, .time_ms = NOON, .outcome = "blocked"});
	(void)add_one(yard, &(struct shape){.seq = 2, .time_ms = NOON, .outcome = "blocked"});
	(void)add_one(yard, &(struct shape){.seq = 3, .time_ms = NOON - 1000});
	(void)add_one(yard, &(struct shape){.seq = 4, .time_ms = NOON});
	assert_int_equal(
	        event_store_tail(yard->store, &filter, cursor, 2, found_add, &found, next, &missed),
	        0);
	assert_string_equal(found.text, "2,3");
	assert_int_equal(
	        event_store_tail(yard->store, &filter, next, 2, found_add, &found, next, &missed),
	        0);
	assert_string_equal(found.text, "2,3,4");
	assert_int_equal(missed, 0);
	found = (struct found){0};
	filter.field[INTAKE_OUTCOME] = "blocked";
	assert_int_equal(event_store_tail(yard->store, &filter, cursor, 10, found_add, &found, next,
	                                  &missed),
	                 0);
	assert_string_equal(found.text, "2");
	records = calloc(EVENT_TAIL_LINES + 5, sizeof(*records));
	assert_non_null(records);
	for (unsigned i = 0; i < EVENT_TAIL_LINES + 5; i++)
		records[i] = record_of(&(struct shape){.seq = 10 + i, .time_ms = NOON});
	assert_int_equal(add(yard, records, EVENT_TAIL_LINES + 5), EVENT_TAIL_LINES + 5);
	free(records);
	assert_int_equal(
	        event_store_tail(yard->store, &filter, next, 10, found_add, &found, next, &missed),
	        0);
	assert_int_equal(missed, 5);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	        TEST(the_same_event_is_there_once),
	        TEST(latest_come_first_whenever_they_were_added),
	        TEST(each_filter_finds_its_own),
	        TEST(times_bound_what_is_found),
	        TEST(a_millisecond_may_be_full),
	        TEST(pages_neither_repeat_nor_leave_out),
	        TEST(a_cursor_that_is_none_is_refused),
	        TEST(files_are_of_their_owner_alone),
	        TEST(words_beyond_ascii_are_found),
	        TEST(days_go_by_age_and_by_size),
	        TEST(a_damaged_day_is_told_and_the_others_go_on),
	        TEST(who_follows_sees_what_comes),
#undef TEST
	};

	return RUN_TESTS(tests);
}
