/* SPDX-License-Identifier: Apache-2.0 */
#include "smsd/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/sanitizer.h"
#include "smsd/base/problem.h"

/* What a library for databases, TLS or events never asks for, and whoever got in would. */
static const int refused[] = {
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(ptrace),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(mount),
        SCMP_SYS(umount2),
        SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),
        SCMP_SYS(unshare),
        SCMP_SYS(setns),
        SCMP_SYS(bpf),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(userfaultfd),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(keyctl),
        SCMP_SYS(add_key),
        SCMP_SYS(request_key),
        SCMP_SYS(init_module),
        SCMP_SYS(finit_module),
        SCMP_SYS(delete_module),
        SCMP_SYS(kexec_load),
        SCMP_SYS(personality),
        SCMP_SYS(mknod),
        SCMP_SYS(mknodat),
        SCMP_SYS(reboot),
};

static int fail(struct problem *problem, const char *what)
{
	return problem_add(problem, SL_ESYS, "", "", "cannot give up privileges: %s: %s", what,
	                   strerror(errno));
}

int privilege_user(const char *name, uid_t *ret_uid, gid_t *ret_gid, struct problem *problem)
{
	const struct passwd *pw = getpwnam(name ? name : "sluice-sms");

	if (name && !pw)
		return problem_add(problem, SL_ENOENT, "", "name another with --user, or make it",
		                   "there is no user \"%.64s\"", name);
	if (geteuid() != 0) {
		*ret_uid = geteuid();
		*ret_gid = getegid();
	} else {
		*ret_uid = pw ? pw->pw_uid : PRIVILEGE_UID_BASE;
		*ret_gid = pw ? pw->pw_gid : PRIVILEGE_UID_BASE;
	}
	if (*ret_uid == 0)
		return problem_add(problem, SL_EPERM, "", "name another with --user",
		                   "smsd does not run as root");
	if (name && *ret_uid != pw->pw_uid)
		return problem_add(problem, SL_EPERM, "", "start it as root, or as that user",
		                   "only root can become \"%.64s\"", name);
	return 0;
}

static int change_user(uid_t uid, gid_t gid, struct problem *problem)
{
	if (geteuid() != 0)
		return 0;
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL)
			return fail(problem, "bounding set");
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		return fail(problem, "change user");
	return 0;
}

static int refuse_calls(struct problem *problem)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < SL_ARRAY_LEN(refused) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	errno = -rc;
	return rc == 0 ? 0 : fail(problem, "system calls");
}

int privilege_drop(uid_t uid, gid_t gid, struct problem *problem)
{
	const struct rlimit none = {0, 0};
	int rc = change_user(uid, gid, problem);

	if (rc != 0)
		return rc;
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return fail(problem, "core limit");
	/* Also keeps others of the same user from reading its memory. */
	if (!SL_UNDER_SANITIZER && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail(problem, "dumpable");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(problem, "no new privileges");
	return SL_UNDER_SANITIZER ? 0 : refuse_calls(problem);
}
