/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/store/database.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/store/conn.h"

int database_create(const char *directory, const char *connection, struct database **ret_database)
{
	struct database *database = calloc(1, sizeof(*database));

	if (!database)
		return SL_ENOMEM;
	(void)pthread_mutex_init(&database->mutex, NULL);
	database->engine = connection ? &conn_postgresql : &conn_sqlite;
	database->directory = strdup(directory);
	database->connection = connection ? strdup(connection) : NULL;
	if (!database->directory || (connection && !database->connection)) {
		database_destroy(database);
		return SL_ENOMEM;
	}
	*ret_database = database;
	return 0;
}

void database_destroy(struct database *database)
{
	if (!database)
		return;
	if (database->connection)
		OPENSSL_cleanse(database->connection, strlen(database->connection));
	free(database->connection);
	free(database->directory);
	(void)pthread_mutex_destroy(&database->mutex);
	free(database);
}

bool database_may_try(struct database *database)
{
	uint64_t now = clock_now_ns();
	bool may;

	(void)pthread_mutex_lock(&database->mutex);
	may = !database->away || now >= database->next_ns;
	if (may)
		database->next_ns = now + DATABASE_AGAIN_MS * CLOCK_NS_PER_MS;
	(void)pthread_mutex_unlock(&database->mutex);
	return may;
}

void database_is_away(struct database *database, const char *why)
{
	bool was;

	(void)pthread_mutex_lock(&database->mutex);
	was = database->away;
	database->away = true;
	database->next_ns = clock_now_ns() + DATABASE_AGAIN_MS * CLOCK_NS_PER_MS;
	(void)pthread_mutex_unlock(&database->mutex);
	if (!was)
		log_error("store: the database is away, requests are refused until it is back: %s",
		          why);
}

void database_is_there(struct database *database)
{
	bool was;

	(void)pthread_mutex_lock(&database->mutex);
	was = database->away;
	database->away = false;
	(void)pthread_mutex_unlock(&database->mutex);
	if (was)
		log_warning("store: the database is back");
}
