/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker: TLS and inspection, one process a core. It turns messages into calls of the host of
 * sessions and back. No capability, no file, no socket of its own making.
 */
#include <jansson.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "tpsd/proc/worker_priv.h"

static int worker_prepare(struct proc *proc, uint32_t revision, const struct conf_image *image,
                          struct config *config)
{
	struct worker *w = proc->state;
	struct setup *setup;
	int rc = worker_make_setup(w, revision, image, config, &setup);

	if (rc != 0)
		return rc;
	setup_put(w->prepared);
	w->prepared = setup;
	w->prepared_revision = revision;
	return 0;
}

static void worker_commit(struct proc *proc, uint32_t revision)
{
	struct worker *w = proc->state;

	if (!w->prepared || w->prepared_revision != revision)
		return;
	keyclient_set_timeout(w->keys, w->prepared->config->ssl_inspection.key_timeout_ms);
	host_use_setup(w->host, w->prepared);
	setup_put(w->prepared);
	w->prepared = NULL;
}

static void worker_abort(struct proc *proc, uint32_t revision)
{
	struct worker *w = proc->state;

	if (w->prepared_revision != revision)
		return;
	setup_put(w->prepared);
	w->prepared = NULL;
}

static void send_verdict(void *arg, uint64_t flow, enum ipc_action action, enum ipc_reset reset,
                         enum reason reason)
{
	struct ipc_channel *wire = proc_peer(arg, IPC_WIRE, 0);
	struct ipc_message msg = {.type = IPC_VERDICT};

	msg.verdict.flow = flow;
	msg.verdict.action = (uint8_t)action;
	msg.verdict.reset = (uint8_t)reset;
	msg.verdict.reason = (uint16_t)reason;
	if (wire && ipc_send(wire, &msg) != 0)
		log_error("a verdict was lost: the channel to wire is full");
}

static void leave_when_empty(struct worker *w)
{
	if (w->leaving && host_sessions(w->host) == 0)
		proc_exit(w->proc, 0);
}

static void send_ended(void *arg, uint64_t flow, enum reason reason)
{
	struct proc *proc = arg;
	struct worker *w = proc->state;
	struct ipc_channel *wire = proc_peer(proc, IPC_WIRE, 0);
	struct ipc_message msg = {.type = IPC_ENDED};

	msg.ended.flow = flow;
	msg.ended.reason = (uint16_t)reason;
	if (wire && ipc_send(wire, &msg) != 0)
		log_error("the end of a flow was not told: the channel to wire is full");
	heap_note(&w->heap, host_sessions(w->host));
	leave_when_empty(w);
}

/* Before the system call list is in force: libcrypto would read its configuration file later. */
static int worker_setup(struct proc *proc)
{
	if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL)) {
		log_critical("OpenSSL does not start");
		return SL_ECRYPTO;
	}
	/* So that neither opens a file later: strftime for the time zone, jansson for its seed. */
	tzset();
	json_object_seed((size_t)clock_wall_us() | 1);
	heap_tune();
	return 0;
}

static int worker_start(struct proc *proc)
{
	static const struct host_ops ops = {send_verdict, send_ended};
	struct worker *w = calloc(1, sizeof(*w));
	struct host_parts parts = {.loop = proc->loop,
	                           .ring = proc->ring,
	                           .counters = proc->counters,
	                           .learned = proc->learned,
	                           .ops = &ops,
	                           .arg = proc,
	                           .workers = proc->nworkers};
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	if (!w)
		return SL_ENOMEM;
	proc->state = w;
	w->proc = proc;
	w->heap.loop = proc->loop;
	w->keys = keyclient_create(proc->loop);
	if (!w->keys)
		return SL_ENOMEM;
	parts.keys = keyclient_backend(w->keys);
	rc = host_create(&parts, &w->host);
	if (rc != 0)
		log_critical("the worker does not start: %s", err_text(rc));
	return rc;
}

static void worker_peer_up(struct proc *proc, struct ipc_channel *peer)
{
	struct worker *w = proc->state;

	if (ipc_channel_peer(peer) == IPC_KEYS && w)
		keyclient_set_channel(w->keys, peer);
}

/* Without `wire` the flows' entries are gone, and with them the way of their packets. */
static void worker_peer_down(struct proc *proc, struct ipc_channel *peer)
{
	static const struct host_filter everything;
	struct worker *w = proc->state;

	if (!w)
		return;
	if (ipc_channel_peer(peer) == IPC_KEYS)
		keyclient_set_channel(w->keys, NULL);
	else if (ipc_channel_peer(peer) == IPC_WIRE)
		(void)host_clear(w->host, &everything);
}

static void set_own_keys(struct worker *w, const struct ipc_bytes *ids)
{
	host_set_own_keys(w->host, (const uint8_t(*)[KEY_ID_LEN])ids->data, ids->len / KEY_ID_LEN);
}

static void worker_message(struct proc *proc, struct ipc_channel *from,
                           const struct ipc_message *msg, int fds[IPC_FDS_MAX])
{
	struct worker *w = proc->state;

	switch (msg->type) {
	case IPC_HELLO:
		host_hello(w->host, &msg->hello);
		break;
	case IPC_TAKEN:
		host_taken(w->host, msg->taken.flow, fds[0], fds[1]);
		fds[0] = fds[1] = -1;
		break;
	case IPC_GONE:
		host_gone(w->host, msg->gone.flow, (enum reason)msg->gone.reason);
		break;
	case IPC_SIGN_DONE:
		keyclient_answer(w->keys, msg->sign_done.id, msg->sign_done.status,
		                 &msg->sign_done.signature);
		break;
	case IPC_DECRYPT_DONE:
		keyclient_answer(w->keys, msg->decrypt_done.id, msg->decrypt_done.status,
		                 &msg->decrypt_done.secret);
		break;
	case IPC_FORGED:
		keyclient_forged(w->keys, &msg->forged);
		break;
	case IPC_OWN_KEYS:
		set_own_keys(w, &msg->own_keys.ids);
		break;
	case IPC_TICKET_KEY:
		host_add_ticket_key(w->host, msg->ticket_key.generation,
		                    msg->ticket_key.secret.data, msg->ticket_key.secret.len);
		break;
	default:
		break;
	}
}

static void deadline_passed(struct loop_timer *timer)
{
	static const struct host_filter everything;
	struct worker *w = (struct worker *)((char *)timer - offsetof(struct worker, deadline));

	(void)host_clear(w->host, &everything);
	leave_when_empty(w);
}

void worker_pause(struct worker *w, bool on, uint64_t deadline_ms)
{
	host_pause(w->host, on);
	loop_timer_cancel(&w->deadline);
	if (on && deadline_ms > 0)
		(void)loop_timer_set(w->proc->loop, &w->deadline, deadline_ms * CLOCK_NS_PER_MS,
		                     deadline_passed);
}

static void worker_shutdown(struct proc *proc, uint32_t deadline_ms)
{
	struct worker *w = proc->state;

	w->leaving = true;
	host_pause(w->host, true);
	if (deadline_ms > 0 && host_sessions(w->host) > 0 &&
	    loop_timer_set(proc->loop, &w->deadline, deadline_ms * CLOCK_NS_PER_MS,
	                   deadline_passed) == 0)
		return;
	deadline_passed(&w->deadline);
}

static void worker_stop(struct proc *proc)
{
	struct worker *w = proc->state;

	if (!w)
		return;
	w->leaving = false;
	loop_timer_cancel(&w->deadline);
	host_destroy(w->host);
	setup_put(w->prepared);
	keyclient_destroy(w->keys);
	free(w);
	proc->state = NULL;
}

const struct proc_ops worker_ops = {
        .setup = worker_setup,
        .start = worker_start,
        .prepare = worker_prepare,
        .commit = worker_commit,
        .abort = worker_abort,
        .peer_up = worker_peer_up,
        .peer_down = worker_peer_down,
        .message = worker_message,
        .command = worker_command,
        .shutdown = worker_shutdown,
        .stop = worker_stop,
};
