/* SPDX-License-Identifier: Apache-2.0 */
/* What SQLite says, as a code of ours. */
#include "smsd/store/sqlite_priv.h"

#include <errno.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/problem.h"

/* errno of the last failure at the database's file, or at its log. */
static int file_errno(sqlite3 *db, int which)
{
	sqlite3_file *file = NULL;
	int error = 0;

	if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK || !file || !file->pMethods)
		return 0;
	if (file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) != SQLITE_OK)
		return 0;
	return error;
}

/* SQLite calls ENOSPC "full"; a quota and a limit of the process's are the same to us. */
static bool means_no_room(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static bool no_room(sqlite3 *db, int rc)
{
	if (rc == SQLITE_FULL)
		return true;
	if ((rc & 0xff) != SQLITE_IOERR && (rc & 0xff) != SQLITE_CANTOPEN)
		return false;
	return means_no_room(sqlite3_system_errno(db)) ||
	       means_no_room(file_errno(db, SQLITE_FCNTL_FILE_POINTER)) ||
	       means_no_room(file_errno(db, SQLITE_FCNTL_JOURNAL_POINTER));
}

static int constraint(int rc)
{
	switch (rc) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return SL_EEXIST;
	default:
		return SL_EINVAL;
	}
}

static int code_of(sqlite3 *db, int rc)
{
	if (no_room(db, rc))
		return SL_EFULL;
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CONSTRAINT:
		return constraint(rc);
	case SQLITE_NOMEM:
		return SL_ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return SL_EAGAIN;
	case SQLITE_TOOBIG:
		return SL_ERANGE;
	case SQLITE_ERROR:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return SL_EINVAL;
	default:
		return SL_EIO;
	}
}

int sqlite_code(sqlite3 *db, int rc, const char *what)
{
	int code = code_of(db, rc);

	/* The writer tells of a full disk, once. */
	if (code != 0 && code != SL_EEXIST && code != SL_EFULL)
		log_error("store: %s: %s (%d)", what, sqlite3_errmsg(db), rc);
	return code;
}

/* At the start a file that cannot be made sense of is told from a disk that fails. */
int sqlite_problem(sqlite3 *db, int rc, const char *what, struct problem *problem)
{
	int code = code_of(db, rc);

	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return problem_add(problem, SL_EMALFORMED, "", "restore it from a backup",
		                   "%s: the database " SQLITE_FILE
		                   " is damaged, or no database: %s",
		                   what, sqlite3_errmsg(db));
	default:
		return problem_add(problem, code == SL_EIO ? SL_ESYS : code, "",
		                   code == SL_EFULL ? "make room on the disk" : "",
		                   "%s: the database " SQLITE_FILE ": %s", what,
		                   sqlite3_errmsg(db));
	}
}
