/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/proc/common.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "tpsd/proc/netns.h"
#include "tpsd/proc/sandbox.h"
#include "tpsd/report/licensing.h"
#include "tpsd/session/learned.h"

enum {
	RING_SIZE = 4 * 1024 * 1024, /* some 4,000 events: a second of a worker at full load */
};

static int fail(int status, const char *what)
{
	log_critical("%s: %s", what, strerror(errno));
	return status;
}

/* `path` with its parents; the last one gets owner and mode. */
static int make_dir(char *path, uid_t uid, gid_t gid, mode_t mode)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return SL_ESYS;
		*slash = '/';
	}
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		return SL_ESYS;
	return chown(path, uid, gid) == 0 && chmod(path, mode) == 0 ? 0 : SL_ESYS;
}

static const struct proc_kind *kind_of(enum ipc_role role)
{
	for (size_t i = 0; i < processes_count; i++)
		if (processes[i].role == role)
			return &processes[i];
	return NULL;
}

static int make_dirs(const char *instance, struct common *c)
{
	uid_t uid;
	gid_t gid;

	sandbox_ids(kind_of(IPC_CONTROL), &uid, &gid);
	(void)snprintf(c->run_dir, sizeof(c->run_dir), "/run/sluice/%s", instance);
	(void)snprintf(c->state_dir, sizeof(c->state_dir), "/var/lib/sluice/%s", instance);
	(void)snprintf(c->log_dir, sizeof(c->log_dir), "/var/log/sluice/%s", instance);
	if (make_dir(c->run_dir, uid, gid, 0755) != 0)
		return fail(TPSD_FAILED, c->run_dir);
	if (make_dir(c->state_dir, uid, gid, 0750) != 0)
		return fail(TPSD_FAILED, c->state_dir);
	if (make_dir(c->log_dir, uid, gid, 0750) != 0)
		return fail(TPSD_FAILED, c->log_dir);
	return 0;
}

int common_make_log_dir(const char *path)
{
	char own[PATH_MAX];
	struct stat st;
	uid_t uid;
	gid_t gid;

	if (stat(path, &st) == 0)
		return 0;
	if (snprintf(own, sizeof(own), "%s", path) >= (int)sizeof(own)) {
		errno = ENAMETOOLONG;
		return SL_ESYS;
	}
	sandbox_ids(kind_of(IPC_CONTROL), &uid, &gid);
	return make_dir(own, uid, gid, 0750);
}

static int take_lock(struct common *c)
{
	char path[160];
	char pid[16];
	int len = snprintf(pid, sizeof(pid), "%d\n", getpid());

	(void)snprintf(path, sizeof(path), "%s/pid", c->run_dir);
	c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (c->lock_fd < 0)
		return fail(TPSD_FAILED, path);
	if (flock(c->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		log_critical("this instance runs already: %s is locked", path);
		return TPSD_RUNNING;
	}
	if (ftruncate(c->lock_fd, 0) != 0 || write(c->lock_fd, pid, (size_t)len) != len)
		return fail(TPSD_FAILED, path);
	return 0;
}

static int open_namespaces(const char *instance, struct common *c)
{
	c->origin_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (c->origin_fd < 0)
		return fail(TPSD_FAILED, "/proc/self/ns/net");
	if (netns_join_host_mounts() != 0)
		return fail(TPSD_PRIVILEGE,
		            "cannot enter the host's mount namespace, without which "
		            "the wire would be cut at the daemon's end");
	if (netns_open(instance, &c->netns_fd) != 0)
		return fail(TPSD_PRIVILEGE, "cannot make the private network namespace");
	return 0;
}

/* Kernels before 5.11 count maps against the memory lock limit; later ones do not mind. */
static int make_heartbeats(struct common *c)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	size_t size = PROC_SLOTS * sizeof(uint64_t);
	void *at;

	(void)setrlimit(RLIMIT_MEMLOCK, &all);
	c->heartbeat_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "sl_heartbeat", sizeof(uint32_t),
	                                 sizeof(uint64_t), PROC_SLOTS, &opts);
	if (c->heartbeat_fd < 0)
		return fail(TPSD_PRIVILEGE,
		            "the kernel makes no BPF map (root or CAP_BPF is needed)");
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, c->heartbeat_fd, 0);
	if (at == MAP_FAILED)
		return fail(TPSD_PRIVILEGE, "the kernel maps no BPF array");
	c->heartbeats = at;
	return 0;
}

static int make_shared(struct common *c)
{
	char path[160];
	int rc;

	(void)snprintf(path, sizeof(path), "%s/counters", c->run_dir);
	rc = counter_file_create(path, &c->counter_file);
	if (rc != 0) {
		log_critical("%s: %s", path, err_text(rc));
		return TPSD_FAILED;
	}
	c->learned = learned_create();
	if (!c->learned)
		return fail(TPSD_FAILED, "cannot make the table of what is learned");
	for (unsigned i = 0; i < c->nslots; i++) {
		c->rings[i] = ring_create(RING_SIZE);
		if (!c->rings[i])
			return fail(TPSD_FAILED, "cannot make the event rings");
	}
	return 0;
}

static void count_workers(struct common *c, unsigned wanted, bool authority)
{
	unsigned most = authority ? licensing_workers(c->state_dir) : 0;

	c->nworkers = most > 0 ? SL_MIN(most, wanted) : wanted;
	c->nslots = PROC_SLOT_WORKER + c->nworkers;
}

int common_make(const char *instance, unsigned nworkers, bool authority, struct common *c)
{
	int status;

	*c = (struct common){.lock_fd = -1, .netns_fd = -1, .origin_fd = -1, .heartbeat_fd = -1};
	if (geteuid() != 0) {
		log_critical("tpsd must be started as root; its processes give up what they do not "
		             "need");
		return TPSD_PRIVILEGE;
	}
	/* Mounts first: run_dir must be the host's. */
	status = open_namespaces(instance, c);
	if (status == 0)
		status = make_dirs(instance, c);
	if (status == 0)
		status = take_lock(c);
	if (status == 0)
		status = make_heartbeats(c);
	if (status != 0)
		return status;
	count_workers(c, nworkers, authority);
	return make_shared(c);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void common_release(struct common *c)
{
	for (unsigned i = 0; i < PROC_SLOTS; i++)
		ring_destroy(c->rings[i]);
	counter_file_close(c->counter_file);
	learned_destroy(c->learned);
	if (c->heartbeats)
		(void)munmap(c->heartbeats, PROC_SLOTS * sizeof(uint64_t));
	close_fd(&c->heartbeat_fd);
	close_fd(&c->netns_fd);
	close_fd(&c->origin_fd);
	close_fd(&c->lock_fd);
}
