/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of event files against the writer of them (lib/event/stream.h), and against files that
 * a crash or a hand left behind. Each line has to come once, in the order of its number.
 */
#include "tpsd/link/reader.h"

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/event/stream.h"
#include "tests/unit/unit.h"
#include "tpsd/link/line.h"

#define EPOCH UINT64_C(0x00000000000000aa)

enum { LINES_MAX = 100000, BATCH = 64 * 1024, OPEN = 1000, TURNS = 100000 };

static struct {
	char dir[64];
	struct event_stream *stream; /* NULL: files are written by hand */
	struct reader *reader;
	struct reader_border border;
	struct reader_place place;
	size_t lines_max;
	/* What came: */
	uint64_t seqs[LINES_MAX], epochs[LINES_MAX];
	size_t count;
	char last[1024];
} env;

static struct logfile_limits limits;

static int setup(void **state)
{
	memset(&env, 0, sizeof(env));
	env.lines_max = 1000;
	limits = (struct logfile_limits){.rotate_size = 1 << 20, .kept = 10};
	(void)snprintf(env.dir, sizeof(env.dir), "/tmp/test_reader.XXXXXX");
	assert_non_null(mkdtemp(env.dir));
	assert_int_equal(reader_create(&env.reader), 0);
	reader_start(env.reader, &env.place);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	reader_destroy(env.reader);
	event_stream_close(env.stream);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", env.dir);
	assert_int_equal(system(command), 0);
	return 0;
}

/* ---- the two ends ------------------------------------------------------------------------ */

static int open_by_hand(enum event_kind kind, uint32_t number, int *ret_fd)
{
	char path[160];
	uint32_t n = env.border.files[kind] - number;

	if (n == 0)
		(void)snprintf(path, sizeof(path), "%s/%s.json", env.dir, event_kind_name(kind));
	else
		(void)snprintf(path, sizeof(path), "%s/%s.json.%u", env.dir, event_kind_name(kind),
		               n);
	*ret_fd = open(path, O_RDONLY);
	return *ret_fd >= 0 ? 0 : SL_ENOENT;
}

static void answer_wants(void)
{
	enum event_kind kind;
	uint32_t number;
	int fd;

	while (reader_wants(env.reader, &kind, &number)) {
		int rc = env.stream ? event_stream_open_file(env.stream, kind, number, &fd)
		                    : open_by_hand(kind, number, &fd);

		reader_file(env.reader, kind, number, rc == 0 ? fd : -1);
	}
}

static void take(const char *text, size_t len, const struct reader_batch *batch)
{
	const char *at = text, *end = text + len;
	size_t lines = 0;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct line_head head;

		assert_non_null(stop);
		assert_true(line_head_read(at, (size_t)(stop - at), &head));
		assert_int_equal(head.epoch, batch->epoch);
		if (lines++ == 0)
			assert_int_equal(head.seq, batch->first);
		assert_true(env.count < LINES_MAX);
		env.epochs[env.count] = head.epoch;
		env.seqs[env.count++] = head.seq;
		(void)snprintf(env.last, sizeof(env.last), "%.*s", (int)(stop - at), at);
		at = stop + 1;
	}
	assert_int_equal(lines, batch->lines);
	assert_int_equal(env.seqs[env.count - 1] + 1, batch->next);
}

/* All that there is; the number of batches. */
static unsigned drain(void)
{
	unsigned batches = 0;
	struct reader_batch batch;
	struct buf out;
	int rc;

	buf_init(&out, BATCH);
	for (unsigned turn = 0; turn < TURNS; turn++) {
		enum event_kind kind;
		uint32_t number;
		bool wants;

		answer_wants();
		rc = reader_fill(env.reader, &out, env.lines_max, &batch);
		if (rc == 0) {
			take((const char *)out.data, out.len, &batch);
			env.place = batch.after;
			buf_consume(&out, out.len);
			batches++;
			continue;
		}
		assert_true(rc == SL_EAGAIN || rc == SL_EBUSY);
		wants = reader_wants(env.reader, &kind, &number);
		if (wants)
			reader_want_again(env.reader);
		if (!wants && rc == SL_EAGAIN)
			break;
	}
	buf_fini(&out);
	return batches;
}

static void open_stream(void)
{
	assert_int_equal(event_stream_open(env.dir, env.dir, "box", &limits, &env.stream), 0);
}

static void add(enum event_kind kind, const char *json)
{
	const char *line;
	size_t len;

	assert_int_equal(event_stream_add(env.stream, kind, json, strlen(json), &line, &len), 0);
}

static void add_many(unsigned count)
{
	static const enum event_kind kinds[] = {EVENT_SYSTEM, EVENT_SSL_INSPECTION, EVENT_AUDIT,
	                                        EVENT_IPS_BLOCK};

	for (unsigned i = 0; i < count; i++)
		add(kinds[i * 7 / 3 % 4],
		    "{\"timestamp\":\"2026-01-01T00:00:00.000000+0000\",\"event_type\":\"x\"}");
}

static void tell_border(void)
{
	struct event_border border;

	event_stream_border(env.stream, &border);
	assert_true(line_epoch_read(border.epoch, 16, &env.border.epoch));
	env.border.next = border.next;
	memcpy(env.border.files, border.files, sizeof(border.files));
	reader_border(env.reader, &env.border);
}

/* Until all that was added is on the disk. */
static void sync_all(void)
{
	struct event_border border = {.next = 0};

	for (unsigned i = 0; i < 5000 && border.next < event_stream_next(env.stream); i++) {
		assert_int_equal(event_stream_sync(env.stream), 0);
		event_stream_border(env.stream, &border);
		if (border.next < event_stream_next(env.stream))
			(void)usleep(2000);
	}
	assert_int_equal(border.next, event_stream_next(env.stream));
	tell_border();
}

static void by_hand(const char *name, const char *text)
{
	char path[160];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", env.dir, name);
	f = fopen(path, "a");
	assert_non_null(f);
	assert_int_equal(fputs(text, f) >= 0, 1);
	assert_int_equal(fclose(f), 0);
}

static void line_by_hand(const char *name, uint64_t epoch, uint64_t seq)
{
	char text[160];

	(void)snprintf(text, sizeof(text),
	               "{\"epoch\":\"%016" PRIx64 "\",\"seq\":%" PRIu64
	               ",\"device\":\"box\",\"x\":1}\n",
	               epoch, seq);
	by_hand(name, text);
}

static void border_by_hand(uint64_t epoch, uint64_t next)
{
	env.border.epoch = epoch;
	env.border.next = next;
	for (unsigned kind = 0; kind < EVENT_KIND_END; kind++)
		env.border.files[kind] = OPEN;
	reader_border(env.reader, &env.border);
}

static void assert_numbers(size_t from, uint64_t first, uint64_t last)
{
	assert_int_equal(env.count - from, last - first + 1);
	for (size_t i = from; i < env.count; i++)
		assert_int_equal(env.seqs[i], first + i - from);
}

static void start_anew(void)
{
	reader_destroy(env.reader);
	assert_int_equal(reader_create(&env.reader), 0);
	reader_start(env.reader, &env.place);
}

/* ---- tests ------------------------------------------------------------------------------- */

static void kinds_become_one_stream(void **state)
{
	open_stream();
	add_many(500);
	sync_all();
	env.lines_max = 33;
	assert_int_equal(drain(), 16);
	assert_numbers(0, 1, 500);
	add_many(10);
	sync_all();
	(void)drain();
	assert_numbers(0, 1, 510);
	assert_int_equal(reader_left_out(env.reader), 0);
}

static void files_rotate_while_they_are_read(void **state)
{
	limits = (struct logfile_limits){.rotate_size = 3000, .kept = 60};
	open_stream();
	for (unsigned i = 0; i < 60; i++) {
		add_many(41);
		sync_all();
		if (i % 7 == 6)
			(void)drain();
	}
	(void)drain();
	assert_true(env.border.files[EVENT_AUDIT] > LOGFILE_FIRST_NUMBER + 10);
	assert_numbers(0, 1, 60 * 41);
	assert_int_equal(reader_left_out(env.reader), 0);
}

/* The file that is read was rotated away to nothing: what is gone is a gap, and nothing else is. */
static void what_rotates_away_is_missing_alone(void **state)
{
	limits = (struct logfile_limits){.rotate_size = 2000, .kept = 2};
	open_stream();
	add_many(20);
	sync_all();
	(void)drain();
	assert_numbers(0, 1, 20);
	for (unsigned i = 0; i < 40; i++) {
		add_many(20);
		sync_all();
	}
	(void)drain();
	for (size_t i = 1; i < env.count; i++)
		assert_true(env.seqs[i] > env.seqs[i - 1]);
	assert_true(env.count < 820);
	assert_int_equal(env.seqs[env.count - 1], 820);
}

static void it_goes_on_where_it_was(void **state)
{
	limits = (struct logfile_limits){.rotate_size = 3000, .kept = 60};
	open_stream();
	env.lines_max = 7;
	for (unsigned i = 0; i < 30; i++) {
		add_many(20 + i);
		sync_all();
		start_anew();
		tell_border();
		(void)drain();
	}
	assert_numbers(0, 1, 30 * 20 + 29 * 15);
}

static unsigned long long bytes_read(void)
{
	unsigned long long n = 0;
	FILE *f = fopen("/proc/self/io", "r");

	if (!f)
		return 0;
	if (fscanf(f, "rchar: %llu", &n) != 1)
		n = 0;
	(void)fclose(f);
	return n;
}

static void a_place_in_large_files_is_found_by_few_reads(void **state)
{
	char text[1200];
	unsigned long long before;

	limits = (struct logfile_limits){.rotate_size = 8 << 20, .kept = 5};
	open_stream();
	(void)snprintf(text, sizeof(text), "{\"filler\":\"%01000d\"}", 0);
	for (unsigned i = 0; i < 30000; i++) {
		add(EVENT_SSL_INSPECTION, text);
		if (i % 5000 == 4999)
			sync_all();
	}
	tell_border();
	assert_true(env.border.files[EVENT_SSL_INSPECTION] > LOGFILE_FIRST_NUMBER);
	env.place = (struct reader_place){.known = true, .epoch = env.border.epoch, .next = 29990};
	start_anew();
	tell_border();
	before = bytes_read();
	(void)drain();
	assert_numbers(0, 29990, 30000);
	assert_true(bytes_read() - before < 2 << 20);
	env.place.next = 12345;
	start_anew();
	tell_border();
	env.count = 0;
	(void)drain();
	assert_numbers(0, 12345, 30000);
}

/* A later number of another kind is on the disk already: the one before it has to come yet. */
static void nothing_is_jumped_over_that_is_not_on_the_disk(void **state)
{
	line_by_hand("system.json", EPOCH, 1);
	line_by_hand("system.json", EPOCH, 2);
	line_by_hand("system.json", EPOCH, 4);
	line_by_hand("audit.json", EPOCH, 5);
	border_by_hand(EPOCH, 3);
	(void)drain();
	assert_numbers(0, 1, 2);
	line_by_hand("ips_block.json", EPOCH, 3);
	border_by_hand(EPOCH, 5);
	reader_start(env.reader, &env.place); /* the file of a kind that was not there */
	(void)drain();
	assert_numbers(0, 1, 4);
	border_by_hand(EPOCH, 6);
	(void)drain();
	assert_numbers(0, 1, 5);
}

static void a_torn_line_is_left_out_alone(void **state)
{
	open_stream();
	add_many(10);
	sync_all();
	(void)drain();
	event_stream_close(env.stream);
	env.stream = NULL;
	by_hand("audit.json", "{\"epoch\":\"");
	reader_border(env.reader, &env.border);
	(void)drain();
	assert_int_equal(reader_left_out(env.reader), 0);
	open_stream(); /* ends the line */
	add_many(10);
	reader_untold(env.reader);
	reader_start(env.reader, &env.place);
	sync_all();
	(void)drain();
	assert_numbers(0, 1, 20);
}

static void a_line_that_is_too_long_is_left_out_alone(void **state)
{
	char *text = malloc(100001);

	assert_non_null(text);
	memset(text, 'x', 100000);
	text[100000] = '\0';
	line_by_hand("system.json", EPOCH, 1);
	by_hand("system.json",
	        "{\"epoch\":\"00000000000000aa\",\"seq\":2,\"device\":\"box\",\"x\":\"");
	by_hand("system.json", text);
	by_hand("system.json", "\"}\n");
	line_by_hand("system.json", EPOCH, 3);
	text[READER_LINE_MAX] = '\0';
	by_hand("system.json", text);
	by_hand("system.json", "}\nrubbish\n\n");
	line_by_hand("system.json", EPOCH, 4);
	free(text);
	border_by_hand(EPOCH, 5);
	(void)drain();
	assert_int_equal(env.count, 3);
	assert_int_equal(env.seqs[0], 1);
	assert_int_equal(env.seqs[1], 3);
	assert_int_equal(env.seqs[2], 4);
	assert_int_equal(reader_left_out(env.reader), 3);
}

static void an_epoch_that_is_over_is_sent_before_the_next(void **state)
{
	uint64_t old;

	open_stream();
	add_many(50);
	sync_all();
	env.lines_max = 9;
	old = env.border.epoch;
	event_stream_close(env.stream);
	env.stream = NULL;
	{
		char path[160];

		(void)snprintf(path, sizeof(path), "%s/spool/stream", env.dir);
		assert_int_equal(unlink(path), 0);
	}
	open_stream();
	add_many(30);
	reader_untold(env.reader);
	sync_all();
	assert_true(env.border.epoch != old);
	(void)drain();
	assert_int_equal(env.count, 80);
	for (size_t i = 0; i < 80; i++) {
		assert_int_equal(env.epochs[i], i < 50 ? old : env.border.epoch);
		assert_int_equal(env.seqs[i], i < 50 ? i + 1 : i - 49);
	}
	assert_int_equal(env.place.over_count, 1);
	start_anew();
	tell_border();
	(void)drain();
	assert_int_equal(env.count, 80); /* the old one is not sent again */
}

static void closed_files_are_read_from_the_oldest_on(void **state)
{
	line_by_hand("system.json.2", EPOCH, 1);
	line_by_hand("audit.json.1", EPOCH, 2);
	line_by_hand("system.json.1", EPOCH, 3);
	by_hand("system.json.1",
	        "{\"epoch\":\"00000000000000aa\",\"seq\":4"); /* torn, and closed */
	line_by_hand("system.json", EPOCH, 5);
	line_by_hand("audit.json", EPOCH, 6);
	border_by_hand(EPOCH, 7);
	(void)drain();
	assert_int_equal(env.count, 5);
	assert_int_equal(env.seqs[2], 3);
	assert_int_equal(env.seqs[3], 5);
	assert_int_equal(reader_left_out(env.reader), 1);
	start_anew();
	reader_border(env.reader, &env.border);
	(void)drain();
	assert_int_equal(env.count, 5);
}

static void a_file_that_was_cut_is_read_from_its_beginning(void **state)
{
	char path[160];

	for (uint64_t seq = 1; seq <= 20; seq++)
		line_by_hand("system.json", EPOCH, seq);
	border_by_hand(EPOCH, 21);
	(void)drain();
	(void)snprintf(path, sizeof(path), "%s/system.json", env.dir);
	assert_int_equal(truncate(path, 0), 0);
	line_by_hand("system.json", EPOCH, 21);
	border_by_hand(EPOCH, 22);
	(void)drain();
	assert_numbers(0, 1, 21);
}

static void the_device_is_who_the_sms_says(void **state)
{
	by_hand("system.json",
	        "{\"epoch\":\"00000000000000aa\",\"seq\":1,\"device\":\"an \\\"old\\\\ name\","
	        "\"device\":\"box\"}\n");
	reader_name(env.reader, "box 1");
	border_by_hand(EPOCH, 2);
	(void)drain();
	assert_string_equal(env.last,
	                    "{\"epoch\":\"00000000000000aa\",\"seq\":1,\"device\":\"box 1\","
	                    "\"device\":\"box\"}");
}

static void what_is_no_head_is_refused(void **state)
{
	static const char *const bad[] = {
	        "",
	        "{}",
	        "{\"epoch\":\"00000000000000AA\",\"seq\":1,\"device\":\"b\"}",
	        "{\"epoch\":\"00000000000000aa\",\"seq\":,\"device\":\"b\"}",
	        "{\"epoch\":\"00000000000000aa\",\"seq\":99999999999999999,\"device\":\"b\"}",
	        "{\"epoch\":\"00000000000000aa\",\"seq\":9007199254740992,\"device\":\"b\"}",
	        "{\"epoch\":\"00000000000000aa\",\"seq\":1,\"device\":7}",
	        "{\"epoch\":\"00000000000000aa\",\"seq\":1,\"device\":\"b\\\"}",
	        "{\"epoch\":\"00000000000000aa\",\"seq\":1,\"dev",
	        "{\"epoch\":\"00000000000000a",
	};
	struct line_head head;

	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		assert_false(line_head_read(bad[i], strlen(bad[i]), &head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	        T(kinds_become_one_stream),
	        T(files_rotate_while_they_are_read),
	        T(what_rotates_away_is_missing_alone),
	        T(it_goes_on_where_it_was),
	        T(a_place_in_large_files_is_found_by_few_reads),
	        T(nothing_is_jumped_over_that_is_not_on_the_disk),
	        T(a_torn_line_is_left_out_alone),
	        T(a_line_that_is_too_long_is_left_out_alone),
	        T(an_epoch_that_is_over_is_sent_before_the_next),
	        T(closed_files_are_read_from_the_oldest_on),
	        T(a_file_that_was_cut_is_read_from_its_beginning),
	        T(the_device_is_who_the_sms_says),
	        T(what_is_no_head_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
