/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A day of events as a file of SQLite: the lines in the order of their places, a narrow index by
 * who they are, and their words in FTS5 without the text itself (content='', detail=none), which
 * walks the places of a word from the latest on and intersects several.
 */
#include "smsd/store/sqlite_event.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/problem.h"
#include "smsd/store/sqlite_priv.h"

enum {
	DAY_APPLICATION = 0x534c5345, /* "SLSE" */
	DAY_VERSION = 1,
};

static const char *const suffixes[] = {"", "-wal", "-shm"};

/* To be freed; NULL: out of memory. */
static char *path_of(const char *directory, int64_t day, const char *suffix)
{
	char name[EVENT_DAY_NAME_MAX], *path;

	event_day_name(day, name);
	return asprintf(&path, "%s/%s.db%s", directory, name, suffix) < 0 ? NULL : path;
}

/* ---- files ------------------------------------------------------------------------------- */

/* "2026-01-31.db" and nothing else. */
static bool day_of_name(const char *name, int64_t *ret_day)
{
	char again[EVENT_DAY_NAME_MAX];
	struct tm tm = {0};
	const char *rest = strptime(name, "%Y-%m-%d", &tm);

	if (!rest || strcmp(rest, ".db") != 0)
		return false;
	*ret_day = (int64_t)timegm(&tm) / (EVENT_DAY_MS / 1000);
	event_day_name(*ret_day, again);
	return strncmp(again, name, strlen(again)) == 0;
}

static const char *directory_of(struct event_days *days)
{
	return ((struct sqlite_days *)days)->directory;
}

static int list(struct event_days *days, event_day_fn *fn, void *arg)
{
	DIR *dir = opendir(directory_of(days));
	struct dirent *entry;
	int64_t day;
	int code = 0;

	if (!dir)
		return SL_ESYS;
	while (code == 0 && (entry = readdir(dir)))
		if (day_of_name(entry->d_name, &day))
			code = fn(arg, day);
	(void)closedir(dir);
	return code;
}

static int64_t size_of(struct event_days *days, int64_t day)
{
	int64_t size = 0;
	struct stat st;

	for (size_t i = 0; i < SL_ARRAY_LEN(suffixes); i++) {
		char *path = path_of(directory_of(days), day, suffixes[i]);

		if (path && stat(path, &st) == 0)
			size += (int64_t)st.st_blocks * 512;
		free(path);
	}
	return size;
}

/* The database before its log: who finds the one without the other finds all that was in it. */
static int drop(struct event_days *days, int64_t day)
{
	int code = 0;

	for (size_t i = 0; i < SL_ARRAY_LEN(suffixes); i++) {
		char *path = path_of(directory_of(days), day, suffixes[i]);

		if (!path)
			code = SL_ENOMEM;
		else if (unlink(path) != 0 && errno != ENOENT)
			code = SL_ESYS;
		free(path);
	}
	return code;
}

/* ---- opening ----------------------------------------------------------------------------- */

static const char tables[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE stream (id INTEGER PRIMARY KEY, device TEXT NOT NULL,"
        " epoch INTEGER NOT NULL, UNIQUE (device, epoch));"
        "CREATE TABLE event (id INTEGER PRIMARY KEY, stream INTEGER NOT NULL,"
        " seq INTEGER NOT NULL, line TEXT NOT NULL);"
        "CREATE UNIQUE INDEX event_seq ON event (stream, seq);"
        "CREATE VIRTUAL TABLE word USING fts5(words, content='', detail=none, columnsize=0,"
        " tokenize=\"ascii tokenchars '_'\");"
        "PRAGMA application_id = 1397510981;"
        "PRAGMA user_version = 1;"
        "COMMIT";

/* secure_delete off: merges of the words free many pages, and events are no secret of a key's kind.
 * The log may grow before it is copied, since the same pages of words are written again and again.
 */
static int settle(sqlite3 *db, enum event_day_use use)
{
	int rc = sqlite_harden(db);

	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(db, SQLITE_BUSY_WAIT_MS);
	if (rc == SQLITE_OK)
		rc = sqlite_run_text(db, "PRAGMA cell_size_check = on;"
		                         "PRAGMA mmap_size = 0;"
		                         "PRAGMA temp_store = memory;"
		                         "PRAGMA secure_delete = off;"
		                         "PRAGMA synchronous = full");
	if (rc != SQLITE_OK)
		return rc;
	if (use == EVENT_DAY_READS)
		return sqlite_run_text(db, "PRAGMA query_only = on; PRAGMA cache_size = -4096");
	return sqlite_run_text(db, "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 8192");
}

static int run_code(sqlite3 *db, const char *text)
{
	return sqlite_code(db, sqlite_run_text(db, text), "a day of events");
}

static void undo(sqlite3 *db)
{
	if (!sqlite3_get_autocommit(db) && sqlite_run_text(db, "ROLLBACK") != SQLITE_OK)
		log_error("events: a transaction cannot be undone: %s", sqlite3_errmsg(db));
}

static int make_tables(struct sqlite_day *day)
{
	int code = sqlite_code(day->db, sqlite_use_log(day->db), "a day of events");

	if (code == 0)
		code = run_code(day->db, tables);
	if (code == 0)
		code = run_code(day->db,
		                "INSERT INTO word (word, rank) VALUES ('hashsize', 8388608);"
		                "INSERT INTO word (word, rank) VALUES ('automerge', 8)");
	if (code != 0)
		undo(day->db);
	return code;
}

/* Both at one moment: another thread may make the tables between two reads. */
static int read_marks(sqlite3 *db, int64_t *ret_application, int64_t *ret_version)
{
	int rc = sqlite_run_text(db, "BEGIN");

	if (rc == SQLITE_OK)
		rc = sqlite_number(db, "PRAGMA application_id", 0, ret_application);
	if (rc == SQLITE_OK)
		rc = sqlite_number(db, "PRAGMA user_version", 0, ret_version);
	undo(db);
	return rc;
}

/* Ours and whole, or still empty: then who writes makes it. */
static int look_at(struct sqlite_day *day, enum event_day_use use)
{
	int64_t application = 0, version = 0;
	int rc = read_marks(day->db, &application, &version);

	if ((rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_CORRUPT)
		return SL_EMALFORMED;
	if (rc != SQLITE_OK)
		return sqlite_code(day->db, rc, "a day of events");
	if (application == DAY_APPLICATION && version == DAY_VERSION)
		return 0;
	if (application != 0 || version != 0)
		return SL_EMALFORMED;
	return use == EVENT_DAY_WRITES ? make_tables(day) : SL_ENOENT;
}

static int prepare(struct sqlite_day *day, const char *text, sqlite3_stmt **ret)
{
	int rc = sqlite3_prepare_v3(day->db, text, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);

	return sqlite_code(day->db, rc, text);
}

static int prepare_all(struct sqlite_day *day)
{
	int code = prepare(day,
	                   "INSERT OR IGNORE INTO event (id, stream, seq, line)"
	                   " VALUES (?1, ?2, ?3, ?4)",
	                   &day->add);

	if (code == 0)
		code = prepare(day, "INSERT INTO word (rowid, words) VALUES (?1, ?2)",
		               &day->add_words);
	if (code == 0)
		code = prepare(day, "INSERT OR IGNORE INTO stream (device, epoch) VALUES (?1, ?2)",
		               &day->add_stream);
	if (code == 0)
		code = prepare(day, "SELECT id FROM stream WHERE device = ?1 AND epoch = ?2",
		               &day->find_stream);
	if (code == 0)
		code = prepare(day, "SELECT max(id) FROM event WHERE id < ?1", &day->last_before);
	return code;
}

/* The name of a new file is on the disk when its directory is. */
static int sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int code = fd >= 0 && fsync(fd) == 0 ? 0 : SL_ESYS;

	if (fd >= 0)
		(void)close(fd);
	return code;
}

static int make_file(const char *directory, const char *path)
{
	struct problem problem = {0};
	int code;

	if (access(path, F_OK) == 0)
		return 0;
	code = sqlite_make_file(path, &problem);
	problem_fini(&problem);
	return code == 0 ? sync_directory(directory) : code;
}

static int open_file(struct sqlite_day *day, const char *path, enum event_day_use use)
{
	int rc = sqlite3_open_v2(path, &day->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (day->db)
		(void)sqlite3_extended_result_codes(day->db, 1);
	if (rc == SQLITE_OK)
		rc = settle(day->db, use);
	if ((rc & 0xff) == SQLITE_CANTOPEN && use == EVENT_DAY_READS)
		return SL_ENOENT;
	if ((rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_CORRUPT)
		return SL_EMALFORMED;
	return rc == SQLITE_OK ? 0 : sqlite_code(day->db, rc, path);
}

static void close_day(struct event_day *base)
{
	struct sqlite_day *day = sqlite_day_of(base);

	(void)sqlite3_finalize(day->add);
	(void)sqlite3_finalize(day->add_words);
	(void)sqlite3_finalize(day->add_stream);
	(void)sqlite3_finalize(day->find_stream);
	(void)sqlite3_finalize(day->last_before);
	(void)sqlite3_close(day->db);
	free(day);
}

static int open_day(struct event_days *days, int64_t number, enum event_day_use use,
                    struct event_day **ret_day)
{
	struct sqlite_day *day = calloc(1, sizeof(*day));
	char *path = path_of(directory_of(days), number, "");
	int code = day && path ? 0 : SL_ENOMEM;

	if (code == 0 && use == EVENT_DAY_WRITES)
		code = make_file(directory_of(days), path);
	if (code == 0)
		code = open_file(day, path, use);
	if (code == 0)
		code = look_at(day, use);
	if (code == 0 && use == EVENT_DAY_WRITES)
		code = prepare_all(day);
	free(path);
	if (code == 0) {
		day->day.engine = &event_sqlite;
		*ret_day = &day->day;
	} else if (day) {
		close_day(&day->day);
	}
	return code;
}

static int copy(struct event_days *days, int64_t number, const char *path, struct problem *problem)
{
	struct event_day *day;
	int code = open_day(days, number, EVENT_DAY_READS, &day);

	if (code != 0)
		return code == SL_ENOENT
		               ? code
		               : problem_add(problem, code, "", "",
		                             "a day of events cannot be read: %s", err_text(code));
	code = sqlite_make_file(path, problem);
	if (code == 0)
		code = sqlite_copy(sqlite_day_of(day)->db, path, problem);
	close_day(day);
	return code;
}

/* ---- adding ------------------------------------------------------------------------------ */

static int begin(struct event_day *base)
{
	struct sqlite_day *day = sqlite_day_of(base);

	day->last_ms = -1;
	day->stream = 0;
	return run_code(day->db, "BEGIN IMMEDIATE");
}

static void rollback(struct event_day *base)
{
	struct sqlite_day *day = sqlite_day_of(base);

	day->stream = 0;
	undo(day->db);
}

static int commit(struct event_day *day)
{
	int code = run_code(sqlite_day_of(day)->db, "COMMIT");

	if (code != 0)
		rollback(day);
	return code;
}

/* A step of a statement that gives no rows. */
static int step_done(struct sqlite_day *day, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	(void)sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? 0 : sqlite_code(day->db, rc, "adding events");
}

/* The first column of its row; `otherwise` when that is null or there is none. */
static int step_number(struct sqlite_day *day, sqlite3_stmt *stmt, int64_t otherwise, int64_t *ret)
{
	int rc = sqlite3_step(stmt);

	*ret = rc == SQLITE_ROW && sqlite3_column_type(stmt, 0) == SQLITE_INTEGER
	               ? sqlite3_column_int64(stmt, 0)
	               : otherwise;
	(void)sqlite3_reset(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0
	                                             : sqlite_code(day->db, rc, "adding events");
}

static void bind_stream(sqlite3_stmt *stmt, const struct event_record *record)
{
	(void)sqlite3_bind_text(stmt, 1, record->device, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(stmt, 2, (int64_t)record->epoch);
}

/* The row of its device and epoch: that of the record before, mostly. */
static int stream_of(struct sqlite_day *day, const struct event_record *record)
{
	int code;

	if (day->stream && day->stream_epoch == record->epoch &&
	    strcmp(day->stream_device, record->device) == 0)
		return 0;
	bind_stream(day->add_stream, record);
	bind_stream(day->find_stream, record);
	code = step_done(day, day->add_stream);
	if (code == 0)
		code = step_number(day, day->find_stream, 0, &day->stream);
	if (code == 0 && day->stream == 0)
		code = SL_EIO;
	day->stream_epoch = record->epoch;
	(void)snprintf(day->stream_device, sizeof(day->stream_device), "%s", record->device);
	return code;
}

/* The first place of its millisecond that nobody has; of the next one when it has no more. */
static int free_place(struct sqlite_day *day, int64_t ms, int64_t *ret_place)
{
	int64_t place = day->last_place + 1, last;
	int code;

	if (ms == day->last_ms && place < event_day_place(ms + 1)) {
		*ret_place = place;
		return 0;
	}
	for (;; ms++) {
		(void)sqlite3_bind_int64(day->last_before, 1, event_day_place(ms + 1));
		code = step_number(day, day->last_before, -1, &last);
		if (code != 0)
			return code;
		place = SL_MAX(event_day_place(ms), last + 1);
		if (place < event_day_place(ms + 1))
			break;
	}
	*ret_place = place;
	return 0;
}

static int add_line(struct sqlite_day *day, struct event_record *record, int64_t place)
{
	int code;

	(void)sqlite3_bind_int64(day->add, 1, place);
	(void)sqlite3_bind_int64(day->add, 2, day->stream);
	(void)sqlite3_bind_int64(day->add, 3, (int64_t)record->seq);
	(void)sqlite3_bind_text64(day->add, 4, record->line, record->len, SQLITE_STATIC,
	                          SQLITE_UTF8);
	code = step_done(day, day->add);
	record->added = code == 0 && sqlite3_changes(day->db) > 0;
	return code;
}

static int add(struct event_day *base, struct event_record *record)
{
	struct sqlite_day *day = sqlite_day_of(base);
	int64_t ms = record->time_ms - event_day_of(record->time_ms) * EVENT_DAY_MS;
	int64_t place = 0;
	int code = stream_of(day, record);

	if (code == 0)
		code = free_place(day, ms, &place);
	if (code == 0)
		code = add_line(day, record, place);
	if (code != 0 || !record->added)
		return code;
	day->last_ms = place / EVENT_DAY_PLACES;
	day->last_place = place;
	(void)sqlite3_bind_int64(day->add_words, 1, place);
	(void)sqlite3_bind_text64(day->add_words, 2, record->words, record->words_len,
	                          SQLITE_STATIC, SQLITE_UTF8);
	return step_done(day, day->add_words);
}

/* ---- the whole --------------------------------------------------------------------------- */

static void close_days(struct event_days *days)
{
	free(((struct sqlite_days *)days)->directory);
	free(days);
}

static int open_days(struct database *database, const char *directory, struct event_days **ret_days,
                     struct problem *problem)
{
	struct sqlite_days *days;

	(void)database;
	if (mkdir(directory, 0700) != 0 && errno != EEXIST)
		return problem_add(problem, errno == ENOSPC ? SL_EFULL : SL_ESYS, "", "", "%s: %s",
		                   directory, strerror(errno));
	days = calloc(1, sizeof(*days));
	if (!days || !(days->directory = strdup(directory))) {
		free(days);
		return problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	}
	days->days.engine = &event_sqlite;
	*ret_days = &days->days;
	return 0;
}

const struct event_engine event_sqlite = {
        .open_days = open_days,
        .close_days = close_days,
        .list = list,
        .size = size_of,
        .drop = drop,
        .copy = copy,
        .open = open_day,
        .close = close_day,
        .begin = begin,
        .add = add,
        .commit = commit,
        .rollback = rollback,
        .find = sqlite_day_find,
        .read = sqlite_day_read,
};
