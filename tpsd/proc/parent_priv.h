/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of `parent`: what its files share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/loop.h"
#include "tpsd/proc/common.h"
#include "tpsd/proc/keyfiles.h"
#include "tpsd/proc/proc.h"

/* That many within a minute put a worker's flows on the overload action. */
enum { CRASHES_MANY = 3 };

struct child {
	struct loop_timer restart;
	struct parent *parent;
	struct proc proc; /* what it finds */
	pid_t pid;        /* 0: not running */
	uint64_t started_ns;
	uint64_t crashes_ns[CRASHES_MANY]; /* the last ones, newest first */
	unsigned restarts;
	bool killed; /* by us, for its silence */
};

struct parent {
	struct proc proc; /* our own: role parent */
	struct common common;
	struct child children[PROC_SLOTS];
	struct loop_source signals;
	struct loop_timer watch, stop_deadline;
	unsigned looks; /* at the children */
	int signal_fd;
	bool stopping;
	bool ready; /* the first configuration is in force */
	int status;
	struct keyfiles keyfiles;
};

/* ---- children.c ---- */

/* Forks it and connects it with the others. SL_ESYS and errno, or an error of the channels. */
int children_start(struct parent *p, struct child *child) SL_NONNULL(1, 2) SL_MUST;
/* Those that ended: noted, and started again after a pause, or parent ends. */
void children_reap(struct parent *p) SL_NONNULL(1);
/* From now on kills those that are silent. */
void children_watch(struct parent *p) SL_NONNULL(1);
bool children_all_ended(const struct parent *p) SL_NONNULL(1);
