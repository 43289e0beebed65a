/* SPDX-License-Identifier: Apache-2.0 */
/* From fork to the process's own loop: what every child of tpsd goes through. */
#pragma once

#include "tpsd/proc/proc.h"

/* What the fork gives a child beside struct proc. */
struct child_start {
	int channel_fd; /* its end of the channel to parent */
	int netns_fd;   /* sluice-NAME */
	int origin_fd;  /* the namespace that tpsd was started in */
	int parent_pid; /* to notice a parent that ended in between */
};

/* Runs the process to its end; returns its exit status. Only `proc` and `start` survive of the
 * parent's memory in any meaning: its descriptors are closed. */
int child_run(struct proc *proc, const struct child_start *start) SL_NONNULL(1, 2);
