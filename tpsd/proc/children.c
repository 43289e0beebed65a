/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Supervision. A child that ends is started again after a pause that grows with its recent
 * crashes; one that is silent for PROC_HEARTBEAT_MAX_MS is killed first, which makes the kernel
 * reset its sessions. Parent's one thread.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tpsd/proc/child.h"
#include "tpsd/proc/memory.h"
#include "tpsd/proc/parent.h"
#include "tpsd/proc/parent_priv.h"
#include "tpsd/proc/shell.h"

enum {
	WATCH_EVERY_MS = 100,
	RESTART_FIRST_MS = 20, /* a single crash costs its sessions, no more */
	RESTART_LAST_MS = 2000,
	CRASH_WINDOW_S = 60,      /* crashes older than this are forgotten */
	START_MAX_MS = 30 * 1000, /* from fork to the loop */
	MEMORY_EVERY = 50,        /* looks at the children */
};

/* ---- connecting children with each other ---- */

static int send_peer(struct parent *p, enum ipc_role to, unsigned to_index, int fd,
                     enum ipc_role role, unsigned index)
{
	struct ipc_channel *ch = proc_peer(&p->proc, to, to_index);
	struct ipc_message msg = {.type = IPC_PEER};

	msg.peer.role = (uint8_t)role;
	msg.peer.index = (uint16_t)index;
	return ch ? ipc_send_fds(ch, &msg, &fd, 1) : SL_ECLOSED;
}

static void connect_two(struct parent *p, const struct proc *a, const struct proc *b)
{
	int fds[2];

	if (ipc_pair(fds) != 0) {
		log_error("cannot connect %s and %s: %s", a->kind->name, b->kind->name,
		          strerror(errno));
		return;
	}
	if (send_peer(p, a->kind->role, a->index, fds[0], b->kind->role, b->index) != 0 ||
	    send_peer(p, b->kind->role, b->index, fds[1], a->kind->role, a->index) != 0)
		log_error("cannot connect %s and %s", a->kind->name, b->kind->name);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* Who talks to whom, beside parent: control to all, wire and keys to workers, link to keys. */
static bool are_peers(enum ipc_role a, enum ipc_role b)
{
	if (a == IPC_CONTROL || b == IPC_CONTROL)
		return a != b;
	if (a == IPC_LINK || b == IPC_LINK)
		return a == IPC_KEYS || b == IPC_KEYS;
	return (a == IPC_WORKER) != (b == IPC_WORKER);
}

static void connect_child(struct parent *p, struct child *child)
{
	for (unsigned slot = PROC_SLOT_WIRE; slot < p->common.nslots; slot++) {
		struct child *other = &p->children[slot];

		if (other != child && other->pid > 0 &&
		    are_peers(child->proc.kind->role, other->proc.kind->role))
			connect_two(p, &child->proc, &other->proc);
	}
}

/* ---- starting ---- */

static void run_child(struct parent *p, struct child *child, int fd, int parent_pid) SL_NORETURN;

static void run_child(struct parent *p, struct child *child, int fd, int parent_pid)
{
	const struct child_start start = {
	        .channel_fd = fd,
	        .netns_fd = p->common.netns_fd,
	        .origin_fd = p->common.origin_fd,
	        .parent_pid = parent_pid,
	};

	exit(child_run(&child->proc, &start));
}

int children_start(struct parent *p, struct child *child)
{
	int parent_pid = getpid();
	int fds[2];
	int rc = ipc_pair(fds);

	if (rc != 0)
		return rc;
	p->common.heartbeats[child->proc.slot] = 0;
	(void)fflush(NULL);
	child->pid = fork();
	if (child->pid == 0)
		run_child(p, child, fds[1], parent_pid);
	(void)close(fds[1]);
	if (child->pid < 0) {
		child->pid = 0;
		(void)close(fds[0]);
		return SL_ESYS;
	}
	child->started_ns = clock_now_ns();
	child->killed = false;
	rc = shell_attach(&p->proc, fds[0], child->proc.kind->role, child->proc.index);
	if (rc != 0) {
		(void)close(fds[0]);
		return rc;
	}
	connect_child(p, child);
	if (child->proc.kind->role == IPC_KEYS) {
		keyfiles_send_keystore(&p->proc);
		keyfiles_resend(&p->keyfiles, &p->proc);
	}
	return 0;
}

static void on_restart(struct loop_timer *timer)
{
	struct child *child = (struct child *)timer;
	struct parent *p = child->parent;

	if (p->stopping)
		return;
	child->restarts++;
	if (children_start(p, child) != 0) {
		log_critical("cannot start %s: %s", child->proc.kind->name, strerror(errno));
		(void)loop_timer_set(p->proc.loop, timer, RESTART_LAST_MS * CLOCK_NS_PER_MS,
		                     on_restart);
	}
}

/* ---- what happened to a child ---- */

static unsigned note_crash(struct child *child)
{
	uint64_t now = clock_now_ns();
	unsigned recent = 0;

	memmove(&child->crashes_ns[1], &child->crashes_ns[0],
	        sizeof(child->crashes_ns) - sizeof(child->crashes_ns[0]));
	child->crashes_ns[0] = now;
	for (unsigned i = 0; i < CRASHES_MANY; i++)
		if (child->crashes_ns[i] &&
		    now - child->crashes_ns[i] < CRASH_WINDOW_S * CLOCK_NS_PER_S)
			recent++;
	return recent;
}

/* `wire` puts the flows that this worker had on the overload action (docs/internals/wire.md). */
static void tell_wire_of_crashes(struct parent *p, const struct child *child)
{
	struct ipc_channel *wire = proc_peer(&p->proc, IPC_WIRE, 0);
	struct ipc_message msg = {.type = IPC_COMMAND};
	char arguments[64];

	if (!wire || child->proc.kind->role != IPC_WORKER)
		return;
	(void)snprintf(arguments, sizeof(arguments), "{\"worker\":%u}", child->proc.index);
	msg.command.name = ipc_text_of("worker_crashes");
	msg.command.arguments =
	        (struct ipc_bytes){(const uint8_t *)arguments, (uint32_t)strlen(arguments)};
	if (ipc_send(wire, &msg) != 0)
		log_error("wire could not be told of the crashes of worker %u", child->proc.index);
}

static void describe_end(const struct child *child, int status)
{
	const char *name = child->proc.kind->name;

	if (child->killed)
		log_critical("%s %u was silent for too long and was killed", name,
		             child->proc.index);
	else if (WIFSIGNALED(status))
		log_critical("%s %u was ended by signal %d (%s)", name, child->proc.index,
		             WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_critical("%s %u ended with status %d", name, child->proc.index,
		             WEXITSTATUS(status));
}

static unsigned restart_delay_ms(unsigned recent)
{
	unsigned ms = RESTART_FIRST_MS;

	for (unsigned i = 1; i < recent && ms < RESTART_LAST_MS; i++)
		ms *= 10;
	return SL_MIN(ms, RESTART_LAST_MS);
}

bool children_all_ended(const struct parent *p)
{
	for (unsigned slot = PROC_SLOT_WIRE; slot < p->common.nslots; slot++)
		if (p->children[slot].pid > 0)
			return false;
	return true;
}

static void on_child_end(struct parent *p, struct child *child, int status)
{
	unsigned recent;

	child->pid = 0;
	shell_detach(&p->proc, child->proc.kind->role, child->proc.index);
	p->common.heartbeats[child->proc.slot] = 0; /* eBPF sees it dead at once */
	if (p->stopping) {
		if (children_all_ended(p))
			proc_exit(&p->proc, p->status);
		return;
	}
	describe_end(child, status);
	recent = note_crash(child);
	/* Without `link` a device is as good as one whose SMS is away. */
	if (!p->ready && recent >= CRASHES_MANY && child->proc.kind->role != IPC_LINK) {
		log_critical("%s does not come up", child->proc.kind->name);
		p->status = TPSD_FAILED;
		(void)raise(SIGTERM);
		return;
	}
	if (recent >= CRASHES_MANY)
		tell_wire_of_crashes(p, child);
	(void)loop_timer_set(p->proc.loop, &child->restart,
	                     restart_delay_ms(recent) * CLOCK_NS_PER_MS, on_restart);
}

void children_reap(struct parent *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned slot = PROC_SLOT_WIRE; slot < p->common.nslots; slot++)
			if (p->children[slot].pid == pid)
				on_child_end(p, &p->children[slot], status);
}

/*
 * A stamp of 0 is a process that has not reached its loop: `wire` has programs verified first.
 * Signed, since a stamp may be newer than `now`.
 */
static bool is_silent(const struct parent *p, const struct child *child, uint64_t now)
{
	uint64_t stamp = __atomic_load_n(&p->common.heartbeats[child->proc.slot], __ATOMIC_ACQUIRE);

	if (stamp == 0)
		return now - child->started_ns > START_MAX_MS * CLOCK_NS_PER_MS;
	return (int64_t)(now - stamp) > (int64_t)(PROC_HEARTBEAT_MAX_MS * CLOCK_NS_PER_MS);
}

static void count_memory(struct parent *p)
{
	uint64_t kib = memory_kib(getpid());

	for (unsigned slot = PROC_SLOT_WIRE; slot < p->common.nslots; slot++)
		if (p->children[slot].pid > 0)
			kib += memory_kib(p->children[slot].pid);
	counter_set(p->proc.counters, COUNTER_memory_kib, kib);
}

static void on_watch(struct loop_timer *timer)
{
	struct parent *p = (struct parent *)((char *)timer - offsetof(struct parent, watch));
	uint64_t now = clock_now_ns();

	for (unsigned slot = PROC_SLOT_WIRE; slot < p->common.nslots; slot++) {
		struct child *child = &p->children[slot];

		if (child->pid > 0 && !child->killed && is_silent(p, child, now)) {
			child->killed = true;
			(void)kill(child->pid, SIGKILL);
		}
	}
	if (p->looks++ % MEMORY_EVERY == 0)
		count_memory(p);
	(void)loop_timer_set(p->proc.loop, timer, WATCH_EVERY_MS * CLOCK_NS_PER_MS, on_watch);
}

void children_watch(struct parent *p)
{
	on_watch(&p->watch);
}
