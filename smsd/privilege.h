/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What smsd gives up before it reads a byte from outside: root, privileges to come, core dumps, the
 * system calls that it has no use for. Before there are threads.
 */
#pragma once

#include <sys/types.h>

#include "lib/base/attr.h"

struct problem;

enum {
	PRIVILEGE_UID_BASE = 64720
}; /* where sluice-sms is not installed; Debian leaves 60000 to
      64999 to such uses */

/* Whom to run as: `name`, or sluice-sms; whoever started it when that is not root. SL_ENOENT. */
int privilege_user(const char *name, uid_t *ret_uid, gid_t *ret_gid, struct problem *problem)
        SL_NONNULL(2, 3, 4) SL_MUST;

/* For good. SL_ESYS. */
int privilege_drop(uid_t uid, gid_t gid, struct problem *problem) SL_NONNULL(3) SL_MUST;
