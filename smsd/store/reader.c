/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that read. The one given back last is taken first: its cache is warm. */
#include "smsd/store/reader.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/store/conn.h"

struct readers {
	pthread_mutex_t mutex;
	pthread_cond_t given;
	struct conn *free[STORE_READERS_MAX]; /* under the mutex, as `count` */
	unsigned count;
};

int readers_create(struct database *database, unsigned count, const struct store_schema *schema,
                   struct readers **ret_readers, struct problem *problem)
{
	struct readers *readers = calloc(1, sizeof(*readers));
	int code = 0;

	if (!readers)
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	(void)pthread_mutex_init(&readers->mutex, NULL);
	(void)pthread_cond_init(&readers->given, NULL);
	while (readers->count < count && code == 0) {
		struct conn *conn;

		code = conn_open(database, CONN_READS, &conn, problem);
		if (code != 0)
			break;
		readers->free[readers->count++] = conn;
		code = conn_prepare(conn, schema, problem);
	}
	if (code == 0)
		*ret_readers = readers;
	else
		readers_destroy(readers);
	return code;
}

void readers_destroy(struct readers *readers)
{
	if (!readers)
		return;
	while (readers->count > 0)
		conn_close(readers->free[--readers->count]);
	(void)pthread_cond_destroy(&readers->given);
	(void)pthread_mutex_destroy(&readers->mutex);
	free(readers);
}

struct conn *readers_take(struct readers *readers)
{
	struct conn *conn;

	(void)pthread_mutex_lock(&readers->mutex);
	while (readers->count == 0)
		(void)pthread_cond_wait(&readers->given, &readers->mutex);
	conn = readers->free[--readers->count];
	(void)pthread_mutex_unlock(&readers->mutex);
	return conn;
}

void readers_give(struct readers *readers, struct conn *conn)
{
	(void)pthread_mutex_lock(&readers->mutex);
	readers->free[readers->count++] = conn;
	(void)pthread_cond_signal(&readers->given);
	(void)pthread_mutex_unlock(&readers->mutex);
}
