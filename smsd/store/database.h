/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which database it is, for all connections to it: the store's and those of events. One that is a
 * server may go away and come back; that is said once each, however many connections saw it. Any
 * thread.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

struct conn_engine;
struct problem;

/* The fields are smsd/store's own. */
struct database {
	const struct conn_engine *engine;
	char *directory;
	char *connection; /* libpq's string or URI, perhaps with a password; NULL: SQLite */
	pthread_mutex_t mutex;
	/* Under the mutex: */
	bool away;
	uint64_t next_ns; /* while it is away: when it may be asked for again */
};

enum { DATABASE_AGAIN_MS = 1000 };

/* Opens nothing yet. `connection` NULL: SQLite, in `directory`. SL_ENOMEM. */
int database_create(const char *directory, const char *connection, struct database **ret_database)
        SL_NONNULL(1, 3) SL_MUST;
/* After its last connection. */
void database_destroy(struct database *database);

/* Whether a connection may be tried now: while it is away one a second, by whoever comes first. */
bool database_may_try(struct database *database) SL_NONNULL(1);
/* What came of it; `why` is in the log, once, and holds no secret. */
void database_is_away(struct database *database, const char *why) SL_NONNULL(1, 2);
void database_is_there(struct database *database) SL_NONNULL(1);
