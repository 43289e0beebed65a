/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of the database while others use it: SQLite's online backup. */
#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/store/sqlite_priv.h"

/* In one step: the log lets the writer go on meanwhile, and what is read is one moment. */
static int copy_all(sqlite3 *to, sqlite3 *from)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int rc;

	if (!backup)
		return sqlite3_errcode(to);
	do
		rc = sqlite3_backup_step(backup, -1);
	while (rc == SQLITE_OK);
	(void)sqlite3_backup_finish(backup);
	return rc;
}

int sqlite_copy(sqlite3 *from, const char *path, struct problem *problem)
{
	sqlite3 *to = NULL;
	int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	int code;

	if (to)
		(void)sqlite3_extended_result_codes(to, 1);
	if (rc == SQLITE_OK)
		rc = sqlite_run_text(to, "PRAGMA synchronous = full");
	if (rc == SQLITE_OK)
		rc = copy_all(to, from);
	code = sqlite_problem(to, rc, "backup", problem);
	(void)sqlite3_close(to);
	return code;
}

int sqlite_conn_copy(struct conn *conn, const char *path, struct problem *problem)
{
	return sqlite_copy(sqlite_conn_of(conn)->db, path, problem);
}
