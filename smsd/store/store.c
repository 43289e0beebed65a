/* SPDX-License-Identifier: Apache-2.0 */
/* The store as a whole: its directory, the lock on it, the writer and the readers. */
#include "smsd/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "smsd/base/problem.h"
#include "smsd/store/conn.h"
#include "smsd/store/database.h"
#include "smsd/store/reader.h"
#include "smsd/store/schema.h"
#include "smsd/store/writer.h"

enum { STORE_MAGIC = 0x53544f52 };

struct store {
	uint32_t magic;
	int lock; /* descriptor; the kernel gives it up with the process */
	struct database *database;
	struct writer *writer;
	struct readers *readers;
};

/* "DIRECTORY: strerror" */
static int system_problem(struct problem *problem, const char *path)
{
	return problem_add(problem, errno == ENOSPC || errno == EDQUOT ? SL_EFULL : SL_ESYS, "", "",
	                   "%s: %s", path, strerror(errno));
}

/* Two of us would not lose anything, but each would wait for the other's writes and know nothing of
 * its sessions. */
static int lock_directory(struct store *store, struct problem *problem)
{
	char *path;

	if (asprintf(&path, "%s/lock", store->database->directory) < 0)
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(path);
	if (store->lock < 0)
		return system_problem(problem, store->database->directory);
	if (flock(store->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return system_problem(problem, store->database->directory);
	return problem_add(problem, SL_EBUSY, "", "stop the other one, or name another directory",
	                   "another smsd uses %s", store->database->directory);
}

/* The connection that writes: made, brought forward, everything prepared. */
static int open_writer(struct store *store, const struct store_schema *schema,
                       struct problem *problem)
{
	struct conn *conn;
	int code = conn_open(store->database, CONN_WRITES, &conn, problem);

	if (code != 0)
		return code;
	code = conn_migrate(conn, schema, problem);
	if (code == 0)
		code = conn_prepare(conn, schema, problem);
	if (code != 0) {
		conn_close(conn);
		return code;
	}
	code = writer_create(conn, &store->writer);
	return code == 0 ? 0 : problem_add(problem, code, "", "", "%s", err_text(code));
}

int store_open_schema(const char *directory, const char *connection, unsigned readers,
                      const struct store_schema *schema, struct store **ret_store,
                      struct problem *problem)
{
	struct store *store = calloc(1, sizeof(*store));
	int code;

	if (!store || database_create(directory, connection, &store->database) != 0) {
		free(store);
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	}
	MAGIC_SET(store, STORE_MAGIC);
	store->lock = -1;
	code = lock_directory(store, problem);
	if (code == 0)
		code = open_writer(store, schema, problem);
	if (code == 0)
		code = readers_create(store->database,
		                      SL_MAX(1, SL_MIN(readers, STORE_READERS_MAX)), schema,
		                      &store->readers, problem);
	if (code == 0)
		*ret_store = store;
	else
		store_close(store);
	return code;
}

int store_open(const char *directory, const char *connection, unsigned readers,
               struct store **ret_store, struct problem *problem)
{
	return store_open_schema(directory, connection, readers, &store_schema, ret_store, problem);
}

/* The writer last: the last connection that closes takes the log into the database. */
void store_close(struct store *store)
{
	if (!store)
		return;
	MAGIC_CHECK(store, STORE_MAGIC);
	readers_destroy(store->readers);
	writer_destroy(store->writer);
	if (store->lock >= 0)
		(void)close(store->lock);
	MAGIC_CLEAR(store);
	database_destroy(store->database);
	free(store);
}

struct database *store_database(struct store *store)
{
	MAGIC_CHECK(store, STORE_MAGIC);
	return store->database;
}

int store_read(struct store *store, enum store_statement statement,
               const struct store_value *values, size_t count, store_row_fn *fn, void *arg)
{
	struct conn *conn;
	int code;

	MAGIC_CHECK(store, STORE_MAGIC);
	conn = readers_take(store->readers);
	code = conn_run(conn, statement, values, count, fn, arg);
	readers_give(store->readers, conn);
	return code;
}

int store_write(struct store *store, store_tx_fn *fn, void *arg)
{
	MAGIC_CHECK(store, STORE_MAGIC);
	return writer_write(store->writer, fn, arg);
}

/* The name of a new file is on the disk when its directory is. */
static int sync_directory_of(const char *path, struct problem *problem)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int code = 0, fd = -1;

	if (!directory)
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		code = system_problem(problem, directory);
	if (fd >= 0)
		(void)close(fd);
	free(directory);
	return code;
}

/* A file of its owner's alone, by us: never over one that is there. */
static int make_new_file(const char *path, struct problem *problem)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return problem_add(problem, SL_EEXIST, "", "name a file that is not there",
		                   "%s is there already", path);
	if (fd < 0)
		return system_problem(problem, path);
	(void)close(fd);
	return 0;
}

static int copy_to(struct database *database, const char *path, struct problem *problem)
{
	struct conn *conn;
	int code = make_new_file(path, problem);

	if (code != 0)
		return code;
	/* Of its own: a long copy takes no place of those who read. */
	code = conn_open(database, CONN_READS, &conn, problem);
	if (code == 0) {
		code = conn_copy(conn, path, problem);
		conn_close(conn);
	}
	if (code == 0)
		code = sync_directory_of(path, problem);
	if (code != 0)
		(void)unlink(path);
	return code;
}

int store_backup(struct store *store, const char *path, struct problem *problem)
{
	MAGIC_CHECK(store, STORE_MAGIC);
	return copy_to(store->database, path, problem);
}

int store_backup_beside(const char *directory, const char *path, struct problem *problem)
{
	struct database *database;
	int code = database_create(directory, NULL, &database);

	if (code != 0)
		return problem_add(problem, code, "", "", "%s", err_text(code));
	code = copy_to(database, path, problem);
	database_destroy(database);
	return code;
}
