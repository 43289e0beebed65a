/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a process of tpsd gives up what it does not need: user, capabilities, privileges to come,
 * system calls, core dumps. What each keeps is its row of the process table (proc.h), and a test
 * reads the result back from /proc.
 */
#pragma once

#include <sys/types.h>

#include "lib/base/attr.h"
#include "tpsd/proc/proc.h"

enum {
	SANDBOX_UID_BASE = 64700, /* where a user is not installed: this plus its place below.
	                             Debian leaves 60000-64999 to such uses. */
};

/* The numeric user and group that a process of `kind` runs as; 0 for root. */
void sandbox_ids(const struct proc_kind *kind, uid_t *ret_uid, gid_t *ret_gid) SL_NONNULL(1, 2, 3);

/*
 * Drops everything but what `kind` keeps, for good. Called after setup(), before start(). When it
 * fails (SL_ESYS, said by log_critical) the process must end.
 */
int sandbox_enter(const struct proc_kind *kind) SL_NONNULL(1) SL_MUST;

/* Limits the calls of a worker or of keys to their list. Last step of sandbox_enter. */
int sandbox_seccomp(const struct proc_kind *kind) SL_NONNULL(1) SL_MUST;
