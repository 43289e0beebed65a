/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/proc/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"

#define NETNS_DIR "/run/netns"

/*
 * Whether the root mount only receives from another namespace ("master:" in mountinfo): what
 * `ip netns exec` and service managers make of it. For where process 1 cannot be asked.
 */
static bool mounts_are_private(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[1024];
	bool slave = false;

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, " / / ") && strstr(line, " master:"))
			slave = true;
	if (f)
		(void)fclose(f);
	return slave;
}

static int enter_mounts_of_1(void)
{
	char cwd[PATH_MAX];
	int fd;
	int rc;

	if (!getcwd(cwd, sizeof(cwd)))
		return SL_ESYS;
	fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return SL_ESYS;
	rc = setns(fd, CLONE_NEWNS) == 0 && chdir(cwd) == 0 ? 0 : SL_ESYS;
	(void)close(fd);
	return rc;
}

int netns_join_host_mounts(void)
{
	struct stat own, host;

	if (stat("/proc/self/ns/mnt", &own) == 0 && stat("/proc/1/ns/mnt", &host) == 0) {
		if (own.st_ino == host.st_ino && own.st_dev == host.st_dev)
			return 0;
		return enter_mounts_of_1();
	}
	return mounts_are_private() ? SL_ESYS : 0;
}

/* In a child: a fresh namespace, bound to `path` so that it stays. */
static int make_in_child(const char *path)
{
	if (unshare(CLONE_NEWNET) != 0)
		return errno;
	return mount("/proc/self/ns/net", path, "none", MS_BIND, NULL) == 0 ? 0 : errno;
}

/* The folder must be a mount of its own, or namespaces that `ip netns` makes later hide ours. */
static int prepare_dir(void)
{
	if (mkdir(NETNS_DIR, 0755) != 0 && errno != EEXIST)
		return SL_ESYS;
	if (mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	if (errno != EINVAL)
		return SL_ESYS;
	if (mount(NETNS_DIR, NETNS_DIR, "none", MS_BIND | MS_REC, NULL) != 0 ||
	    mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) != 0)
		return SL_ESYS;
	return 0;
}

static int make(const char *path)
{
	int status;
	pid_t pid;
	int fd;

	if (prepare_dir() != 0)
		return SL_ESYS;
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0 && errno != EEXIST)
		return SL_ESYS;
	if (fd >= 0)
		(void)close(fd);
	pid = fork();
	if (pid < 0)
		return SL_ESYS;
	if (pid == 0)
		_exit(make_in_child(path));
	if (waitpid(pid, &status, 0) != pid)
		return SL_ESYS;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
		return SL_ESYS;
	}
	return 0;
}

/* An empty file stands there when a namespace was deleted or never bound. */
static bool is_namespace(int fd)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct stat a, b;
	bool same = own >= 0 && fstat(own, &a) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev;

	if (own >= 0)
		(void)close(own);
	return same;
}

int netns_open(const char *instance, int *ret_fd)
{
	char path[NETNS_PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), NETNS_DIR "/sluice-%s", instance) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return SL_ESYS;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && !is_namespace(fd)) {
		(void)close(fd);
		fd = -1;
	}
	if (fd < 0) {
		if (make(path) != 0)
			return SL_ESYS;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return SL_ESYS;
	}
	*ret_fd = fd;
	return 0;
}
