/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding, and what is kept. Who adds waits in a queue; the first of it commits for all that wait,
 * a day after the other, and the next of the queue goes on with what came meanwhile.
 */
#include "smsd/ingest/event_store.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/problem.h"
#include "smsd/ingest/event_store_priv.h"

/* Of one who adds; on his stack. */
struct batch {
	struct event_record *records;
	size_t count;
	int code;
	bool done; /* under the mutex */
	struct batch *next;
};

/* A record of a group, and whose it is. */
struct item {
	struct event_record *record;
	struct batch *batch;
};

/* ---- days that are written --------------------------------------------------------------- */

static struct writing *writing_of(struct event_store *store, int64_t number)
{
	struct writing *oldest = &store->writing[0];

	for (size_t i = 0; i < EVENT_STORE_WRITERS; i++) {
		struct writing *w = &store->writing[i];

		if (w->day && w->number == number)
			return w;
		if (oldest->day && (!w->day || w->used < oldest->used))
			oldest = w;
	}
	event_day_close(oldest->day);
	oldest->day = NULL;
	return oldest;
}

static int open_writing(struct event_store *store, int64_t number, struct event_day **ret_day)
{
	struct writing *w = writing_of(store, number);
	char name[EVENT_DAY_NAME_MAX];
	int code = 0;

	if (!w->day) {
		code = event_day_open(store->days, number, EVENT_DAY_WRITES, &w->day);
		if (code != 0)
			w->day = NULL;
	}
	event_day_name(number, name);
	if (code == SL_EMALFORMED)
		log_error("events: the file of %s is damaged, or none of ours: move it away, and "
		          "what devices still have is stored anew",
		          name);
	if (code != 0)
		return code;
	w->number = number;
	w->used = ++store->uses;
	*ret_day = w->day;
	return 0;
}

static void close_writing(struct event_store *store, int64_t number)
{
	for (size_t i = 0; i < EVENT_STORE_WRITERS; i++) {
		struct writing *w = &store->writing[i];

		if (w->day && w->number == number) {
			event_day_close(w->day);
			w->day = NULL;
		}
	}
}

/* ---- committing -------------------------------------------------------------------------- */

/* Records of one day, in one transaction. */
static int commit_day(struct event_store *store, int64_t number, struct item *items, size_t count)
{
	struct event_day *day = NULL;
	int code = open_writing(store, number, &day);

	if (code == 0)
		code = event_day_begin(day);
	if (code != 0)
		return code;
	for (size_t i = 0; i < count && code == 0; i++)
		code = event_day_add(day, items[i].record);
	if (code == 0)
		return event_day_commit(day);
	event_day_rollback(day);
	return code;
}

/* By time; of one device's of the same millisecond by number. */
static int compare(const void *a, const void *b)
{
	const struct event_record *x = ((const struct item *)a)->record;
	const struct event_record *y = ((const struct item *)b)->record;

	if (x->time_ms != y->time_ms)
		return x->time_ms < y->time_ms ? -1 : 1;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return 0;
}

/* A day that could not be written fails all that have something of it; the others' is there. */
static void fail_day(struct item *items, size_t count, int code)
{
	for (size_t i = 0; i < count; i++) {
		items[i].record->added = false;
		items[i].batch->code = code;
	}
}

static void commit_items(struct event_store *store, struct item *items, size_t count)
{
	size_t from = 0;

	qsort(items, count, sizeof(*items), compare);
	while (from < count) {
		int64_t day = event_day_of(items[from].record->time_ms);
		size_t to = from;
		int code;

		while (to < count && event_day_of(items[to].record->time_ms) == day)
			to++;
		code = commit_day(store, day, items + from, to - from);
		if (code != 0)
			fail_day(items + from, to - from, code);
		from = to;
	}
}

/* One line when it begins and one when it ends, however many are refused. */
static void tell_full(struct event_store *store, const struct batch *group)
{
	bool full = false;

	for (; group; group = group->next)
		full |= group->code == SL_EFULL;
	if (full && !store->full)
		log_error("events: the disk is full: devices keep theirs until there is room");
	else if (!full && store->full)
		log_warning("events: there is room on the disk again");
	store->full = full;
}

static void commit_group(struct event_store *store, struct batch *group)
{
	struct item *items;
	size_t count = 0, n = 0;

	for (struct batch *b = group; b; b = b->next)
		count += b->count;
	items = calloc(count ? count : 1, sizeof(*items));
	for (struct batch *b = group; b; b = b->next) {
		if (!items)
			b->code = SL_ENOMEM;
		for (size_t i = 0; items && i < b->count; i++)
			items[n++] = (struct item){&b->records[i], b};
	}
	if (items) {
		commit_items(store, items, n);
		for (size_t i = 0; i < n; i++)
			if (items[i].record->added)
				event_tail_add(&store->tail, items[i].record);
		event_tail_tell(&store->tail);
	}
	tell_full(store, group);
	free(items);
}

static struct batch *take_waiting(struct event_store *store)
{
	struct batch *group = store->waiting;

	store->waiting = NULL;
	store->last = &store->waiting;
	return group;
}

/* A caller is gone as soon as it sees `done`, and its batch with it. */
static void tell_done(struct event_store *store, struct batch *group)
{
	while (group) {
		struct batch *next = group->next;

		group->done = true;
		group = next;
	}
	store->committing = false;
	(void)pthread_cond_broadcast(&store->changed);
}

/* With the mutex: nobody else commits from here on. */
static void begin_committing(struct event_store *store)
{
	while (store->committing)
		(void)pthread_cond_wait(&store->changed, &store->mutex);
	store->committing = true;
}

int event_store_add(struct event_store *store, struct event_record *records, size_t count)
{
	struct batch batch = {.records = records, .count = count};

	for (size_t i = 0; i < count; i++)
		records[i].added = false;
	(void)pthread_mutex_lock(&store->mutex);
	*store->last = &batch;
	store->last = &batch.next;
	while (!batch.done) {
		struct batch *group;

		if (store->committing) {
			(void)pthread_cond_wait(&store->changed, &store->mutex);
			continue;
		}
		store->committing = true;
		group = take_waiting(store);
		(void)pthread_mutex_unlock(&store->mutex);
		commit_group(store, group);
		(void)pthread_mutex_lock(&store->mutex);
		tell_done(store, group);
	}
	(void)pthread_mutex_unlock(&store->mutex);
	return batch.code;
}

/* ---- retention --------------------------------------------------------------------------- */

struct days {
	struct day_size {
		int64_t number, bytes;
	} * items;
	size_t count;
	struct event_days *all;
};

static int keep_day(void *arg, int64_t number)
{
	struct days *days = arg;
	struct day_size *items = reallocarray(days->items, days->count + 1, sizeof(*items));

	if (!items)
		return SL_ENOMEM;
	days->items = items;
	items[days->count++] = (struct day_size){number, event_day_size(days->all, number)};
	return 0;
}

static int earlier(const void *a, const void *b)
{
	int64_t x = ((const struct day_size *)a)->number, y = ((const struct day_size *)b)->number;

	return x < y ? -1 : x > y;
}

/* While nobody commits. */
static int drop_day(struct event_store *store, int64_t number)
{
	char name[EVENT_DAY_NAME_MAX];
	int code;

	(void)pthread_mutex_lock(&store->mutex);
	begin_committing(store);
	close_writing(store, number);
	code = event_day_drop(store->days, number);
	tell_done(store, NULL);
	(void)pthread_mutex_unlock(&store->mutex);
	event_day_name(number, name);
	if (code == 0)
		log_info("events: those of %s have had their time", name);
	return code;
}

int event_store_sweep(struct event_store *store, int64_t oldest_day, int64_t max_bytes,
                      unsigned *ret_dropped)
{
	struct days days = {.all = store->days};
	int code = event_day_list(store->days, keep_day, &days);
	unsigned dropped = 0;
	int64_t bytes = 0;

	for (size_t i = 0; i < days.count; i++)
		bytes += days.items[i].bytes;
	if (days.count > 0)
		qsort(days.items, days.count, sizeof(*days.items), earlier);
	/* The last one is today's. */
	for (size_t i = 0; i + 1 < days.count && code == 0; i++) {
		if (days.items[i].number >= oldest_day && (max_bytes == 0 || bytes <= max_bytes))
			break;
		bytes -= days.items[i].bytes;
		code = drop_day(store, days.items[i].number);
		dropped += code == 0;
	}
	free(days.items);
	*ret_dropped = dropped;
	return code;
}

int64_t event_store_day_size(struct event_store *store, int64_t day)
{
	return event_day_size(store->days, day);
}

/* ---- the whole --------------------------------------------------------------------------- */

int event_store_open(struct database *database, const char *directory,
                     struct event_store **ret_store, struct problem *problem)
{
	struct event_store *store = calloc(1, sizeof(*store));
	int code;

	if (!store)
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	store->budget_ns = EVENT_STORE_BUDGET_MS * CLOCK_NS_PER_MS;
	code = event_days_open(database, directory, &store->days, problem);
	if (code != 0) {
		free(store);
		return code;
	}
	(void)pthread_mutex_init(&store->mutex, NULL);
	(void)pthread_cond_init(&store->changed, NULL);
	store->last = &store->waiting;
	event_tail_init(&store->tail);
	*ret_store = store;
	return 0;
}

void event_store_close(struct event_store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < EVENT_STORE_WRITERS; i++)
		event_day_close(store->writing[i].day);
	event_days_close(store->days);
	event_tail_fini(&store->tail);
	(void)pthread_cond_destroy(&store->changed);
	(void)pthread_mutex_destroy(&store->mutex);
	free(store);
}
