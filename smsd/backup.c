/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms.db goes first: what it says is stored of events is then in the days that follow. It gets its
 * name last: without that name what is there is no copy, also after a death in the middle.
 */
#include "smsd/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "smsd/base/problem.h"
#include "smsd/store/database.h"
#include "smsd/store/event_day.h"
#include "smsd/store/store.h"

struct copying {
	struct event_days *days;
	const char *to;
	struct problem *problem;
	unsigned count;
};

/* Room for a name behind a directory's. */
enum { NAME_ROOM = 64 };

/* ---- copying ----------------------------------------------------------------------------- */

/* A day that goes meanwhile has had its time. */
static int copy_day(void *arg, int64_t day)
{
	struct copying *c = arg;
	char name[EVENT_DAY_NAME_MAX], path[PATH_MAX];
	int rc;

	event_day_name(day, name);
	(void)snprintf(path, sizeof(path), "%s/%s.db", c->to, name);
	rc = event_day_copy(c->days, day, path, c->problem);
	c->count += rc == 0;
	return rc == SL_ENOENT ? 0 : rc;
}

static int sync_directory(const char *path, struct problem *problem)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd >= 0 && fsync(fd) == 0 ? 0 : SL_ESYS;

	if (rc != 0)
		(void)problem_add(problem, rc, "", "", "%s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

/* `from` and `to` are directories of days; `to` is made. */
static int copy_days(struct database *database, const char *from, const char *to,
                     unsigned *ret_count, struct problem *problem)
{
	struct event_days *there = NULL;
	struct copying copying = {.to = to, .problem = problem};
	int rc = event_days_open(database, to, &there, problem);

	event_days_close(there);
	if (rc == 0)
		rc = event_days_open(database, from, &copying.days, problem);
	if (rc == 0)
		rc = event_day_list(copying.days, copy_day, &copying);
	if (rc == 0)
		rc = sync_directory(to, problem);
	event_days_close(copying.days);
	*ret_count = copying.count;
	return rc;
}

static int copy_all(const char *data, const char *to, unsigned *ret_count, struct problem *problem)
{
	char part[PATH_MAX], whole[PATH_MAX], from_days[PATH_MAX], to_days[PATH_MAX];
	struct database *database = NULL;
	int rc;

	(void)snprintf(part, sizeof(part), "%s/sms.db.part", to);
	(void)snprintf(whole, sizeof(whole), "%s/sms.db", to);
	(void)snprintf(from_days, sizeof(from_days), "%s/events", data);
	(void)snprintf(to_days, sizeof(to_days), "%s/events", to);
	rc = store_backup_beside(data, part, problem);
	if (rc == 0 && database_create(data, NULL, &database) != 0)
		rc = problem_add(problem, SL_ENOMEM, "", "", "%s", err_text(SL_ENOMEM));
	if (rc == 0)
		rc = copy_days(database, from_days, to_days, ret_count, problem);
	database_destroy(database);
	if (rc == 0 && rename(part, whole) != 0)
		rc = problem_add(problem, SL_ESYS, "", "", "%s: %s", whole, strerror(errno));
	return rc == 0 ? sync_directory(to, problem) : rc;
}

/* ---- the whole --------------------------------------------------------------------------- */

/* The files in it; all are ours, since it was empty. */
static void empty(const char *directory)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_type != DT_DIR)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
}

static void remove_copy(const char *to)
{
	char days[PATH_MAX];

	(void)snprintf(days, sizeof(days), "%s/events", to);
	empty(days);
	(void)rmdir(days);
	empty(to);
}

static int check_source(const char *data, struct problem *problem)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/sms.db", data);
	if (access(path, R_OK) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return problem_add(problem, SL_ENOENT, "",
		                   "name the data directory of an smsd that keeps its data in "
		                   "SQLite; of PostgreSQL pg_dump makes the copy",
		                   "%s has no sms.db", data);
	return problem_add(problem, SL_ESYS, "", "", "%s: %s", path, strerror(errno));
}

int backup_make(const char *data, const char *to, struct problem *problem)
{
	unsigned count = 0;
	int rc;

	if (strlen(data) > PATH_MAX - NAME_ROOM || strlen(to) > PATH_MAX - NAME_ROOM)
		return problem_add(problem, SL_EINVAL, "", "", "a name is too long");
	rc = check_source(data, problem);
	if (rc == 0)
		rc = copy_all(data, to, &count, problem);
	if (rc != 0) {
		remove_copy(to);
		return rc;
	}
	log_info("%s has sms.db and %u %s of events", to, count, count == 1 ? "day" : "days");
	log_info("the key of the vault (DIR/vault.key, or what --key-file or --passphrase-file "
	         "names) is not in it, so that whoever gets it has no private key: keep the key "
	         "elsewhere, nothing opens without it");
	log_info("DIR/server.crt and server.key are not in it either: keep them with the key, or "
	         "a certificate is made anew at the next start");
	return 0;
}
