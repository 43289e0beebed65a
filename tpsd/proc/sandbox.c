/* SPDX-License-Identifier: Apache-2.0 */
/* Dropping privileges, in the order that the kernel needs. Each process, once after setup(). */
#include "tpsd/proc/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"

/* Users of the process table, in the order of their fallback numbers. */
static const char *const users[] = {"sluice", "sluice-wire", "sluice-worker", "sluice-keys",
                                    "sluice-link"};

static uid_t fallback_id(const char *user)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(users); i++)
		if (strcmp(users[i], user) == 0)
			return SANDBOX_UID_BASE + (uid_t)i;
	return SANDBOX_UID_BASE + SL_ARRAY_LEN(users);
}

void sandbox_ids(const struct proc_kind *kind, uid_t *ret_uid, gid_t *ret_gid)
{
	const struct passwd *pw = kind->user ? getpwnam(kind->user) : NULL;

	if (!kind->user) {
		*ret_uid = 0;
		*ret_gid = 0;
	} else if (pw) {
		*ret_uid = pw->pw_uid;
		*ret_gid = pw->pw_gid;
	} else {
		*ret_uid = fallback_id(kind->user);
		*ret_gid = (gid_t)fallback_id(kind->user);
	}
}

static int fail(const char *what)
{
	log_critical("cannot give up privileges: %s: %s", what, strerror(errno));
	return SL_ESYS;
}

static int set_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){
		        .effective = (uint32_t)(kept >> (32 * i)),
		        .permitted = (uint32_t)(kept >> (32 * i)),
		};
	return syscall(SYS_capset, &header, data) == 0 ? 0 : fail("capset");
}

/* What is not in the bounding set can never come back, not even by exec. */
static int drop_bounding_set(uint64_t kept)
{
	for (int cap = 0; cap < 64; cap++) {
		if (kept & (1ULL << cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL)
			return fail("bounding set");
	}
	return 0;
}

static int change_user(const struct proc_kind *kind)
{
	uid_t uid;
	gid_t gid;

	sandbox_ids(kind, &uid, &gid);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		return fail("keep capabilities");
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		return fail("change user");
	return 0;
}

static int no_core(void)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return fail("core limit");
	/* Also keeps others of the same user from tracing it. */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : fail("dumpable");
}

int sandbox_enter(const struct proc_kind *kind)
{
	int rc;

	if (kind->user) {
		rc = drop_bounding_set(kind->capabilities);
		if (rc == 0)
			rc = change_user(kind);
		if (rc == 0)
			rc = set_capabilities(kind->capabilities);
		if (rc != 0)
			return rc;
	}
	rc = no_core();
	if (rc != 0)
		return rc;
	/* A change of user clears it, so it comes after: no child outlives its parent. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return fail("parent death signal");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail("no new privileges");
	return kind->seccomp ? sandbox_seccomp(kind) : 0;
}
