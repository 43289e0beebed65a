/* SPDX-License-Identifier: Apache-2.0 */
/* Loading, pinning and attaching of the eBPF programs; see program.h. `tpsd: wire`. */
#include "tpsd/port/program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bpf/abi.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
#include "bpf/wire.skel.h"
#pragma GCC diagnostic pop
#include "lib/base/err.h"
#include "lib/base/log.h"

enum { TC_HANDLE = 1, TC_PRIORITY = 1 };
#define BPFFS_MAGIC 0xcafe4a11u

static int SL_PRINTF(2, 0) print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[512];

	if (level == LIBBPF_DEBUG)
		return 0;
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	log_debug("%s", line);
	return 0;
}

static int make_directories(const char *path)
{
	char part[PATH_MAX];

	if (strlen(path) >= sizeof(part))
		return SL_ERANGE;
	(void)snprintf(part, sizeof(part), "%s", path);
	for (char *at = part + 1;; at++) {
		char c = *at;

		if (c != '/' && c != 0)
			continue;
		*at = 0;
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return SL_ESYS;
		if (c == 0)
			return 0;
		*at = c;
	}
}

static int prepare_pin_directory(const char *dir)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) < 0 || (uint32_t)fs.f_type != BPFFS_MAGIC) {
		if (syscall(SYS_mount, "bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700") < 0)
			return SL_ESYS;
	}
	return make_directories(dir);
}

static int pin_path(char *out, size_t size, const char *dir, const char *name)
{
	return snprintf(out, size, "%s/%s", dir, name) < (int)size ? 0 : SL_ERANGE;
}

/* Whether `dir` has maps of our ABI. */
static bool pins_fit(const char *dir)
{
	struct wire_global g;
	char path[PATH_MAX];
	uint32_t zero = 0;
	bool fit;
	int fd;

	if (pin_path(path, sizeof(path), dir, "global"))
		return false;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	fit = !bpf_map_lookup_elem(fd, &zero, &g) && g.abi == WIRE_ABI;
	(void)close(fd);
	return fit;
}

static void pins_remove(const char *dir)
{
	static const char *const names[] = {
#define X(name, pinned) pinned ? #name : NULL,
	        PROGRAM_MAPS(X)
#undef X
	};
	char path[PATH_MAX];

	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++)
		if (names[i] && !pin_path(path, sizeof(path), dir, names[i]))
			(void)unlink(path);
}

static int set_pins(struct wire_bpf *s, const char *dir)
{
	char path[PATH_MAX];

#define X(name, pinned)                                                                            \
	if (pinned && (pin_path(path, sizeof(path), dir, #name) ||                                 \
	               bpf_map__set_pin_path(s->maps.name, path)))                                 \
		return SL_ESYS;
	PROGRAM_MAPS(X)
#undef X
	return 0;
}

static int load_once(struct program *p, const char *dir, int heartbeat_fd)
{
	struct wire_bpf *s = wire_bpf__open();
	int error = SL_ESYS;

	if (!s)
		return SL_ESYS;
	if (*dir && set_pins(s, dir))
		goto fail;
	if (bpf_map__reuse_fd(s->maps.heartbeats, heartbeat_fd))
		goto fail;
	if (wire_bpf__load(s)) {
		error = SL_EKERNEL;
		goto fail;
	}
	p->skeleton = s;
#define X(name, pinned) p->map.name = bpf_map__fd(s->maps.name);
	PROGRAM_MAPS(X)
#undef X
	return 0;
fail:
	wire_bpf__destroy(s);
	return error;
}

int program_load(struct program *p, const char *pin_dir, int heartbeat_fd)
{
	int error;

	memset(p, 0, sizeof(*p));
	(void)libbpf_set_print(print_libbpf);
	if (*pin_dir) {
		error = prepare_pin_directory(pin_dir);
		if (error) {
			log_critical("%s: %s", pin_dir, strerror(errno));
			return error;
		}
		p->adopted = pins_fit(pin_dir);
		if (!p->adopted)
			pins_remove(pin_dir);
	}
	error = load_once(p, pin_dir, heartbeat_fd);
	if (error && p->adopted) {
		log_warning("%s: the maps that are pinned here do not fit; flows start anew",
		            pin_dir);
		p->adopted = false;
		pins_remove(pin_dir);
		error = load_once(p, pin_dir, heartbeat_fd);
	}
	if (error)
		log_critical("the kernel does not load the eBPF programs: %s (Linux 6.1 or later "
		             "with BTF is needed)",
		             strerror(errno));
	return error;
}

void program_unload(struct program *p)
{
	if (p->skeleton)
		wire_bpf__destroy(p->skeleton);
	p->skeleton = NULL;
}

int program_fd(const struct program *p, enum program_hook hook)
{
	const struct bpf_program *program = hook == PROGRAM_PORT ? p->skeleton->progs.port_ingress
	                                    : hook == PROGRAM_INJECT
	                                            ? p->skeleton->progs.inject_ingress
	                                            : p->skeleton->progs.stack_egress;

	return bpf_program__fd(program);
}

bool program_is_attached(struct program *p, enum program_hook hook, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, where, .ifindex = (int)ifindex,
	            .attach_point = hook == PROGRAM_STACK ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, what, .handle = TC_HANDLE, .priority = TC_PRIORITY);

	return bpf_tc_query(&where, &what) == 0;
}

int program_attach(struct program *p, enum program_hook hook, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, where, .ifindex = (int)ifindex,
	            .attach_point = hook == PROGRAM_STACK ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, what, .handle = TC_HANDLE, .priority = TC_PRIORITY,
	            .flags = BPF_TC_F_REPLACE, .prog_fd = program_fd(p, hook));
	int error = bpf_tc_hook_create(&where);

	if (error && error != -EEXIST) {
		errno = -error;
		return SL_ESYS;
	}
	error = bpf_tc_attach(&where, &what);
	if (error)
		errno = -error;
	return error ? SL_ESYS : 0;
}

/*
 * The root of the cgroup2 tree as a descriptor, mounted nowhere: whether and where the host has it
 * mounted does not matter, nor does the mount namespace in which we were started.
 */
static int open_cgroup_root(void)
{
	int fs = (int)syscall(SYS_fsopen, "cgroup2", FSOPEN_CLOEXEC);
	int root = -1;

	if (fs < 0)
		return -1;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		root = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	(void)close(fs);
	return root;
}

/* The caller's cgroup, relative to the root. */
static int own_cgroup(char *out, size_t size)
{
	char line[PATH_MAX + 64];
	FILE *f = fopen("/proc/self/cgroup", "re");
	int error = SL_EKERNEL;

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "0::/", 4) != 0)
			continue;
		line[strcspn(line, "\n")] = 0;
		error = snprintf(out, size, "%s", line + 4) < (int)size ? 0 : SL_ERANGE;
	}
	if (f)
		(void)fclose(f);
	return error;
}

static int join_cgroup(int dir)
{
	int fd = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return SL_ESYS;
	n = write(fd, "0", 1);
	(void)close(fd);
	return n < 0 ? SL_ESYS : 0;
}

/* "sluice-NAME" below our cgroup, or our cgroup itself when it is that one already. */
static int open_cgroup(int root, const char *instance)
{
	char own[PATH_MAX], path[PATH_MAX + 64], leaf[64];
	size_t own_len, leaf_len;

	if (own_cgroup(own, sizeof(own)))
		return -1;
	leaf_len = (size_t)snprintf(leaf, sizeof(leaf), "sluice-%s", instance);
	own_len = strlen(own);
	if (own_len >= leaf_len && !strcmp(own + own_len - leaf_len, leaf))
		(void)snprintf(path, sizeof(path), "%s", own);
	else
		(void)snprintf(path, sizeof(path), "%s%s%s", own, *own ? "/" : "", leaf);
	if (mkdirat(root, path, 0755) < 0 && errno != EEXIST)
		return -1;
	return openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int program_enter_cgroup(struct program *p, const char *instance)
{
	int root = open_cgroup_root(), dir, error;

	if (root < 0)
		return SL_EKERNEL;
	dir = open_cgroup(root, instance);
	(void)close(root);
	if (dir < 0)
		return SL_ESYS;
	error = join_cgroup(dir);
	if (!error) {
		int refused = bpf_prog_attach(bpf_program__fd(p->skeleton->progs.leg_end), dir,
		                              BPF_CGROUP_SOCK_OPS, 0);

		if (refused) {
			errno = -refused;
			error = SL_ESYS;
		}
	}
	(void)close(dir);
	return error;
}
