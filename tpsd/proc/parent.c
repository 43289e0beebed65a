/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Supervision. A child that ends is started again after a pause that grows with its recent
 * crashes; one that is silent for PROC_HEARTBEAT_MAX_MS is killed first, which makes the kernel
 * reset its sessions. Parent's one thread.
 */
#include "tpsd/proc/parent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "tpsd/proc/child.h"
#include "tpsd/proc/common.h"
#include "tpsd/proc/keyfiles.h"
#include "tpsd/proc/notify.h"
#include "tpsd/proc/shell.h"
#include "tpsd/proc/title.h"
#include "tpsd/report/check.h"
#include "tpsd/report/syslogline.h"

enum {
	WATCH_EVERY_MS = 100,
	RESTART_FIRST_MS = 20,	/* a single crash costs its sessions, no more */
	RESTART_LAST_MS = 2000,
	CRASH_WINDOW_S = 60,	/* crashes older than this are forgotten */
	CRASHES_MANY = 3,	/* … and this many within it put its flows on the overload action */
	STOP_DEADLINE_MS = 5000,
	START_MAX_MS = 30000,	/* from fork to the loop */
};

struct child {
	struct loop_timer restart;
	struct parent *parent;
	struct proc proc;	/* what it finds */
	pid_t pid;		/* 0: not running */
	uint64_t started_ns;
	uint64_t crashes_ns[CRASHES_MANY]; /* the last ones, newest first */
	unsigned restarts;
	bool killed;		/* by us, for its silence */
};

struct parent {
	struct proc proc;	/* our own: role parent */
	struct common common;
	struct child children[PROC_SLOTS];
	struct loop_source signals;
	struct loop_timer watch, stop_deadline;
	int signal_fd;
	bool stopping;
	bool ready;		/* the first configuration is in force */
	int status;
	struct keyfiles keyfiles;
};

static struct parent *parent_of(struct proc *proc)
{
	return proc->state;
}

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
		log_error("cannot connect %s and %s: %s", a->kind->name, b->kind->name, strerror(errno));
		return;
	}
	if (send_peer(p, a->kind->role, a->index, fds[0], b->kind->role, b->index) != 0 ||
	    send_peer(p, b->kind->role, b->index, fds[1], a->kind->role, a->index) != 0)
		log_error("cannot connect %s and %s", a->kind->name, b->kind->name);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* Who talks to whom, beside parent: control to all, wire and keys to workers. */
static bool are_peers(enum ipc_role a, enum ipc_role b)
{
	if (a == IPC_CONTROL || b == IPC_CONTROL)
		return a != b;
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

static int start_child(struct parent *p, struct child *child)
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
	if (start_child(p, child) != 0) {
		log_critical("cannot start %s: %s", child->proc.kind->name, strerror(errno));
		(void)loop_timer_set(p->proc.loop, timer, RESTART_LAST_MS * CLOCK_NS_PER_MS, on_restart);
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
		if (child->crashes_ns[i] && now - child->crashes_ns[i] < CRASH_WINDOW_S * CLOCK_NS_PER_S)
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

static bool all_ended(const struct parent *p)
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
		if (all_ended(p))
			proc_exit(&p->proc, p->status);
		return;
	}
	describe_end(child, status);
	recent = note_crash(child);
	if (!p->ready && recent >= CRASHES_MANY) {
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

static void reap(struct parent *p)
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

static void on_watch(struct loop_timer *timer)
{
	struct parent *p =
		(struct parent *)((char *)timer - offsetof(struct parent, watch));
	uint64_t now = clock_now_ns();

	for (unsigned slot = PROC_SLOT_WIRE; slot < p->common.nslots; slot++) {
		struct child *child = &p->children[slot];

		if (child->pid > 0 && !child->killed && is_silent(p, child, now)) {
			child->killed = true;
			(void)kill(child->pid, SIGKILL);
		}
	}
	(void)loop_timer_set(p->proc.loop, timer, WATCH_EVERY_MS * CLOCK_NS_PER_MS, on_watch);
}

/* ---- ending ---- */

static void on_stop_deadline(struct loop_timer *timer)
{
	struct parent *p =
		(struct parent *)((char *)timer - offsetof(struct parent, stop_deadline));

	for (unsigned slot = PROC_SLOT_WIRE; slot < p->common.nslots; slot++)
		if (p->children[slot].pid > 0)
			(void)kill(p->children[slot].pid, SIGKILL);
}

static void stop(struct parent *p)
{
	struct ipc_message msg = {.type = IPC_SHUTDOWN, .shutdown.deadline_ms = STOP_DEADLINE_MS};

	if (p->stopping)
		return;
	p->stopping = true;
	notify_manager("STOPPING=1");
	for (unsigned slot = PROC_SLOT_WIRE; slot < p->common.nslots; slot++) {
		struct child *child = &p->children[slot];
		struct ipc_channel *ch =
			proc_peer(&p->proc, child->proc.kind->role, child->proc.index);

		if (child->pid > 0 && (!ch || ipc_send(ch, &msg) != 0))
			(void)kill(child->pid, SIGKILL);
	}
	if (all_ended(p))
		proc_exit(&p->proc, p->status);
	(void)loop_timer_set(p->proc.loop, &p->stop_deadline,
			     (STOP_DEADLINE_MS + 1000) * CLOCK_NS_PER_MS, on_stop_deadline);
}

static void reload(struct parent *p)
{
	struct ipc_channel *control = proc_peer(&p->proc, IPC_CONTROL, 0);
	struct ipc_message msg = {.type = IPC_COMMAND};

	msg.command.name = ipc_text_of("reload");
	if (!control || ipc_send(control, &msg) != 0)
		log_error("control is not there to read the configuration again");
}

static void on_signal(struct loop_source *source, uint32_t events)
{
	struct parent *p = (struct parent *)((char *)source - offsetof(struct parent, signals));
	struct signalfd_siginfo info;

	while (read(p->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(p);
		else if (info.ssi_signo == SIGHUP)
			reload(p);
		else
			stop(p);
	}
}

/* ---- parent's part in a configuration transaction ---- */

static int parent_prepare(struct proc *proc, uint32_t revision, const struct conf_image *image,
			  struct config *config)
{
	const char *log_dir = config->logging.directory;

	if (log_dir[0] && common_make_log_dir(log_dir) != 0) {
		proc_refuse_item(proc, SL_ESYS, "/logging/directory", strerror(errno),
				 "name a folder that can be made");
		return SL_ESYS;
	}
	return keyfiles_prepare(&parent_of(proc)->keyfiles, proc, revision, config);
}

static void parent_commit(struct proc *proc, uint32_t revision)
{
	struct parent *p = parent_of(proc);

	keyfiles_commit(&p->keyfiles, revision);
	if (!p->ready) {
		p->ready = true;
		log_info("ready: configuration revision %u is in force", revision);
		notify_manager("READY=1");
	}
}

static void parent_abort(struct proc *proc, uint32_t revision)
{
	struct parent *p = parent_of(proc);

	keyfiles_abort(&p->keyfiles, revision);
	if (!p->ready) { /* nothing to fall back on */
		p->status = TPSD_CONFIG;
		stop(p);
	}
}

static void describe_child(const struct child *child, struct buf *out)
{
	uint64_t age_ms = (clock_now_ns() - child->started_ns) / CLOCK_NS_PER_MS;

	(void)buf_printf(out,
			 "{\"name\":\"%s\",\"index\":%u,\"pid\":%d,\"restarts\":%u,"
			 "\"up_ms\":%llu}",
			 child->proc.kind->name, child->proc.index, child->pid, child->restarts,
			 child->pid > 0 ? (unsigned long long)age_ms : 0ULL);
}

static void parent_command(struct proc *proc, uint64_t id, const char *name, const char *arguments)
{
	struct parent *p = parent_of(proc);
	struct buf out;

	if (strcmp(name, "processes") != 0) {
		proc_answer(proc, id, SL_EUNSUPPORTED, "null", 4, false);
		return;
	}
	buf_init(&out, 64 * 1024);
	(void)buf_printf(&out, "[{\"name\":\"parent\",\"index\":0,\"pid\":%d,\"restarts\":0,\"up_ms\":0}",
			 getpid());
	for (unsigned slot = PROC_SLOT_WIRE; slot < p->common.nslots; slot++) {
		(void)buf_printf(&out, ",");
		describe_child(&p->children[slot], &out);
	}
	(void)buf_printf(&out, "]");
	proc_answer(proc, id, 0, buf_text(&out), out.len, false);
	buf_fini(&out);
}

static const struct proc_ops parent_ops = {
	.prepare = parent_prepare,
	.commit = parent_commit,
	.abort = parent_abort,
	.command = parent_command,
};
static const struct proc_kind parent_kind = {.name = "parent", .role = IPC_PARENT, .ops = &parent_ops};

/* ---- bringing it all up ---- */

static void fill_proc(struct parent *p, const struct parent_options *o, unsigned nworkers,
		      const struct proc_kind *kind, unsigned slot, struct proc *proc)
{
	*proc = (struct proc){
		.kind = kind,
		.index = slot >= PROC_SLOT_WORKER ? slot - PROC_SLOT_WORKER : 0,
		.nworkers = nworkers,
		.slot = slot,
		.instance = o->instance,
		.config_path = o->config_path,
		.run_dir = p->common.run_dir,
		.state_dir = p->common.state_dir,
		.log_dir = p->common.log_dir,
		.ring = p->common.rings[slot],
		.counter_file = p->common.counter_file,
		.counters = counter_file_slab(p->common.counter_file, slot),
		.learned = p->common.learned,
		.heartbeats = p->common.heartbeats,
		.heartbeat_map_fd = p->common.heartbeat_fd,
		.netns_origin_fd = p->common.origin_fd,
	};
	memcpy(proc->rings, p->common.rings, sizeof(proc->rings));
}

static unsigned slot_of(enum ipc_role role)
{
	switch (role) {
	case IPC_WIRE:
		return PROC_SLOT_WIRE;
	case IPC_KEYS:
		return PROC_SLOT_KEYS;
	case IPC_CONTROL:
		return PROC_SLOT_CONTROL;
	default:
		return PROC_SLOT_WORKER;
	}
}

static int start_all(struct parent *p, const struct parent_options *o, unsigned nworkers)
{
	for (size_t i = 0; i < processes_count; i++) {
		const struct proc_kind *kind = &processes[i];
		unsigned first = slot_of(kind->role);
		unsigned n = kind->role == IPC_WORKER ? nworkers : 1;

		for (unsigned slot = first; slot < first + n; slot++) {
			struct child *child = &p->children[slot];

			child->parent = p;
			fill_proc(p, o, nworkers, kind, slot, &child->proc);
			if (start_child(p, child) != 0) {
				log_critical("cannot start %s: %s", kind->name, strerror(errno));
				return TPSD_FAILED;
			}
		}
	}
	return 0;
}

static int watch_signals(struct parent *p)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	for (size_t i = 0; i < 4; i++)
		(void)sigaddset(&set, ((const int[]){SIGCHLD, SIGTERM, SIGINT, SIGHUP})[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return SL_ESYS;
	p->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (p->signal_fd < 0)
		return SL_ESYS;
	return loop_add(p->proc.loop, &p->signals, p->signal_fd, EPOLLIN, on_signal);
}

static int supervise(struct parent *p, const struct parent_options *o, unsigned nworkers)
{
	int status;

	fill_proc(p, o, nworkers, &parent_kind, PROC_SLOT_PARENT, &p->proc);
	p->proc.state = p;
	report_log_to_ring(p->proc.ring, "tpsd: parent");
	if (shell_init(&p->proc) != 0 || watch_signals(p) != 0)
		return TPSD_FAILED;
	status = start_all(p, o, nworkers);
	if (status == 0) {
		(void)loop_timer_set(p->proc.loop, &p->watch, WATCH_EVERY_MS * CLOCK_NS_PER_MS,
				     on_watch);
		status = shell_run(&p->proc);
	}
	on_stop_deadline(&p->stop_deadline); /* whatever is left */
	shell_fini(&p->proc);
	(void)close(p->signal_fd);
	return status;
}

static unsigned worker_count(const struct parent_options *o, unsigned configured)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = o->workers ? o->workers : configured;

	if (n == 0)
		n = cores > 0 ? (unsigned)cores : 1;
	return SL_MIN(n, PROC_WORKERS_MAX);
}

int parent_run(const struct parent_options *o)
{
	struct parent *p;
	unsigned workers;
	int status;

	log_open("tpsd: parent", o->log_level);
	if (check_workers(o->config_path, stderr, &workers) != 0)
		return TPSD_CONFIG;
	p = calloc(1, sizeof(*p));
	if (!p)
		return TPSD_FAILED;
	title_set("tpsd: parent");
	workers = worker_count(o, workers);
	status = common_make(o->instance, workers, &p->common);
	if (status == 0)
		status = supervise(p, o, workers);
	common_release(&p->common);
	keyfiles_fini(&p->keyfiles);
	free(p);
	return status;
}
