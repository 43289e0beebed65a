/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What parent makes once for all processes, before the first fork: directories, the lock, the
 * private namespace, heartbeats, counters, rings. Parent only.
 */
#pragma once

#include "tpsd/proc/parent.h"

struct common {
	char run_dir[128];   /* /run/sluice/NAME, root, 0755 */
	char state_dir[128]; /* /var/lib/sluice/NAME, control's, 0750 */
	char log_dir[128];   /* /var/log/sluice/NAME, control's, 0750 */
	int lock_fd;         /* the pid file, locked while we run */
	int netns_fd;        /* sluice-NAME */
	int origin_fd;       /* the network namespace that tpsd was started in */
	int heartbeat_fd;    /* BPF array, one 64-bit stamp a slot */
	uint64_t *heartbeats;
	struct counter_file *counter_file;
	struct ring *rings[PROC_SLOTS];
	struct learned *learned;
	unsigned nworkers; /* to start */
	unsigned nslots;   /* used: 5 + workers */
};

/* All of it for `nworkers` workers, with a licence authority no more than its licence allows; or an
 * exit status (enum tpsd_exit) said by log_critical. */
int common_make(const char *instance, unsigned nworkers, bool authority, struct common *c)
        SL_NONNULL(1, 4) SL_MUST;

/*
 * Makes the log folder that a configuration names, for `control`, which may not; one that is there
 * stays as it is. SL_ESYS with errno.
 */
int common_make_log_dir(const char *path) SL_NONNULL(1) SL_MUST;

/* Lets go of it; the namespace and what is pinned stay, so that the wire goes on. */
void common_release(struct common *c) SL_NONNULL(1);
