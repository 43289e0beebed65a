/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire alone, for tests: the process `tpsd: wire` as it is, with workers that relay plainly.
 * Runs in the network namespace that has the two ports, until standard input closes. Commands come
 * in by standard input, one a line: NAME [JSON]; answers go out by standard output.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/abi.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "tests/take/relay.h"
#include "tpsd/proc/proc.h"

enum { BEAT_MS = 100 };

static struct {
	struct proc proc;
	struct proc_kind kind;
	struct ipc_channel *workers[PROC_WORKERS_MAX];
	pid_t pids[PROC_WORKERS_MAX];
	unsigned nworkers;
	struct loop_timer beat;
	struct loop_source input;
	char line[4096];
	size_t len;
	bool quiet; /* no heartbeats: as if the process hung */
} box;

struct ipc_channel *proc_peer(struct proc *proc, enum ipc_role role, unsigned index)
{
	return role == IPC_WORKER && index < box.nworkers ? box.workers[index] : NULL;
}

void proc_ready(struct proc *proc, uint32_t revision, int status)
{
}

void proc_refuse_item(struct proc *proc, int status, const char *path, const char *text,
                      const char *remedy)
{
	(void)fprintf(stderr, "%s: %s (%s)\n", path, text, remedy);
}

void proc_answer(struct proc *proc, uint64_t id, int status, const char *json, size_t len,
                 bool more)
{
	(void)printf("%s %.*s%s\n", err_name(status), (int)len, json, more ? " +" : "");
	(void)fflush(stdout);
}

void proc_exit(struct proc *proc, int status)
{
	loop_stop(proc->loop);
}

static void die(const char *what)
{
	(void)fprintf(stderr, "box: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void on_beat(struct loop_timer *timer)
{
	if (!box.quiet)
		__atomic_store_n(&box.proc.heartbeats[PROC_SLOT_WIRE], clock_now_ns(),
		                 __ATOMIC_RELAXED);
	if (loop_timer_set(box.proc.loop, timer, BEAT_MS * CLOCK_NS_PER_MS, on_beat))
		die("timer");
}

static void on_worker(struct ipc_channel *ch, const struct ipc_message *msg, int fds[IPC_FDS_MAX],
                      void *arg)
{
	unsigned i = ipc_channel_index(ch);

	if (msg) {
		wire_ops.message(&box.proc, ch, msg, fds);
		return;
	}
	box.workers[i] = NULL;
	wire_ops.peer_down(&box.proc, ch);
	ipc_channel_destroy(ch);
}

static void start_worker(unsigned i)
{
	int fds[2];
	pid_t pid;

	if (ipc_pair(fds))
		die("socketpair");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(fds[0]);
		relay_run(fds[1], i, &box.proc.heartbeats[PROC_SLOT_WORKER + i]);
	}
	(void)close(fds[1]);
	box.pids[i] = pid;
	box.workers[i] =
	        ipc_channel_create(box.proc.loop, fds[0], IPC_WIRE, IPC_WORKER, i, on_worker, NULL);
	if (!box.workers[i])
		die("channel");
	if (i >= box.nworkers)
		box.nworkers = i + 1;
}

/* "kill N" kills a worker, "start N" starts it; "hang" and "wake" are about the wire itself. */
static bool own_command(const char *line)
{
	unsigned i;

	if (sscanf(line, "kill %u", &i) == 1 && i < box.nworkers) {
		(void)kill(box.pids[i], SIGKILL);
		(void)waitpid(box.pids[i], NULL, 0);
	} else if (sscanf(line, "start %u", &i) == 1 && i < PROC_WORKERS_MAX) {
		start_worker(i);
		wire_ops.peer_up(&box.proc, box.workers[i]);
	} else if (sscanf(line, "stop %u", &i) == 1 && i < box.nworkers) {
		(void)kill(box.pids[i], SIGSTOP);
	} else if (sscanf(line, "cont %u", &i) == 1 && i < box.nworkers) {
		(void)kill(box.pids[i], SIGCONT);
	} else if (!strcmp(line, "hang") || !strcmp(line, "wake")) {
		box.quiet = line[0] == 'h';
	} else {
		return false;
	}
	(void)printf("OK\n");
	(void)fflush(stdout);
	return true;
}

static void run_line(char *line)
{
	char *arguments = strchr(line, ' ');

	if (own_command(line))
		return;
	if (arguments)
		*arguments++ = 0;
	wire_ops.command(&box.proc, 1, line, arguments ? arguments : "");
}

static void on_input(struct loop_source *source, uint32_t events)
{
	ssize_t n = read(0, box.line + box.len, sizeof(box.line) - 1 - box.len);
	char *end;

	if (n <= 0) {
		loop_stop(box.proc.loop);
		return;
	}
	box.len += (size_t)n;
	box.line[box.len] = 0;
	while ((end = strchr(box.line, '\n'))) {
		*end = 0;
		run_line(box.line);
		box.len -= (size_t)(end + 1 - box.line);
		memmove(box.line, end + 1, box.len + 1);
	}
}

static struct config *load_config(const char *path)
{
	struct conf_document *doc = NULL;
	struct conf_errors errs;
	struct config *config = NULL;
	struct buf text;

	conf_errors_init(&errs);
	if (conf_load_file(path, &errs, &doc) ||
	    config_build(conf_document_root(doc), &errs, &config)) {
		buf_init(&text, 65536);
		if (!conf_errors_print(&errs, &text))
			(void)fprintf(stderr, "%s\n", buf_text(&text));
		exit(1);
	}
	conf_document_destroy(doc);
	conf_errors_fini(&errs);
	return config;
}

static void apply(const char *path)
{
	struct config *config = load_config(path);

	if (wire_ops.prepare(&box.proc, 1, NULL, config)) {
		(void)fprintf(stderr, "box: the configuration was refused\n");
		exit(1);
	}
	wire_ops.commit(&box.proc, 1);
	config_put(config);
}

static void make_heartbeats(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "heartbeats", 4, 8, WIRE_HEARTBEATS, &opts);

	if (fd < 0)
		die("heartbeats");
	box.proc.heartbeat_map_fd = fd;
	box.proc.heartbeats =
	        mmap(NULL, (size_t)getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (box.proc.heartbeats == MAP_FAILED)
		die("heartbeats");
}

int main(int argc, char **argv)
{
	static struct counter_slab counters;
	unsigned workers = 2;
	int status;

	if (argc < 3) {
		(void)fprintf(stderr, "usage: box INSTANCE CONFIG [WORKERS]\n");
		return 2;
	}
	if (argc > 3)
		workers = (unsigned)atoi(argv[3]);
	log_open("box", LOG_LEVEL_INFO);
	(void)signal(SIGPIPE, SIG_IGN);
	box.kind.name = "wire";
	box.kind.role = IPC_WIRE;
	box.proc.kind = &box.kind;
	box.proc.instance = argv[1];
	box.proc.counters = &counters;
	box.proc.netns_origin_fd = -1;
	box.proc.loop = loop_create();
	make_heartbeats();
	for (unsigned i = 0; i < workers; i++)
		start_worker(i);
	if (wire_ops.setup(&box.proc) || wire_ops.start(&box.proc))
		return 1;
	for (unsigned i = 0; i < workers; i++)
		wire_ops.peer_up(&box.proc, box.workers[i]);
	apply(argv[2]);
	if (loop_add(box.proc.loop, &box.input, 0, EPOLLIN, on_input))
		die("input");
	/* From here on, however long all that took. */
	on_beat(&box.beat);
	(void)printf("ready\n");
	(void)fflush(stdout);
	status = loop_run(box.proc.loop);
	wire_ops.stop(&box.proc);
	for (unsigned i = 0; i < box.nworkers; i++)
		ipc_channel_destroy(box.workers[i]);
	loop_destroy(box.proc.loop);
	return status ? 1 : 0;
}
