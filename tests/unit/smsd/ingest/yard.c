/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/ingest/yard.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "smsd/base/moment.h"
#include "tests/unit/smsd/database.h"

void yard_make(struct yard *yard)
{
	*yard = (struct yard){.directory = "/tmp/sms-yard-XXXXXX"};
	assert_non_null(mkdtemp(yard->directory));
	yard->connection = test_database_make();
	(void)snprintf(yard->days, sizeof(yard->days), "%s/events", yard->directory);
}

void yard_open(struct yard *yard)
{
	const struct ingest_options options = {.directory = yard->days, .keep_days = 30};

	assert_int_equal(
	        store_open(yard->directory, yard->connection, 2, &yard->store, &yard->problem), 0);
	assert_int_equal(ingest_open(yard->store, &options, &yard->ingest, &yard->problem), 0);
}

void yard_close(struct yard *yard)
{
	ingest_close(yard->ingest);
	store_close(yard->store);
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void yard_remove(struct yard *yard)
{
	problem_fini(&yard->problem);
	test_database_drop(yard->connection);
	(void)nftw(yard->directory, drop, 8, FTW_DEPTH | FTW_PHYS);
}

int yard_send(struct yard *yard, const char *device, uint64_t first, unsigned count,
              struct ingest_answer *ret_answer)
{
	struct ingest_batch batch = {.device = device, .epoch = EPOCH, .first = first};
	int64_t now_ms = moment_now_ms();
	struct buf lines;
	int rc;

	buf_init(&lines, 4 * 1024 * 1024);
	for (unsigned i = 0; i < count; i++)
		if (buf_printf(&lines, "%s\n",
		               line_of(&(struct shape){
		                       .device = device,
		                       .seq = first + i,
		                       .outcome = "blocked",
		                       .time_ms = now_ms - (i % 2 ? EVENT_DAY_MS : 0)})) != 0)
			abort();
	batch.lines = lines.data;
	batch.len = lines.len;
	rc = ingest_take(yard->ingest, &batch, ret_answer, &yard->problem);
	buf_fini(&lines);
	return rc;
}

struct counting {
	unsigned *times;
	uint64_t most, all;
};

static int count_number(void *arg, const struct event_found *found)
{
	struct counting *c = arg;
	struct intake_line line;

	assert_int_equal(intake_line_read(found->line, found->len, &line), 0);
	assert_true(line.seq < c->most);
	c->times[line.seq]++;
	c->all++;
	return 0;
}

uint64_t yard_assert_whole(struct yard *yard, const char *device, uint64_t count, uint64_t most)
{
	struct counting c = {.times = calloc(most, sizeof(*c.times)), .most = most};
	struct event_filter filter = any_filter();
	char cursor[EVENT_CURSOR_MAX] = "", next[EVENT_CURSOR_MAX];

	assert_non_null(c.times);
	filter.field[INTAKE_DEVICE] = device;
	do {
		assert_int_equal(event_store_find(ingest_events(yard->ingest), &filter, cursor, 500,
		                                  count_number, &c, next),
		                 0);
		memcpy(cursor, next, sizeof(cursor));
	} while (cursor[0]);
	for (uint64_t i = 0; i < most; i++) {
		assert_true(c.times[i] <= 1);
		assert_true(i >= count || c.times[i] == 1);
	}
	free(c.times);
	return c.all;
}
