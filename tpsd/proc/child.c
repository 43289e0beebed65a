/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child's first moments: forget the parent's descriptors, enter its namespace, setup with
 * privileges, drop them, start, loop. Each process, once.
 */
#include "tpsd/proc/child.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/proc/sandbox.h"
#include "tpsd/proc/shell.h"
#include "tpsd/proc/title.h"
#include "tpsd/report/syslogline.h"

enum { KEEP_MAX = 2 * PROC_SLOTS + 16 };

struct keep {
	int fds[KEEP_MAX];
	size_t n;
};

static void keep_add(struct keep *keep, int fd)
{
	if (fd >= 0 && keep->n < KEEP_MAX)
		keep->fds[keep->n++] = fd;
}

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes all descriptors but those of `keep`, by the gaps between them. */
static void close_others(struct keep *keep)
{
	unsigned from = 0;

	qsort(keep->fds, keep->n, sizeof(int), compare_fds);
	for (size_t i = 0; i < keep->n; i++) {
		if ((unsigned)keep->fds[i] > from)
			(void)close_range(from, (unsigned)keep->fds[i] - 1, 0);
		from = (unsigned)keep->fds[i] + 1;
	}
	(void)close_range(from, ~0u, 0);
}

static void forget_parent(struct proc *proc, const struct child_start *start)
{
	struct keep keep = {.n = 0};

	for (int fd = 0; fd <= 2; fd++)
		keep_add(&keep, fd);
	keep_add(&keep, start->channel_fd);
	keep_add(&keep, start->netns_fd);
	keep_add(&keep, ring_event_fd(proc->ring));
	if (proc->kind->role == IPC_CONTROL)
		for (size_t i = 0; i < PROC_SLOTS; i++)
			if (proc->rings[i])
				keep_add(&keep, ring_event_fd(proc->rings[i]));
	if (proc->kind->role == IPC_WIRE) {
		keep_add(&keep, proc->heartbeat_map_fd);
		keep_add(&keep, start->origin_fd);
	} else {
		proc->heartbeat_map_fd = -1;
	}
	close_others(&keep);
}

static int enter_namespace(const struct proc *proc, const struct child_start *start)
{
	int rc = 0;

	if (proc->kind->own_network)
		rc = setns(start->netns_fd, CLONE_NEWNET);
	else if (proc->kind->no_network)
		rc = unshare(CLONE_NEWNET);
	if (rc != 0) {
		log_critical("cannot enter its network namespace: %s", strerror(errno));
		return SL_ESYS;
	}
	return 0;
}

static void default_signals(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)signal(SIGPIPE, SIG_IGN);
	/* A ^C reaches the whole group; parent alone decides how to end. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int bring_up(struct proc *proc, const struct child_start *start)
{
	int rc = shell_init(proc);

	if (rc == 0)
		rc = shell_attach(proc, start->channel_fd, IPC_PARENT, 0);
	if (rc == 0)
		rc = enter_namespace(proc, start);
	if (rc == 0 && proc->kind->ops->setup)
		rc = proc->kind->ops->setup(proc);
	if (rc == 0 && start->origin_fd >= 0 && proc->kind->role == IPC_WIRE)
		(void)close(start->origin_fd);
	if (rc == 0)
		(void)close(start->netns_fd);
	if (rc == 0)
		rc = sandbox_enter(proc->kind);
	if (rc == 0 && getppid() != start->parent_pid)
		rc = SL_ECLOSED;
	if (rc == 0 && proc->kind->ops->start)
		rc = proc->kind->ops->start(proc);
	return rc;
}

int child_run(struct proc *proc, const struct child_start *start)
{
	char ident[32];
	int rc;

	default_signals();
	forget_parent(proc, start);
	if (proc->kind->role == IPC_WORKER)
		(void)snprintf(ident, sizeof(ident), "tpsd: %s %u", proc->kind->name, proc->index);
	else
		(void)snprintf(ident, sizeof(ident), "tpsd: %s", proc->kind->name);
	title_set(ident);
	log_open(strdup(ident), LOG_LEVEL_INFO);
	report_log_to_ring(proc->ring, ident);
	rc = bring_up(proc, start);
	if (rc != 0) {
		log_critical("cannot start: %s", err_text(rc));
		return 1;
	}
	rc = shell_run(proc);
	shell_fini(proc);
	return rc;
}
