/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shell's own interface: what parent.c and child.c call to bring a process up and down around
 * its ops. Processes themselves only need proc.h.
 */
#pragma once

#include "tpsd/proc/proc.h"

/* Makes loop and shell. SL_ENOMEM. The heartbeat starts with shell_run. */
int shell_init(struct proc *proc) SL_NONNULL(1) SL_MUST;

/* A channel to a peer on `fd`, which the shell owns when 0 is returned. Calls ops->peer_up. */
int shell_attach(struct proc *proc, int fd, enum ipc_role role, unsigned index)
        SL_NONNULL(1) SL_MUST;

/* Forgets a peer (parent: a child that ended), without ops->peer_down. */
void shell_detach(struct proc *proc, enum ipc_role role, unsigned index) SL_NONNULL(1);

/* Says that the process lives; long work outside the loop calls it now and then. */
void shell_heartbeat(struct proc *proc) SL_NONNULL(1);

/* Runs the loop until proc_exit(), then ops->stop. The exit status. */
int shell_run(struct proc *proc) SL_NONNULL(1);
void shell_fini(struct proc *proc) SL_NONNULL(1);
