/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shell around each process: heartbeat, channels, configuration transactions, commands. It
 * knows every message that is the same for all and hands the others to the process's own ops.
 */
#include "tpsd/proc/proc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/image.h"
#include "tpsd/proc/shell.h"

struct proc_shell {
	struct loop_timer heartbeat;
	struct proc *proc;
	struct ipc_channel *peers[PROC_SLOTS];
	int exit_status;
	bool exiting;
};

static size_t place_of(enum ipc_role role, unsigned index)
{
	switch (role) {
	case IPC_PARENT:
		return PROC_SLOT_PARENT;
	case IPC_WIRE:
		return PROC_SLOT_WIRE;
	case IPC_KEYS:
		return PROC_SLOT_KEYS;
	case IPC_CONTROL:
		return PROC_SLOT_CONTROL;
	case IPC_LINK:
		return PROC_SLOT_LINK;
	case IPC_WORKER:
		return index < PROC_WORKERS_MAX ? PROC_SLOT_WORKER + index : PROC_SLOTS;
	}
	return PROC_SLOTS;
}

struct ipc_channel *proc_peer(struct proc *proc, enum ipc_role role, unsigned index)
{
	size_t place = place_of(role, role == IPC_WORKER ? index : 0);

	return place < PROC_SLOTS ? proc->shell->peers[place] : NULL;
}

static int send_to_control(struct proc *proc, const struct ipc_message *msg)
{
	struct ipc_channel *control = proc_peer(proc, IPC_CONTROL, 0);

	return control ? ipc_send(control, msg) : SL_ECLOSED;
}

/* Texts of a message must not pass the table's bounds, whoever made them. */
static struct ipc_text bounded(const char *text, size_t max)
{
	return (struct ipc_text){.data = text, .len = (uint32_t)strnlen(text, max)};
}

void proc_refuse_item(struct proc *proc, int status, const char *path, const char *text,
                      const char *remedy)
{
	struct ipc_message msg = {.type = IPC_ITEM};

	msg.item.revision = proc->preparing;
	msg.item.status = status;
	msg.item.path = bounded(path, 256);
	msg.item.text = bounded(text, 512);
	msg.item.remedy = bounded(remedy, 256);
	if (send_to_control(proc, &msg) != 0)
		log_error("configuration: %s: %s", path, text);
}

void proc_ready(struct proc *proc, uint32_t revision, int status)
{
	struct ipc_message msg = {.type = IPC_READY};

	msg.ready.revision = revision;
	msg.ready.status = status;
	msg.ready.text = ipc_text_of(status == 0 ? "" : err_text(status));
	if (send_to_control(proc, &msg) != 0)
		log_error("configuration: revision %u: control is not there to hear of it",
		          revision);
}

static void refuse_errors(struct proc *proc, const struct conf_errors *errs)
{
	for (size_t i = 0; i < errs->count; i++)
		if (!errs->items[i].notice)
			proc_refuse_item(proc, errs->items[i].code, errs->items[i].pointer,
			                 errs->items[i].text, errs->items[i].remedy);
}

/* The image's document as this process's own config. */
static int build_config(struct proc *proc, const struct conf_image *image, struct config **ret)
{
	struct conf_errors errs;
	int rc;

	conf_errors_init(&errs);
	rc = conf_image_config(image, &errs, ret);
	if (rc != 0)
		refuse_errors(proc, &errs);
	conf_errors_fini(&errs);
	return rc;
}

static int prepare_image(struct proc *proc, uint32_t revision, const struct conf_image *image)
{
	struct config *config;
	int rc = build_config(proc, image, &config);

	if (rc != 0)
		return rc;
	if (proc->kind->ops->prepare)
		rc = proc->kind->ops->prepare(proc, revision, image, config);
	config_put(config);
	return rc;
}

static void on_commit(struct proc *proc, uint32_t revision)
{
	struct ipc_message msg = {.type = IPC_ADOPTED, .adopted.revision = revision};

	if (proc->kind->ops->commit)
		proc->kind->ops->commit(proc, revision);
	if (send_to_control(proc, &msg) != 0)
		log_error("configuration: revision %u: control is not there to hear that it was "
		          "taken",
		          revision);
}

static void on_prepare(struct proc *proc, const struct ipc_prepare *msg, int fd)
{
	struct conf_image *image;
	int rc = conf_image_open_fd(fd, &image);

	proc->preparing = msg->revision;
	if (rc == 0) {
		rc = prepare_image(proc, msg->revision, image);
		conf_image_close(image);
	} else {
		proc_refuse_item(proc, rc, "", "the compiled image does not open",
		                 "apply it again");
	}
	if (rc != SL_EAGAIN)
		proc_ready(proc, msg->revision, rc);
}

static void answer_error(struct proc *proc, uint64_t id, int status)
{
	proc_answer(proc, id, status, "null", 4, false);
}

static void on_command(struct proc *proc, struct ipc_channel *from, const struct ipc_command *msg)
{
	char name[65];
	char *arguments;

	proc->commander = from;
	(void)snprintf(name, sizeof(name), "%.*s", IPC_TEXT(msg->name));
	if (!proc->kind->ops->command) {
		answer_error(proc, msg->id, SL_EUNSUPPORTED);
		return;
	}
	arguments = strndup(
	        (const char *)(msg->arguments.len ? msg->arguments.data : (const uint8_t *)"{}"),
	        msg->arguments.len ? msg->arguments.len : 2);
	if (!arguments) {
		answer_error(proc, msg->id, SL_ENOMEM);
		return;
	}
	proc->kind->ops->command(proc, msg->id, name, arguments);
	free(arguments);
}

void proc_answer(struct proc *proc, uint64_t id, int status, const char *json, size_t len,
                 bool more)
{
	struct ipc_channel *to = proc->commander;
	struct ipc_message msg = {.type = IPC_ANSWER};

	if (proc->kind->role != IPC_CONTROL && proc->kind->role != IPC_PARENT)
		to = proc_peer(proc, IPC_CONTROL, 0);
	msg.answer.id = id;
	msg.answer.more = more;
	msg.answer.status = status;
	msg.answer.json = (struct ipc_bytes){(const uint8_t *)json, (uint32_t)len};
	if (!to || ipc_send(to, &msg) != 0)
		log_warning("an answer to a command was lost");
}

static void shell_on_message(struct ipc_channel *ch, const struct ipc_message *msg,
                             int fds[IPC_FDS_MAX], void *arg);

int shell_attach(struct proc *proc, int fd, enum ipc_role role, unsigned index)
{
	size_t place = place_of(role, index);
	struct ipc_channel *ch;

	if (place >= PROC_SLOTS)
		return SL_ERANGE;
	ch = ipc_channel_create(proc->loop, fd, proc->kind->role, role, index, shell_on_message,
	                        proc);
	if (!ch)
		return SL_ENOMEM;
	if (proc->shell->peers[place]) { /* its end was not noticed yet: the new one counts */
		if (proc->kind->ops->peer_down)
			proc->kind->ops->peer_down(proc, proc->shell->peers[place]);
		ipc_channel_destroy(proc->shell->peers[place]);
	}
	proc->shell->peers[place] = ch;
	if (role == IPC_PARENT)
		proc->parent = ch;
	if (proc->kind->ops->peer_up)
		proc->kind->ops->peer_up(proc, ch);
	return 0;
}

void shell_detach(struct proc *proc, enum ipc_role role, unsigned index)
{
	size_t place = place_of(role, index);

	if (place >= PROC_SLOTS || !proc->shell->peers[place])
		return;
	ipc_channel_destroy(proc->shell->peers[place]);
	proc->shell->peers[place] = NULL;
}

static void on_peer_gone(struct proc *proc, struct ipc_channel *ch)
{
	size_t place = place_of(ipc_channel_peer(ch), ipc_channel_index(ch));

	if (ipc_channel_peer(ch) == IPC_PARENT) {
		proc_exit(proc, 1); /* the kernel kills it anyway */
		return;
	}
	if (proc->commander == ch)
		proc->commander = NULL;
	if (place < PROC_SLOTS && proc->shell->peers[place] == ch)
		proc->shell->peers[place] = NULL;
	if (proc->kind->ops->peer_down)
		proc->kind->ops->peer_down(proc, ch);
	ipc_channel_destroy(ch);
}

static void on_peer(struct proc *proc, const struct ipc_peer *msg, int fds[IPC_FDS_MAX])
{
	if (shell_attach(proc, fds[0], (enum ipc_role)msg->role, msg->index) == 0)
		fds[0] = -1;
}

static void shell_on_message(struct ipc_channel *ch, const struct ipc_message *msg,
                             int fds[IPC_FDS_MAX], void *arg)
{
	struct proc *proc = arg;
	const struct proc_ops *ops = proc->kind->ops;

	if (!msg) {
		on_peer_gone(proc, ch);
		return;
	}
	/* Not for a turn of the loop to say: that has 64 messages of each peer, with a signature or
	 * a step of a handshake each, and on a busy machine takes longer than who is alive may be
	 * silent. */
	shell_heartbeat(proc);
	switch (msg->type) {
	case IPC_PEER:
		on_peer(proc, &msg->peer, fds);
		return;
	case IPC_SHUTDOWN:
		if (ops->shutdown)
			ops->shutdown(proc, msg->shutdown.deadline_ms);
		else
			proc_exit(proc, 0);
		return;
	case IPC_PREPARE:
		on_prepare(proc, &msg->prepare, fds[0]);
		return;
	case IPC_COMMIT:
		on_commit(proc, msg->commit.revision);
		return;
	case IPC_ABORT:
		if (ops->abort)
			ops->abort(proc, msg->abort.revision);
		return;
	case IPC_COMMAND:
		on_command(proc, ch, &msg->command);
		return;
	default:
		if (ops->message)
			ops->message(proc, ch, msg, fds);
	}
}

static void beat(struct loop_timer *timer)
{
	struct proc_shell *shell = (struct proc_shell *)timer;
	struct proc *proc = shell->proc;

	shell_heartbeat(proc);
	(void)loop_timer_set(proc->loop, timer, PROC_HEARTBEAT_EVERY_MS * CLOCK_NS_PER_MS, beat);
}

void shell_heartbeat(struct proc *proc)
{
	__atomic_store_n(&proc->heartbeats[proc->slot], clock_now_ns(), __ATOMIC_RELEASE);
}

static void on_turn(void *arg)
{
	struct proc *proc = arg;

	proc->kind->ops->turn(proc);
}

int shell_init(struct proc *proc)
{
	proc->shell = calloc(1, sizeof(*proc->shell));
	proc->loop = loop_create();
	if (!proc->shell || !proc->loop)
		return SL_ENOMEM;
	proc->shell->proc = proc;
	if (proc->kind->ops->turn)
		loop_set_turn(proc->loop, on_turn, proc);
	return 0;
}

int shell_run(struct proc *proc)
{
	beat(&proc->shell->heartbeat);
	if (!proc->shell->exiting && loop_run(proc->loop) != 0) {
		log_critical("the event loop failed");
		proc->shell->exit_status = 1;
	}
	if (proc->kind->ops->stop)
		proc->kind->ops->stop(proc);
	return proc->shell->exit_status;
}

void shell_fini(struct proc *proc)
{
	for (size_t i = 0; i < PROC_SLOTS; i++)
		ipc_channel_destroy(proc->shell->peers[i]);
	loop_destroy(proc->loop);
	free(proc->shell);
	proc->shell = NULL;
	proc->loop = NULL;
}

void proc_exit(struct proc *proc, int status)
{
	proc->shell->exit_status = status;
	proc->shell->exiting = true;
	loop_stop(proc->loop);
}
