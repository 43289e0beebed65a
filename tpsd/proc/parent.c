/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that starts all others (children.c keeps them alive), hears the signals, and opens
 * the files that only root may. Parent's one thread.
 */
#include "tpsd/proc/parent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/base/notify.h"
#include "tpsd/proc/parent_priv.h"
#include "tpsd/proc/shell.h"
#include "tpsd/proc/title.h"
#include "tpsd/report/check.h"
#include "tpsd/report/syslogline.h"

enum { STOP_DEADLINE_MS = 5000 };

static struct parent *parent_of(struct proc *proc)
{
	return proc->state;
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
	if (children_all_ended(p))
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
			children_reap(p);
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
	(void)buf_printf(&out,
	                 "[{\"name\":\"parent\",\"index\":0,\"pid\":%d,\"restarts\":0,\"up_ms\":0}",
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
static const struct proc_kind parent_kind = {
        .name = "parent", .role = IPC_PARENT, .ops = &parent_ops};

/* ---- bringing it all up ---- */

static void fill_proc(struct parent *p, const struct parent_options *o, unsigned wanted,
                      const struct proc_kind *kind, unsigned slot, struct proc *proc)
{
	*proc = (struct proc){
	        .kind = kind,
	        .index = slot >= PROC_SLOT_WORKER ? slot - PROC_SLOT_WORKER : 0,
	        .nworkers = p->common.nworkers,
	        .nworkers_wanted = wanted,
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
	case IPC_LINK:
		return PROC_SLOT_LINK;
	default:
		return PROC_SLOT_WORKER;
	}
}

static int start_all(struct parent *p, const struct parent_options *o, unsigned wanted)
{
	for (size_t i = 0; i < processes_count; i++) {
		const struct proc_kind *kind = &processes[i];
		unsigned first = slot_of(kind->role);
		unsigned n = kind->role == IPC_WORKER ? p->common.nworkers : 1;

		for (unsigned slot = first; slot < first + n; slot++) {
			struct child *child = &p->children[slot];

			child->parent = p;
			fill_proc(p, o, wanted, kind, slot, &child->proc);
			if (children_start(p, child) != 0) {
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

static int supervise(struct parent *p, const struct parent_options *o, unsigned wanted)
{
	int status;

	fill_proc(p, o, wanted, &parent_kind, PROC_SLOT_PARENT, &p->proc);
	p->proc.state = p;
	report_log_to_ring(p->proc.ring, "tpsd: parent");
	if (shell_init(&p->proc) != 0 || watch_signals(p) != 0)
		return TPSD_FAILED;
	status = start_all(p, o, wanted);
	if (status == 0) {
		children_watch(p);
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
	bool authority;
	int status;

	log_open("tpsd: parent", o->log_level);
	if (check_workers(o->config_path, stderr, &workers, &authority) != 0)
		return TPSD_CONFIG;
	p = calloc(1, sizeof(*p));
	if (!p)
		return TPSD_FAILED;
	title_set("tpsd: parent");
	workers = worker_count(o, workers);
	status = common_make(o->instance, workers, authority, &p->common);
	if (status == 0)
		status = supervise(p, o, workers);
	common_release(&p->common);
	keyfiles_fini(&p->keyfiles);
	free(p);
	return status;
}
