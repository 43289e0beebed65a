/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of events on a disk: numbers go on, lines stay whole, losses are said. */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/event/stream.h"

static char dir[64];
static const struct logfile_limits limits = {.rotate_size = 1 << 20, .kept = 3};

static int make_dir(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_stream.XXXXXX");
	return mkdtemp(dir) ? 0 : 1;
}

static int remove_dir(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static struct event_stream *open_stream(void)
{
	struct event_stream *s;

	assert_int_equal(event_stream_open(dir, dir, "dev \"1\"", &limits, &s), 0);
	return s;
}

static void add(struct event_stream *s, enum event_kind kind, const char *json)
{
	const char *line;
	size_t len;

	assert_int_equal(event_stream_add(s, kind, json, strlen(json), &line, &len), 0);
	assert_int_equal(strlen(line) >= len, 1);
}

/* Lines of a file, each parsed; `check` sees the last one. */
static unsigned count_lines(const char *name, json_t **ret_last)
{
	char path[128], *line = NULL;
	unsigned n = 0;
	size_t size = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	while (getline(&line, &size, f) > 0) {
		json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		assert_non_null(root);
		n++;
		if (ret_last) {
			json_decref(*ret_last);
			*ret_last = root;
		} else {
			json_decref(root);
		}
	}
	free(line);
	(void)fclose(f);
	return n;
}

static uint64_t seq_of(const json_t *event)
{
	return (uint64_t)json_integer_value(json_object_get(event, "seq"));
}

static void numbers_go_on_after_a_restart(void **state)
{
	struct event_stream *s = open_stream();
	char epoch[STREAM_EPOCH_LEN + 1];
	json_t *last = NULL;

	(void)state;
	(void)snprintf(epoch, sizeof(epoch), "%s", event_stream_epoch(s));
	add(s, EVENT_SYSTEM, "{\"event_type\":\"system\"}");
	add(s, EVENT_AUDIT, "{\"event_type\":\"audit\"}");
	add(s, EVENT_SYSTEM, "{}");
	event_stream_close(s);
	s = open_stream();
	assert_string_equal(event_stream_epoch(s), epoch);
	assert_int_equal(event_stream_next(s), 4);
	add(s, EVENT_SYSTEM, "{\"x\":1}");
	event_stream_close(s);
	assert_int_equal(count_lines("system.json", &last), 3);
	assert_int_equal(seq_of(last), 4);
	assert_string_equal(json_string_value(json_object_get(last, "device")), "dev \"1\"");
	assert_string_equal(json_string_value(json_object_get(last, "epoch")), epoch);
	json_decref(last);
	assert_int_equal(count_lines("audit.json", NULL), 1);
}

static void lost_files_never_make_a_number_appear_twice(void **state)
{
	struct event_stream *s = open_stream();
	char path[128];

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		add(s, EVENT_SYSTEM, "{}");
	event_stream_close(s);
	(void)snprintf(path, sizeof(path), "%s/system.json", dir);
	assert_int_equal(unlink(path), 0);
	s = open_stream();
	assert_true(event_stream_next(s) > 100);
	event_stream_close(s);
}

static void a_new_spool_has_a_new_epoch(void **state)
{
	struct event_stream *s = open_stream();
	char epoch[STREAM_EPOCH_LEN + 1], path[128];

	(void)state;
	(void)snprintf(epoch, sizeof(epoch), "%s", event_stream_epoch(s));
	add(s, EVENT_SYSTEM, "{}");
	event_stream_close(s);
	(void)snprintf(path, sizeof(path), "%s/spool/stream", dir);
	assert_int_equal(unlink(path), 0);
	s = open_stream();
	assert_string_not_equal(event_stream_epoch(s), epoch);
	assert_int_equal(event_stream_next(s), 1);
	event_stream_close(s);
}

static void a_line_cut_by_a_crash_stays_alone(void **state)
{
	struct event_stream *s = open_stream();
	char path[128];
	FILE *f;

	(void)state;
	add(s, EVENT_SYSTEM, "{\"n\":1}");
	event_stream_close(s);
	(void)snprintf(path, sizeof(path), "%s/system.json", dir);
	f = fopen(path, "a");
	assert_non_null(f);
	(void)fputs("{\"epoch\":\"12", f);
	(void)fclose(f);
	s = open_stream();
	add(s, EVENT_SYSTEM, "{\"n\":2}");
	event_stream_close(s);
	f = fopen(path, "r");
	assert_non_null(f);
	for (unsigned i = 0; i < 3; i++) {
		char line[512];

		assert_non_null(fgets(line, sizeof(line), f));
		if (i == 1)
			assert_string_equal(line, "{\"epoch\":\"12\n");
	}
	(void)fclose(f);
}

static void records_that_are_no_event_are_refused(void **state)
{
	static const char forged[] = "{}\n{\"event_type\":\"audit\"}";
	struct event_stream *s = open_stream();
	const char *line;
	size_t len;

	(void)state;
	assert_int_equal(event_stream_add(s, EVENT_SYSTEM, forged, sizeof(forged) - 1, &line, &len),
	                 SL_EMALFORMED);
	assert_int_equal(event_stream_add(s, (enum event_kind)99, "{}", 2, &line, &len),
	                 SL_EMALFORMED);
	assert_int_equal(event_stream_next(s), 1);
	event_stream_close(s);
	assert_int_equal(count_lines("system.json", NULL), 0);
}

static void full_files_are_closed_and_the_oldest_go(void **state)
{
	static const struct logfile_limits small = {.rotate_size = 1000, .kept = 2};
	struct event_stream *s = open_stream();
	uint64_t next;

	(void)state;
	assert_int_equal(event_stream_configure(s, "d", &small), 0);
	for (unsigned i = 0; i < 60; i++) {
		add(s, EVENT_IPS_BLOCK,
		    "{\"some\":\"thing that takes a little room in the file\"}");
		assert_int_equal(event_stream_sync(s), 0);
	}
	next = event_stream_next(s);
	event_stream_close(s);
	assert_true(count_lines("ips_block.json.1", NULL) > 5);
	assert_true(count_lines("ips_block.json.2", NULL) > 5);
	assert_int_equal(count_lines("ips_block.json.3", NULL), 0);
	s = open_stream();
	assert_int_equal(event_stream_next(s), next);
	event_stream_close(s);
}

static void a_file_moved_by_others_is_made_anew(void **state)
{
	struct event_stream *s = open_stream();
	char from[128], to[128];

	(void)state;
	add(s, EVENT_SYSTEM, "{}");
	assert_int_equal(event_stream_sync(s), 0);
	(void)snprintf(from, sizeof(from), "%s/system.json", dir);
	(void)snprintf(to, sizeof(to), "%s/moved.json", dir);
	assert_int_equal(rename(from, to), 0);
	add(s, EVENT_SYSTEM, "{}");
	assert_int_equal(event_stream_sync(s), 0);
	event_stream_close(s);
	assert_int_equal(count_lines("system.json", NULL), 1);
	assert_int_equal(count_lines("moved.json", NULL), 1);
}

static void what_was_lost_is_said_by_a_gap(void **state)
{
	struct event_stream *s = open_stream();
	json_t *last = NULL, *gap;

	(void)state;
	event_stream_lost(s, EVENT_SSL_INSPECTION, 40, "worker 0");
	event_stream_lost(s, EVENT_SSL_INSPECTION, 2, "worker 1");
	assert_int_equal(event_stream_sync(s), 0);
	assert_int_equal(event_stream_sync(s), 0);
	event_stream_close(s);
	assert_int_equal(count_lines("ssl_inspection.json", &last), 1);
	assert_string_equal(json_string_value(json_object_get(last, "event_type")), "gap");
	gap = json_object_get(last, "gap");
	assert_int_equal(json_integer_value(json_object_get(gap, "lost")), 42);
	json_decref(last);
}

/* Needs root for a file system of its own; the test suite runs as root. */
static void a_full_disk_costs_the_lowest_rank_first(void **state)
{
	static const struct logfile_limits small = {.rotate_size = 64 * 1024, .kept = 50};
	static char big[8000];
	struct event_stream *s;
	json_t *last = NULL;

	(void)state;
	if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", dir, "tmpfs", 0, "size=1m") != 0)
		fail_msg("the full-disk test needs root and a mount namespace");
	assert_int_equal(event_stream_open(dir, dir, "d", &small, &s), 0);
	(void)snprintf(big, sizeof(big), "{\"pad\":\"%07800d\"}", 0);
	for (unsigned i = 0; i < 60; i++) {
		add(s, EVENT_AUDIT, big);
		(void)event_stream_sync(s);
	}
	for (unsigned i = 0; i < 200; i++) {
		add(s, EVENT_SSL_INSPECTION, big);
		(void)event_stream_sync(s);
	}
	add(s, EVENT_AUDIT, "{\"last\":1}");
	assert_int_equal(event_stream_sync(s), 0);
	event_stream_close(s);
	assert_true(count_lines("audit.json.6", NULL) > 0);
	(void)count_lines("audit.json", &last);
	assert_int_equal(json_integer_value(json_object_get(last, "last")), 1);
	json_decref(last);
	assert_int_equal(umount(dir), 0);
}

static void wait_for_border(struct event_stream *s, struct event_border *border, uint64_t next)
{
	for (unsigned i = 0; i < 5000; i++) {
		assert_int_equal(event_stream_sync(s), 0);
		event_stream_border(s, border);
		if (border->next >= next)
			break;
		(void)usleep(1000);
	}
	assert_int_equal(border->next, next);
}

static void the_border_is_behind_what_is_on_the_disk(void **state)
{
	struct event_stream *s = open_stream();
	struct event_border border;

	event_stream_border(s, &border);
	assert_int_equal(border.next, 0);
	add(s, EVENT_SYSTEM, "{}");
	wait_for_border(s, &border, 2);
	assert_string_equal(border.epoch, event_stream_epoch(s));
	add(s, EVENT_AUDIT, "{}");
	event_stream_border(s, &border);
	assert_int_equal(border.next, 2); /* numbered, and in memory */
	wait_for_border(s, &border, 3);
	event_stream_close(s);
	s = open_stream();
	event_stream_border(s, &border);
	assert_int_equal(border.next, 0); /* what another run left may be on its way to the disk */
	wait_for_border(s, &border, 3);
	event_stream_close(s);
}

static void files_keep_their_numbers(void **state)
{
	static const struct logfile_limits small = {.rotate_size = 200, .kept = 2};
	struct event_stream *s = open_stream();
	char text[8] = "";
	int fd;

	assert_int_equal(event_stream_configure(s, "dev", &small), 0);
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k < 4; k++)
			add(s, EVENT_AUDIT, "{\"x\":\"0123456789\"}");
		assert_int_equal(event_stream_sync(s), 0);
	}
	/* Three were closed, one of them is gone; the open one is empty. */
	assert_int_equal(event_stream_open_file(s, EVENT_AUDIT, LOGFILE_FIRST_NUMBER, &fd),
	                 SL_ENOENT);
	assert_int_equal(event_stream_open_file(s, EVENT_AUDIT, LOGFILE_FIRST_NUMBER + 4, &fd),
	                 SL_ENOENT);
	for (uint32_t n = 1; n <= 3; n++) {
		assert_int_equal(
		        event_stream_open_file(s, EVENT_AUDIT, LOGFILE_FIRST_NUMBER + n, &fd), 0);
		assert_int_equal(read(fd, text, 1), n < 3 ? 1 : 0);
		assert_int_equal(write(fd, text, 1), -1);
		(void)close(fd);
	}
	assert_int_equal(event_stream_open_file(s, EVENT_KIND_END, LOGFILE_FIRST_NUMBER, &fd),
	                 SL_ENOENT);
	event_stream_close(s);
}

/* Another directory is no reason for a gap. */
static void numbers_go_on_in_another_directory(void **state)
{
	struct event_stream *one = open_stream(), *two;
	char other[80];

	(void)snprintf(other, sizeof(other), "%s/other", dir);
	assert_int_equal(mkdir(other, 0700), 0);
	for (unsigned i = 0; i < 5; i++)
		add(one, EVENT_AUDIT, "{}");
	assert_int_equal(event_stream_sync(one), 0);
	assert_int_equal(event_stream_open(other, dir, "dev", &limits, &two), 0);
	assert_int_equal(event_stream_follow(two, one), 0);
	assert_int_equal(event_stream_next(two), 6);
	add(two, EVENT_AUDIT, "{}");
	add(two, EVENT_AUDIT, "{}");
	event_stream_close(two);
	event_stream_close(one);
	/* And back: the files there are behind. And again: those here are ahead. */
	one = open_stream();
	assert_int_equal(event_stream_next(one), 6);
	assert_int_equal(event_stream_open(other, dir, "dev", &limits, &two), 0);
	assert_int_equal(event_stream_follow(two, one), 0);
	assert_int_equal(event_stream_next(two), 8);
	assert_int_equal(event_stream_follow(one, two), 0);
	assert_int_equal(event_stream_next(one), 8);
	event_stream_close(one);
	event_stream_close(two);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
	        TEST(numbers_go_on_after_a_restart),
	        TEST(lost_files_never_make_a_number_appear_twice),
	        TEST(a_new_spool_has_a_new_epoch),
	        TEST(a_line_cut_by_a_crash_stays_alone),
	        TEST(records_that_are_no_event_are_refused),
	        TEST(full_files_are_closed_and_the_oldest_go),
	        TEST(a_file_moved_by_others_is_made_anew),
	        TEST(what_was_lost_is_said_by_a_gap),
	        TEST(a_full_disk_costs_the_lowest_rank_first),
	        TEST(the_border_is_behind_what_is_on_the_disk),
	        TEST(files_keep_their_numbers),
	        TEST(numbers_go_on_in_another_directory),
	};

	return RUN_TESTS(tests);
}
