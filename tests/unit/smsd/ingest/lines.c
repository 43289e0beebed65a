/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/ingest/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"

enum { KEPT = 65536 };

static char *kept[KEPT];
static size_t kept_count;

static char *keep(char *text)
{
	assert_non_null(text);
	assert_in_range(kept_count, 0, KEPT - 1);
	kept[kept_count++] = text;
	return text;
}

void lines_forget(void)
{
	while (kept_count > 0)
		free(kept[--kept_count]);
}

static void add(struct buf *out, const char *key, const char *value)
{
	if (value)
		assert_int_equal(buf_printf(out, ",\"%s\":\"%s\"", key, value), 0);
}

const char *line_of(const struct shape *s)
{
	static _Thread_local char made[4][4096];
	static _Thread_local unsigned next;
	char *text = made[next++ % 4], time[CLOCK_TEXT_MAX];
	struct buf b;

	buf_init(&b, 4095);
	assert_int_equal(buf_printf(&b, "{\"epoch\":\"%s\",\"seq\":%" PRIu64 ",\"device\":\"%s\"",
	                            s->epoch ? s->epoch : EPOCH, s->seq,
	                            s->device ? s->device : "box"),
	                 0);
	add(&b, "timestamp", clock_format_us((uint64_t)s->time_ms * 1000, time));
	add(&b, "event_type", s->kind ? s->kind : "ssl_inspection");
	add(&b, "src_ip", s->source);
	add(&b, "dest_ip", s->destination);
	add(&b, "profile", s->profile);
	add(&b, "policy", s->policy);
	add(&b, "outcome", s->outcome);
	add(&b, "reason", s->reason);
	add(&b, "message", s->message);
	if (s->sni)
		assert_int_equal(buf_printf(&b, ",\"tls\":{\"sni\":\"%s\",\"ja3\":{}}", s->sni), 0);
	assert_int_equal(buf_add(&b, "}", 1), 0);
	(void)snprintf(text, 4096, "%s", buf_text(&b));
	buf_fini(&b);
	return text;
}

struct event_record record_of(const struct shape *s)
{
	char *line = keep(strdup(line_of(s)));
	struct intake_line read;
	struct buf words;
	struct event_record record = {.time_ms = s->time_ms, .seq = s->seq, .line = line};

	assert_int_equal(intake_line_read(line, strlen(line), &read), 0);
	buf_init(&words, 4096);
	assert_int_equal(intake_line_words(&read, &words), 0);
	record.words = keep(strdup(buf_text(&words)));
	record.words_len = words.len;
	buf_fini(&words);
	record.device = s->device ? s->device : "box";
	record.epoch = read.epoch;
	record.len = strlen(line);
	return record;
}

int found_add(void *arg, const struct event_found *found)
{
	struct found *all = arg;
	struct intake_line line;
	size_t at = strlen(all->text);

	assert_int_equal(intake_line_read(found->line, found->len, &line), 0);
	(void)snprintf(all->text + at, sizeof(all->text) - at, "%s%" PRIu64, at ? "," : "",
	               line.seq);
	all->count++;
	return 0;
}

unsigned times_in(const char *list, unsigned number)
{
	unsigned times = 0;

	for (; *list; list += strspn(list, ",")) {
		char *end;

		times += strtoul(list, &end, 10) == number;
		list = end;
	}
	return times;
}

struct event_filter any_filter(void)
{
	return (struct event_filter){.from_ms = INT64_MIN, .to_ms = INT64_MAX};
}

void find_whole(struct event_store *store, const struct event_filter *filter, event_store_fn *fn,
                void *arg)
{
	char cursor[EVENT_CURSOR_MAX] = "", next[EVENT_CURSOR_MAX];

	do {
		assert_int_equal(event_store_find(store, filter, cursor, 1000, fn, arg, next), 0);
		memcpy(cursor, next, sizeof(cursor));
	} while (cursor[0]);
}
