/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that writes. While a group is on its way to the disk the next one gathers, so nobody
 * waits for company that does not come, and under load a commit carries many writes.
 */
#include "smsd/store/writer.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/thread.h"
#include "smsd/store/conn.h"

/* A write that waits; on its caller's stack. */
struct write {
	store_tx_fn *fn;
	void *arg;
	int code;
	bool done; /* under the mutex */
	struct write *next;
};

struct store_tx {
	struct conn *conn;
};

struct writer {
	struct conn *conn; /* the thread's, once it runs; as `full` */
	bool full;         /* the disk, when last written to */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake; /* the thread: something waits, or the end */
	pthread_cond_t done; /* callers: a group is through */
	/* Under the mutex: */
	struct write *first, **last;
	unsigned count;
	bool ending;
};

/* One write within a group that was begun. False: the group's transaction is gone. */
static bool run_write(struct conn *conn, struct write *w)
{
	struct store_tx tx = {conn};
	int code;

	w->code = conn_save(conn);
	if (w->code != 0)
		return false;
	w->code = w->fn(w->arg, &tx);
	if (!conn_in_group(conn))
		return false;
	code = w->code == 0 ? conn_keep(conn) : conn_undo(conn);
	if (code != 0)
		w->code = code;
	return code == 0;
}

/* All writes of a group in one transaction. SL_ECLOSED: nobody knows whether it is in the database;
 * another code: nothing of it is. */
static int commit_group(struct conn *conn, struct write *group)
{
	bool whole = true;
	int code;

	for (struct write *w = group; w && whole; w = w->next)
		whole = run_write(conn, w);
	code = whole ? conn_commit(conn) : SL_EIO;
	conn_rollback(conn);
	return code;
}

/* Never made again: it may be there. */
static void tell_unknown(struct write *group)
{
	log_error("store: the database went away during a commit: its writes are there or not, and "
	          "are not tried again");
	for (struct write *w = group; w; w = w->next)
		if (w->code == 0)
			w->code = SL_EIO;
}

/* A write by itself, so that it has no failure but its own. */
static void commit_alone(struct conn *conn, struct write *w)
{
	struct write alone = {.fn = w->fn, .arg = w->arg};
	int code = conn_begin(conn);

	if (code == 0)
		code = commit_group(conn, &alone);
	if (code == SL_ECLOSED)
		tell_unknown(&alone);
	w->code = alone.code != 0 ? alone.code : code;
}

/* One line when it begins and one when it ends, however many are refused. */
static void tell_full(struct writer *writer, bool full)
{
	if (full && !writer->full)
		log_error("store: the disk is full: writes are refused until there is room");
	else if (!full && writer->full)
		log_warning("store: there is room on the disk again");
	writer->full = full;
}

/* Whether each write has to be tried by itself. */
static bool commit_or_give_up(struct conn *conn, struct write *group)
{
	int code = commit_group(conn, group);

	if (code == SL_ECLOSED)
		tell_unknown(group);
	return code != 0 && code != SL_ECLOSED;
}

static void run_group(struct writer *writer, struct write *group)
{
	int code = 0;

	if (group->next) {
		code = conn_begin(writer->conn);
		if (code == 0 && !commit_or_give_up(writer->conn, group))
			return;
	}
	for (struct write *w = group; w; w = w->next) {
		if (code == 0)
			commit_alone(writer->conn, w);
		else
			w->code = code;
	}
}

static bool any_without_room(const struct write *group)
{
	while (group && group->code != SL_EFULL)
		group = group->next;
	return group;
}

/* Waits for writes and takes a group of them off; NULL at the end. */
static struct write *take_group(struct writer *writer)
{
	struct write *group, **end;

	while (!writer->first && !writer->ending)
		(void)pthread_cond_wait(&writer->wake, &writer->mutex);
	group = writer->first;
	end = &group;
	for (unsigned n = 0; n < STORE_GROUP_MAX && *end; n++) {
		end = &(*end)->next;
		writer->count--;
	}
	writer->first = *end;
	if (!writer->first)
		writer->last = &writer->first;
	*end = NULL;
	return group;
}

/* A caller is gone as soon as it sees `done`, and its write with it. */
static void tell_group(struct writer *writer, struct write *group)
{
	while (group) {
		struct write *next = group->next;

		group->done = true;
		group = next;
	}
	(void)pthread_cond_broadcast(&writer->done);
}

static void *run(void *arg)
{
	struct writer *writer = arg;
	struct write *group;

	(void)pthread_mutex_lock(&writer->mutex);
	while ((group = take_group(writer))) {
		(void)pthread_mutex_unlock(&writer->mutex);
		run_group(writer, group);
		tell_full(writer, any_without_room(group));
		(void)pthread_mutex_lock(&writer->mutex);
		tell_group(writer, group);
	}
	(void)pthread_mutex_unlock(&writer->mutex);
	return NULL;
}

static void free_writer(struct writer *writer)
{
	(void)pthread_cond_destroy(&writer->done);
	(void)pthread_cond_destroy(&writer->wake);
	(void)pthread_mutex_destroy(&writer->mutex);
	conn_close(writer->conn);
	free(writer);
}

int writer_create(struct conn *conn, struct writer **ret_writer)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	int code;

	if (!writer) {
		conn_close(conn);
		return SL_ENOMEM;
	}
	writer->conn = conn;
	writer->last = &writer->first;
	(void)pthread_mutex_init(&writer->mutex, NULL);
	(void)pthread_cond_init(&writer->wake, NULL);
	(void)pthread_cond_init(&writer->done, NULL);
	code = thread_begin(run, writer, &writer->thread);
	if (code == 0)
		*ret_writer = writer;
	else
		free_writer(writer);
	return code;
}

void writer_destroy(struct writer *writer)
{
	if (!writer)
		return;
	(void)pthread_mutex_lock(&writer->mutex);
	writer->ending = true;
	(void)pthread_cond_signal(&writer->wake);
	(void)pthread_mutex_unlock(&writer->mutex);
	(void)pthread_join(writer->thread, NULL);
	free_writer(writer);
}

int writer_write(struct writer *writer, store_tx_fn *fn, void *arg)
{
	struct write w = {.fn = fn, .arg = arg};

	assert(!pthread_equal(pthread_self(), writer->thread));
	(void)pthread_mutex_lock(&writer->mutex);
	if (writer->count == STORE_QUEUE_MAX) {
		(void)pthread_mutex_unlock(&writer->mutex);
		return SL_EAGAIN;
	}
	*writer->last = &w;
	writer->last = &w.next;
	writer->count++;
	(void)pthread_cond_signal(&writer->wake);
	while (!w.done)
		(void)pthread_cond_wait(&writer->done, &writer->mutex);
	(void)pthread_mutex_unlock(&writer->mutex);
	return w.code;
}

int store_tx_run(struct store_tx *tx, enum store_statement statement,
                 const struct store_value *values, size_t count, store_row_fn *fn, void *arg)
{
	return conn_run(tx->conn, statement, values, count, fn, arg);
}

int64_t store_tx_changed(const struct store_tx *tx)
{
	return conn_changed(tx->conn);
}
