/* SPDX-License-Identifier: Apache-2.0 */
/* What came last, in memory, for those who follow. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "smsd/ingest/event_store_priv.h"

enum { TAIL_KEPT_S = 60 };

void event_tail_init(struct event_tail *tail)
{
	(void)pthread_mutex_init(&tail->mutex, NULL);
	tail->next = tail->first = 1;
	/* Only to tell one start from another. */
	tail->run = clock_wall_us();
}

static void drop_first(struct event_tail *tail)
{
	struct event_tail_line *line = &tail->lines[tail->first++ % EVENT_TAIL_LINES];

	tail->bytes -= line->len;
	free(line->line);
	*line = (struct event_tail_line){0};
}

static void drop_all(struct event_tail *tail)
{
	while (tail->first < tail->next)
		drop_first(tail);
}

void event_tail_fini(struct event_tail *tail)
{
	drop_all(tail);
	(void)pthread_mutex_destroy(&tail->mutex);
}

static bool is_followed(const struct event_tail *tail)
{
	return tail->asked_ns && clock_now_ns() - tail->asked_ns < TAIL_KEPT_S * CLOCK_NS_PER_S;
}

/* Without memory the line is missed: its number is given, and nothing kept. */
static void keep_line(struct event_tail *tail, const struct event_record *record)
{
	char *copy = malloc(record->len);

	if (!copy) {
		tail->next++;
		drop_all(tail);
		return;
	}
	memcpy(copy, record->line, record->len);
	while (tail->next - tail->first == EVENT_TAIL_LINES ||
	       (tail->first < tail->next && tail->bytes + record->len > EVENT_TAIL_BYTES))
		drop_first(tail);
	tail->lines[tail->next++ % EVENT_TAIL_LINES] = (struct event_tail_line){copy, record->len};
	tail->bytes += record->len;
}

void event_tail_add(struct event_tail *tail, const struct event_record *record)
{
	(void)pthread_mutex_lock(&tail->mutex);
	if (is_followed(tail)) {
		keep_line(tail, record);
	} else {
		drop_all(tail);
		tail->first = ++tail->next;
	}
	(void)pthread_mutex_unlock(&tail->mutex);
}

void event_tail_tell(struct event_tail *tail)
{
	(void)pthread_mutex_lock(&tail->mutex);
	if (tail->came)
		tail->came(tail->came_arg);
	(void)pthread_mutex_unlock(&tail->mutex);
}

void event_store_on_came(struct event_store *store, event_came_fn *fn, void *arg)
{
	(void)pthread_mutex_lock(&store->tail.mutex);
	store->tail.came = fn;
	store->tail.came_arg = arg;
	(void)pthread_mutex_unlock(&store->tail.mutex);
}

/* "RUN.NUMBER": the number of the line to begin with. What is of another start begins now. */
static int begin_at(struct event_tail *tail, const char *cursor, uint64_t *ret_from)
{
	int64_t run, number;

	*ret_from = tail->next;
	if (cursor[0] == '\0')
		return 0;
	if (event_cursor_read(cursor, &run, &number) != 0)
		return SL_EINVAL;
	if ((uint64_t)run == tail->run && (uint64_t)number <= tail->next)
		*ret_from = (uint64_t)number;
	return 0;
}

static int show_lines(struct event_tail *tail, const struct event_filter *filter, uint64_t *from,
                      unsigned limit, event_store_fn *fn, void *arg)
{
	struct intake_line line;
	int code = 0;

	for (; *from < tail->next && limit > 0 && code == 0; (*from)++) {
		const struct event_tail_line *l = &tail->lines[*from % EVENT_TAIL_LINES];
		struct event_found found = {.day = (int64_t)tail->run,
		                            .place = (int64_t)*from + 1,
		                            .line = l->line,
		                            .len = l->len};

		if (intake_line_read(l->line, l->len, &line) != 0 ||
		    !event_filter_takes(filter, &line))
			continue;
		code = fn(arg, &found);
		limit--;
	}
	return code;
}

int event_store_tail(struct event_store *store, const struct event_filter *filter,
                     const char *cursor, unsigned limit, event_store_fn *fn, void *arg,
                     char ret_next[EVENT_CURSOR_MAX], uint64_t *ret_missed)
{
	struct event_tail *tail = &store->tail;
	uint64_t from;
	int code;

	(void)pthread_mutex_lock(&tail->mutex);
	code = begin_at(tail, cursor, &from);
	if (code == 0) {
		tail->asked_ns = clock_now_ns();
		*ret_missed = from < tail->first ? tail->first - from : 0;
		from = SL_MAX(from, tail->first);
		code = show_lines(tail, filter, &from, limit, fn, arg);
		event_cursor_text((int64_t)tail->run, (int64_t)from, ret_next);
	}
	(void)pthread_mutex_unlock(&tail->mutex);
	return SL_MIN(code, 0);
}
