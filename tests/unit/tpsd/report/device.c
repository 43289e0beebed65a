/* SPDX-License-Identifier: Apache-2.0 */
/* A device of one process. */
#include "tests/unit/unit.h"

#include "tests/unit/tpsd/report/device.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/proc/shell.h"
#include "tpsd/report/syslogline.h"

static const enum ipc_role roles[DEV_ALL] = {IPC_PARENT, IPC_WIRE, IPC_KEYS, IPC_WORKER, IPC_LINK};

char *device_config(struct device *d, const char *device_name)
{
	static char text[1024];

	(void)snprintf(text, sizeof(text),
	               "version: 1\ndevice:\n  name: %s\n  metrics: {address: 127.0.0.1, port: 0}\n"
	               "segments:\n  - name: wan\n    port_a: eth1\n    port_b: eth2\n",
	               device_name);
	return text;
}

void device_write_config(struct device *d, const char *text)
{
	FILE *f = fopen(d->config_path, "w");

	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

void device_init(struct device *d)
{
	char path[160];

	memset(d, 0, sizeof(*d));
	(void)snprintf(d->dir, sizeof(d->dir), "/tmp/test_device.XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	(void)snprintf(d->run_dir, sizeof(d->run_dir), "%s/run", d->dir);
	(void)snprintf(d->state_dir, sizeof(d->state_dir), "%s/state", d->dir);
	(void)snprintf(d->log_dir, sizeof(d->log_dir), "%s/log", d->dir);
	(void)snprintf(d->config_path, sizeof(d->config_path), "%s/tpsd.yaml", d->dir);
	(void)snprintf(d->socket, sizeof(d->socket), "%s/run/tps.sock", d->dir);
	assert_int_equal(
	        mkdir(d->run_dir, 0755) | mkdir(d->state_dir, 0755) | mkdir(d->log_dir, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/counters", d->run_dir);
	assert_int_equal(counter_file_create(path, &d->counters), 0);
	for (unsigned slot = 0; slot <= PROC_SLOT_WORKER; slot++) {
		d->rings[slot] = ring_create(64 * 1024);
		assert_non_null(d->rings[slot]);
	}
	d->loop = loop_create();
	for (unsigned i = 0; i < DEV_ALL; i++)
		d->answer[i] = "[]";
	device_write_config(d, device_config(d, "one"));
}

void device_fini(struct device *d)
{
	char command[128];

	if (d->pid > 0)
		device_stop(d, true);
	for (unsigned slot = 0; slot <= PROC_SLOT_WORKER; slot++)
		ring_destroy(d->rings[slot]);
	counter_file_close(d->counters);
	loop_destroy(d->loop);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", d->dir);
	assert_int_equal(system(command), 0);
}

/* ---- the peers --------------------------------------------------------------------------- */

static enum device_peer peer_of(struct device *d, const struct ipc_channel *ch)
{
	for (unsigned i = 0; i < DEV_ALL; i++)
		if (d->peers[i] == ch)
			return (enum device_peer)i;
	fail_msg("a channel of no peer");
	return DEV_PARENT;
}

static void send_ready(struct device *d, enum device_peer peer, uint32_t revision)
{
	struct ipc_message msg = {.type = IPC_READY};
	int status = d->ready_status[peer];

	if (status > 0)
		return;
	if (status < 0 && d->refuse_path) {
		struct ipc_message item = {.type = IPC_ITEM};

		item.item.revision = revision;
		item.item.status = status;
		item.item.path = ipc_text_of(d->refuse_path);
		item.item.text = ipc_text_of("this cannot be done here");
		item.item.remedy = ipc_text_of("do another thing");
		assert_int_equal(ipc_send(d->peers[peer], &item), 0);
	}
	msg.ready.revision = revision;
	msg.ready.status = status;
	msg.ready.text = ipc_text_of("");
	assert_int_equal(ipc_send(d->peers[peer], &msg), 0);
}

static void send_taken(struct device *d, enum device_peer peer)
{
	struct ipc_message msg = {.type = IPC_ADOPTED, .adopted.revision = d->committed[peer]};

	d->taken[peer] = d->committed[peer];
	assert_int_equal(ipc_send(d->peers[peer], &msg), 0);
}

static void on_taken(struct loop_timer *timer)
{
	struct device *d = (struct device *)(void *)((char *)timer - offsetof(struct device, take));

	send_taken(d, d->slow_peer);
}

static void take_later(struct device *d, enum device_peer peer)
{
	d->slow_peer = peer;
	assert_int_equal(loop_timer_set(d->loop, &d->take,
	                                (uint64_t)d->slow_ms[peer] * CLOCK_NS_PER_MS, on_taken),
	                 0);
}

static void on_command(struct device *d, enum device_peer peer, const struct ipc_command *c)
{
	struct device_command *last = &d->last[peer];
	struct ipc_message msg = {.type = IPC_ANSWER};
	const char *json = d->answer[peer];
	size_t used;

	(void)snprintf(last->name, sizeof(last->name), "%.*s", IPC_TEXT(c->name));
	(void)snprintf(last->arguments, sizeof(last->arguments), "%.*s", (int)c->arguments.len,
	               c->arguments.len ? (const char *)c->arguments.data : "");
	d->ncommands[peer]++;
	used = strlen(d->seen[peer]);
	(void)snprintf(d->seen[peer] + used, sizeof(d->seen[peer]) - used, "%.*s %.*s\n",
	               IPC_TEXT(c->name), (int)c->arguments.len,
	               c->arguments.len ? (const char *)c->arguments.data : "");
	if (!json)
		return;
	msg.answer.id = c->id;
	msg.answer.json = (struct ipc_bytes){(const uint8_t *)json, (uint32_t)strlen(json)};
	assert_int_equal(ipc_send(d->peers[peer], &msg), 0);
}

static void on_message(struct ipc_channel *ch, const struct ipc_message *msg, int fds[IPC_FDS_MAX],
                       void *arg)
{
	struct device *d = arg;
	enum device_peer peer = peer_of(d, ch);

	if (!msg)
		return; /* control has ended */
	switch (msg->type) {
	case IPC_PREPARE:
		d->prepared[peer] = msg->prepare.revision;
		send_ready(d, peer, msg->prepare.revision);
		break;
	case IPC_COMMIT:
		d->committed[peer] = msg->commit.revision;
		if (d->slow_ms[peer] > 0)
			take_later(d, peer);
		else
			send_taken(d, peer);
		break;
	case IPC_ABORT:
		d->aborted[peer] = msg->abort.revision;
		break;
	case IPC_COMMAND:
		on_command(d, peer, &msg->command);
		break;
	case IPC_PANIC_DONE:
		d->panic_status = msg->panic_done.status;
		d->panics++;
		break;
	default:
		break;
	}
}

/* ---- control ----------------------------------------------------------------------------- */

static const struct proc_kind control_kind = {
        .name = "control", .role = IPC_CONTROL, .ops = &control_ops};

static int run_control(struct device *d, const int fds[DEV_ALL])
{
	struct proc proc = {
	        .kind = &control_kind,
	        .nworkers = 1,
	        .nworkers_wanted = d->workers_wanted,
	        .slot = PROC_SLOT_CONTROL,
	        .instance = "test",
	        .config_path = d->config_path,
	        .run_dir = d->run_dir,
	        .state_dir = d->state_dir,
	        .log_dir = d->log_dir,
	        .ring = d->rings[PROC_SLOT_CONTROL],
	        .counter_file = d->counters,
	        .counters = counter_file_slab(d->counters, PROC_SLOT_CONTROL),
	        .heartbeats = d->heartbeats,
	};
	int rc;

	memcpy(proc.rings, d->rings, sizeof(proc.rings));
	(void)signal(SIGPIPE, SIG_IGN);
	for (int n = SIGILL; n <= SIGSEGV; n++) /* cmocka would go on with its next test */
		if (n != SIGKILL && n != SIGUSR1)
			(void)signal(n, SIG_DFL);
	log_open("control", LOG_LEVEL_INFO);
	report_log_to_ring(proc.ring, "tpsd: control");
	rc = shell_init(&proc);
	if (rc == 0)
		rc = shell_attach(&proc, fds[DEV_PARENT], IPC_PARENT, 0);
	if (rc == 0)
		rc = control_ops.start(&proc);
	for (unsigned i = DEV_WIRE; i < DEV_ALL && rc == 0; i++)
		rc = shell_attach(&proc, fds[i], roles[i], 0);
	if (rc == 0)
		rc = shell_run(&proc);
	shell_fini(&proc);
	return rc == 0 ? 0 : 1;
}

void device_start(struct device *d)
{
	int fds[DEV_ALL][2], theirs[DEV_ALL];

	for (unsigned i = 0; i < DEV_ALL; i++) {
		assert_int_equal(ipc_pair(fds[i]), 0);
		theirs[i] = fds[i][1];
		d->prepared[i] = d->committed[i] = d->aborted[i] = 0;
	}
	(void)fflush(NULL);
	d->pid = fork();
	if (d->pid == 0) {
		for (unsigned i = 0; i < DEV_ALL; i++)
			(void)close(fds[i][0]);
		if (!getenv("SLUICE_TEST_NOISE"))
			(void)!freopen("/dev/null", "w", stderr);
		exit(run_control(d, theirs));
	}
	assert_true(d->pid > 0);
	for (unsigned i = 0; i < DEV_ALL; i++) {
		(void)close(fds[i][1]);
		d->peers[i] = ipc_channel_create(d->loop, fds[i][0], roles[i], IPC_CONTROL, 0,
		                                 on_message, d);
		assert_non_null(d->peers[i]);
	}
}

void device_stop(struct device *d, bool kill_it)
{
	struct ipc_message msg = {.type = IPC_SHUTDOWN, .shutdown.deadline_ms = 3000};
	int status;

	if (kill_it)
		(void)kill(d->pid, SIGKILL);
	else
		assert_int_equal(ipc_send(d->peers[DEV_PARENT], &msg), 0);
	for (unsigned i = DEV_WIRE; i < DEV_ALL; i++) {
		ipc_channel_destroy(d->peers[i]);
		d->peers[i] = NULL;
	}
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	if (!kill_it)
		assert_int_equal(status, 0);
	ipc_channel_destroy(d->peers[DEV_PARENT]);
	d->peers[DEV_PARENT] = NULL;
	d->pid = 0;
}

void device_restart_peer(struct device *d, enum device_peer peer)
{
	struct ipc_message msg = {.type = IPC_PEER};
	int fds[2];

	ipc_channel_destroy(d->peers[peer]);
	assert_int_equal(ipc_pair(fds), 0);
	msg.peer.role = (uint8_t)roles[peer];
	d->prepared[peer] = d->committed[peer] = 0;
	d->peers[peer] =
	        ipc_channel_create(d->loop, fds[0], roles[peer], IPC_CONTROL, 0, on_message, d);
	assert_non_null(d->peers[peer]);
	assert_int_equal(ipc_send_fds(d->peers[DEV_PARENT], &msg, &fds[1], 1), 0);
	(void)close(fds[1]);
}

/* ---- time -------------------------------------------------------------------------------- */

static void stop_loop(struct loop_timer *timer)
{
	loop_stop(timer->loop);
}

void device_run(struct device *d, unsigned ms)
{
	struct loop_timer timer = {.heap_index = 0};

	assert_int_equal(loop_timer_set(d->loop, &timer, ms * CLOCK_NS_PER_MS, stop_loop), 0);
	assert_int_equal(loop_run(d->loop), 0);
}

void device_wait(struct device *d, const uint32_t *value, uint32_t wanted)
{
	for (unsigned i = 0; i < 500 && *value < wanted; i++)
		device_run(d, 10);
	assert_true(*value >= wanted);
}

int device_panic(struct device *d, const char *steps)
{
	struct ipc_message msg = {.type = IPC_PANIC, .panic.number = d->panics + 1};

	msg.panic.steps = (struct ipc_bytes){(const uint8_t *)steps, (uint32_t)strlen(steps)};
	assert_int_equal(ipc_send(d->peers[DEV_LINK], &msg), 0);
	device_wait(d, &d->panics, d->panics + 1);
	return d->panic_status;
}

/* ---- commands ---------------------------------------------------------------------------- */

struct call {
	struct device *d;
	const char *words;
	json_t *arguments;
	json_t *data;
	json_t *error;
	bool done;
};

static bool keep_piece(void *arg, const json_t *data)
{
	struct call *c = arg;

	return json_array_append_new(c->data, json_deep_copy(data)) == 0;
}

/* tps's own client waits, so it has a thread while the peers answer on this one. */
static void *run_call(void *arg)
{
	struct call *c = arg;
	struct client *client = NULL;

	for (unsigned i = 0; i < 300 && !client; i++) {
		client = client_connect(c->d->socket);
		if (!client)
			(void)usleep(10000);
	}
	if (client)
		(void)client_request(client, c->words, c->arguments, keep_piece, c, &c->error);
	client_close(client);
	__atomic_store_n(&c->done, true, __ATOMIC_RELEASE);
	return NULL;
}

json_t *device_command(struct device *d, const char *words, json_t *arguments, json_t **ret_error)
{
	struct call c = {.d = d, .words = words, .arguments = arguments, .data = json_array()};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run_call, &c), 0);
	for (unsigned i = 0; i < 2500 && !__atomic_load_n(&c.done, __ATOMIC_ACQUIRE); i++)
		device_run(d, 5);
	assert_true(c.done);
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (!ret_error && c.error) {
		char *text = json_dumps(c.error, 0);

		fail_msg("%s: %s", words, text);
	}
	if (ret_error)
		*ret_error = c.error;
	json_decref(arguments);
	return c.data;
}

json_t *device_log(struct device *d, const char *kind)
{
	json_t *list = json_array();
	char path[160], *line = NULL;
	size_t size = 0;
	FILE *f;

	device_run(d, 250); /* two batches */
	(void)snprintf(path, sizeof(path), "%s/%s.json", d->log_dir, kind);
	f = fopen(path, "r");
	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		json_t *event = json_loads(line, 0, NULL);

		assert_non_null(event);
		(void)json_array_append_new(list, event);
	}
	free(line);
	(void)fclose(f);
	return list;
}
