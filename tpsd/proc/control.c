/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `control` process: configuration, commands, events, metrics. It has no key, no packet and no
 * capability. The parts are in tpsd/report/; here they are put together and given their messages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "tpsd/report/control.h"
#include "tpsd/report/expiry.h"
#include "tpsd/report/forward.h"
#include "tpsd/report/journal.h"
#include "tpsd/report/licensing.h"
#include "tpsd/report/metrics.h"
#include "tpsd/report/panic.h"
#include "tpsd/report/remote.h"
#include "tpsd/report/server.h"
#include "tpsd/report/traffic.h"
#include "tpsd/report/transaction.h"

enum { LEAVE_LOOK_EVERY_MS = 50 };

static int failed(const char *what, int rc)
{
	log_critical("%s: %s", what, rc == SL_ESYS ? strerror(errno) : err_text(rc));
	return rc;
}

static int open_parts(struct control *c)
{
	int rc = journal_open(c, &c->journal);

	if (rc != 0)
		return failed(c->proc->log_dir, rc);
	rc = forward_open(c, &c->forward);
	if (rc == 0)
		rc = metrics_open(c, &c->metrics);
	if (rc == 0)
		rc = expiry_open(c, &c->expiry);
	if (rc == 0)
		rc = traffic_open(c, &c->traffic);
	if (rc == 0)
		rc = licensing_open(c, &c->licensing);
	if (rc == 0)
		rc = panic_open(c, &c->panic);
	if (rc == 0)
		rc = remote_open(c, &c->remote);
	if (rc == 0)
		rc = transaction_open(c, &c->transaction);
	if (rc != 0)
		return failed("control", rc);
	rc = server_open(c, &c->server);
	return rc == 0 ? 0 : failed("tps.sock", rc);
}

static int control_start(struct proc *proc)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return SL_ENOMEM;
	c->proc = proc;
	c->started_ns = clock_now_ns();
	proc->state = c;
	return open_parts(c);
}

static void control_stop(struct proc *proc)
{
	struct control *c = control_of(proc);

	if (!c)
		return;
	loop_timer_cancel(&c->leave);
	server_close(c->server);
	transaction_close(c->transaction);
	remote_close(c->remote);
	panic_close(c->panic);
	licensing_close(c->licensing);
	traffic_close(c->traffic);
	expiry_close(c->expiry);
	metrics_close(c->metrics);
	forward_close(c->forward);
	journal_close(c->journal); /* last: the others' last words */
	config_put(c->config);
	free(c);
	proc->state = NULL;
}

static void control_peer_up(struct proc *proc, struct ipc_channel *peer)
{
	struct control *c = control_of(proc);
	enum ipc_role role = ipc_channel_peer(peer);

	if (!c) /* parent's channel is there before start() */
		return;
	transaction_peer_up(c->transaction, role, ipc_channel_index(peer));
	if (role == IPC_LINK)
		remote_link_up(c);
	panic_peer_up(c->panic, role);
	licensing_peer_up(c->licensing, role);
}

static void control_peer_down(struct proc *proc, struct ipc_channel *peer)
{
	struct control *c = control_of(proc);

	if (!c || c->leaving)
		return;
	forward_on_peer_down(c, ipc_channel_peer(peer), ipc_channel_index(peer));
	transaction_peer_down(c->transaction, ipc_channel_peer(peer), ipc_channel_index(peer));
}

static void control_message(struct proc *proc, struct ipc_channel *from,
                            const struct ipc_message *msg, int fds[IPC_FDS_MAX])
{
	struct control *c = control_of(proc);
	enum ipc_role role = ipc_channel_peer(from);
	unsigned index = ipc_channel_index(from);

	switch (msg->type) {
	case IPC_READY:
		transaction_on_ready(c->transaction, role, index, &msg->ready);
		return;
	case IPC_ADOPTED:
		transaction_on_adopted(c->transaction, role, index, &msg->adopted);
		return;
	case IPC_ITEM:
		transaction_on_item(c->transaction, role, index, &msg->item);
		return;
	case IPC_DOCUMENT:
		remote_on_document(c, &msg->document, fds[0]);
		return;
	case IPC_CONFIRM:
		remote_on_confirm(c, &msg->confirm);
		return;
	case IPC_EVENT_FILE_WANTED:
		remote_on_file_wanted(c, &msg->event_file_wanted);
		return;
	case IPC_LICENCE:
		remote_on_licence(c, &msg->licence, fds[0]);
		return;
	case IPC_PANIC:
		panic_on_remote(c, &msg->panic);
		return;
	case IPC_ANSWER:
		forward_on_answer(c, role, index, &msg->answer);
		return;
	default:
		log_warning("control got a message that it has no use for: %s",
		            ipc_type_name(msg->type));
	}
}

/* COMMANDs to control come from parent: SIGHUP. */
static void control_command(struct proc *proc, uint64_t id, const char *name, const char *arguments)
{
	struct control *c = control_of(proc);

	if (strcmp(name, "reload") != 0) {
		log_warning("control got a command that it does not know: %s", name);
		return;
	}
	transaction_hangup(c->transaction);
}

static void control_turn(struct proc *proc)
{
	struct control *c = control_of(proc);

	if (c && c->server)
		server_turn(c->server);
}

/* Stays until the others are gone, so that their last events are written. */
static void look_who_is_left(struct loop_timer *timer)
{
	struct control *c =
	        (struct control *)(void *)((char *)timer - offsetof(struct control, leave));
	bool left = proc_peer(c->proc, IPC_WIRE, 0) || proc_peer(c->proc, IPC_KEYS, 0) ||
	            proc_peer(c->proc, IPC_LINK, 0);

	for (unsigned i = 0; i < c->proc->nworkers && !left; i++)
		left = proc_peer(c->proc, IPC_WORKER, i) != NULL;
	if (!left || clock_now_ns() > c->leave_by_ns)
		proc_exit(c->proc, 0);
	else
		(void)loop_timer_set(c->proc->loop, timer, LEAVE_LOOK_EVERY_MS * CLOCK_NS_PER_MS,
		                     look_who_is_left);
}

static void control_shutdown(struct proc *proc, uint32_t deadline_ms)
{
	struct control *c = control_of(proc);

	c->leaving = true;
	c->leave_by_ns = clock_now_ns() + deadline_ms * CLOCK_NS_PER_MS * 9 / 10;
	look_who_is_left(&c->leave);
}

const struct proc_ops control_ops = {
        .start = control_start,
        .peer_up = control_peer_up,
        .peer_down = control_peer_down,
        .message = control_message,
        .command = control_command,
        .turn = control_turn,
        .shutdown = control_shutdown,
        .stop = control_stop,
};
