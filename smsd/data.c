/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/data.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"

static int fail(struct problem *problem, const char *path)
{
	return problem_add(problem, SL_ESYS, "", "", "%s: %s", path, strerror(errno));
}

/* The store's lock is no data: it is there after a first start whose database was away, too. */
static bool is_data(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, "lock") != 0;
}

static int is_empty(const char *directory, bool *ret_empty)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;

	if (!dir)
		return SL_ESYS;
	*ret_empty = true;
	while ((entry = readdir(dir)) != NULL)
		if (is_data(entry->d_name))
			*ret_empty = false;
	(void)closedir(dir);
	return 0;
}

static int check_owner(const char *directory, uid_t uid, struct problem *problem)
{
	struct stat st;
	char remedy[PROBLEM_REMEDY_MAX];

	if (lstat(directory, &st) != 0)
		return fail(problem, directory);
	if (!S_ISDIR(st.st_mode))
		return problem_add(problem, SL_EINVAL, "", "name a directory", "%s is no directory",
		                   directory);
	if (st.st_uid != uid) {
		(void)snprintf(remedy, sizeof(remedy), "chown -R %u %s", (unsigned)uid, directory);
		return problem_add(problem, SL_EPERM, "", remedy, "%s belongs to another user",
		                   directory);
	}
	if (st.st_mode & 077) {
		(void)snprintf(remedy, sizeof(remedy), "chmod 700 %s", directory);
		return problem_add(problem, SL_EPERM, "", remedy, "%s is open to others",
		                   directory);
	}
	return 0;
}

int data_prepare(const char *directory, uid_t uid, gid_t gid, bool *ret_first,
                 struct problem *problem)
{
	int rc;

	if (mkdir(directory, 0700) == 0) {
		if (geteuid() == 0 && chown(directory, uid, gid) != 0)
			return fail(problem, directory);
	} else if (errno != EEXIST) {
		return fail(problem, directory);
	}
	rc = check_owner(directory, uid, problem);
	if (rc != 0)
		return rc;
	return is_empty(directory, ret_first) == 0 ? 0 : fail(problem, directory);
}

void data_password_path(const char *directory, char ret_path[PATH_MAX])
{
	(void)snprintf(ret_path, PATH_MAX, "%s/initial-password", directory);
}

int data_write_password(const char *directory, const char *password, struct problem *problem)
{
	char path[PATH_MAX];
	size_t len = strlen(password);
	int fd;
	bool ok;

	data_password_path(directory, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(problem, path);
	ok = write(fd, password, len) == (ssize_t)len && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
	if (close(fd) != 0 || !ok)
		return fail(problem, path);
	return 0;
}
