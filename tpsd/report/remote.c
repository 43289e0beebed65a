/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/report/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/event/stream.h"
#include "lib/ipc/channel.h"
#include "lib/remote/remote.h"
#include "tpsd/report/control.h"
#include "tpsd/report/journal.h"
#include "tpsd/report/licensing.h"
#include "tpsd/report/origin.h"
#include "tpsd/report/panic.h"
#include "tpsd/report/transaction.h"

enum {
	ERRORS_BYTES_MAX = 131072,
	UNREAD_MAX = 64 * 1024, /* some 60 messages */
	SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
};

struct remote {
	struct control *control;
	uint64_t id; /* of the document that is being applied */
	/* What `link` was told of events: */
	bool told;
	uint32_t run;
	struct event_border border;
};

int remote_open(struct control *control, struct remote **ret_remote)
{
	struct remote *r = calloc(1, sizeof(*r));

	if (!r)
		return SL_ENOMEM;
	r->control = control;
	*ret_remote = r;
	return 0;
}

void remote_close(struct remote *remote)
{
	free(remote);
}

static void send_to_link(struct control *control, const struct ipc_message *msg, const int *fds,
                         unsigned nfds)
{
	struct ipc_channel *link = proc_peer(control->proc, IPC_LINK, 0);

	if (link && ipc_send_fds(link, msg, fds, nfds) != 0)
		log_error("link was not told of %s: its channel is full", ipc_type_name(msg->type));
}

/* ---- documents --------------------------------------------------------------------------- */

/* The shape's maxima: what is longer is cut. JSON does not take a character that was cut in two. */
static json_t *cut(const char *text, int max)
{
	json_t *value = json_sprintf("%.*s", max, text);

	return value ? value : json_string("(not UTF-8)");
}

/* As many as a message has room for. NULL: no memory. */
static char *errors_of(const struct conf_errors *errs)
{
	json_t *list = json_array();
	size_t room = ERRORS_BYTES_MAX - 64;
	char *text;

	for (size_t i = 0; i < errs->count && i < REMOTE_ITEMS_MAX; i++) {
		const struct conf_error *e = &errs->items[i];
		json_t *one = json_pack("{s:o, s:b, s:o, s:o}", "pointer", cut(e->pointer, 512),
		                        "notice", e->notice, "text", cut(e->text, 1000), "remedy",
		                        cut(e->remedy, 1000));
		size_t len = one ? json_dumpb(one, NULL, 0, JSON_COMPACT) + 1 : room + 1;

		if (len > room) {
			json_decref(one);
			break;
		}
		room -= len;
		(void)json_array_append_new(list, one);
	}
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

static void answer(struct control *control, uint64_t id, int status, uint32_t revision,
                   const struct conf_errors *errs)
{
	struct ipc_message msg = {.type = IPC_DOCUMENT_DONE};
	char *errors = errs ? errors_of(errs) : NULL;

	msg.document_done.id = id;
	msg.document_done.status = status;
	msg.document_done.revision = revision;
	if (errors)
		msg.document_done.errors =
		        (struct ipc_bytes){(const uint8_t *)errors, (uint32_t)strlen(errors)};
	send_to_link(control, &msg, NULL, 0);
	free(errors);
}

static void on_done(void *arg, int status, uint32_t revision, const struct conf_errors *errs)
{
	struct remote *r = arg;

	answer(r->control, r->id, status, revision, errs);
}

/* Nobody may change it while it is read: the seals are looked at, not believed. */
static int map_text(int fd, uint64_t size, uint64_t max, void **ret_text)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *text;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0)
		return SL_EPERM;
	if (size == 0 || size > max || (uint64_t)st.st_size != size)
		return SL_ERANGE;
	text = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (text == MAP_FAILED)
		return SL_ESYS;
	*ret_text = text;
	return 0;
}

void remote_on_document(struct control *control, const struct ipc_document *msg, int fd)
{
	struct remote *r = control->remote;
	char user[65];
	struct transaction_order order = {.name = "sms.json",
	                                  .user = user,
	                                  .len = msg->size,
	                                  .confirm_ms = (uint64_t)msg->confirm_s * 1000,
	                                  .fn = on_done,
	                                  .arg = r};
	void *text;
	int rc = map_text(fd, msg->size, CONF_TEXT_MAX - 1, &text);

	(void)snprintf(user, sizeof(user), "%.*s", IPC_TEXT(msg->user));
	if (rc == 0) {
		order.text = text;
		rc = transaction_start(control->transaction, &order);
		(void)munmap(text, msg->size);
	}
	if (rc == 0)
		r->id = msg->id;
	else
		answer(control, msg->id, rc, 0, NULL);
}

void remote_on_confirm(struct control *control, const struct ipc_confirm *msg)
{
	struct transaction_held held;

	if (!transaction_held(control->transaction, &held) || msg->sha256.len != 32 ||
	    memcmp(msg->sha256.data, held.sha256, 32) != 0)
		return;
	if (transaction_confirm(control->transaction) == 0)
		log_info("configuration: revision %u proved good and is kept", held.revision);
}

/* ---- licences ---------------------------------------------------------------------------- */

void remote_licences(struct control *control, const struct remote_taken *taken)
{
	struct ipc_message msg = {.type = IPC_LICENCES};
	json_t *value;
	char *text;

	if (!proc_peer(control->proc, IPC_LINK, 0))
		return;
	value = licensing_describe(control->licensing);
	text = json_dumps(json_object_get(value, "capabilities"), JSON_COMPACT);
	if (text) {
		msg.licences.json =
		        (struct ipc_bytes){(const uint8_t *)text, (uint32_t)strlen(text)};
		if (taken) {
			msg.licences.status = taken->status;
			msg.licences.sha256 = taken->sha256;
			msg.licences.text = ipc_text_of(taken->text);
		}
		send_to_link(control, &msg, NULL, 0);
	}
	free(text);
	json_decref(value);
}

void remote_on_licence(struct control *control, const struct ipc_licence *msg, int fd)
{
	uint8_t sha256[32] = {0}; /* the message's bytes end with the next that is sent */
	struct remote_taken taken = {.text = "", .sha256 = {sha256, sizeof(sha256)}};
	struct pki_error err = {.text = ""};
	void *package;

	if (msg->sha256.len == sizeof(sha256))
		memcpy(sha256, msg->sha256.data, sizeof(sha256));
	taken.status = map_text(fd, msg->size, LICENCE_MAX, &package);
	if (taken.status == 0) {
		taken.status =
		        licensing_install(control->licensing, package, msg->size, false, &err);
		(void)munmap(package, msg->size);
	}
	if (taken.status != 0) {
		taken.text = err.text[0] ? err.text : err_text(taken.status);
		log_error("licence: the SMS's is not taken: %s", taken.text);
	}
	remote_licences(control, &taken);
}

/* ---- what is in force -------------------------------------------------------------------- */

static int make_memfd(const void *text, size_t len)
{
	int fd = memfd_create("in-force", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const char *at = text;

	while (fd >= 0 && len > 0) {
		ssize_t n = write(fd, at, len);

		if (n <= 0)
			break;
		at += n;
		len -= (size_t)n;
	}
	if (fd >= 0 && (len > 0 || fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) != 0)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

void remote_in_force(struct control *control)
{
	struct ipc_message msg = {.type = IPC_IN_FORCE};
	struct transaction_held held;
	int fd;

	if (!proc_peer(control->proc, IPC_LINK, 0) || !control->transaction ||
	    !transaction_held(control->transaction, &held))
		return;
	fd = make_memfd(held.text, held.len);
	if (fd < 0) {
		log_error("link cannot be told what is in force: %s", strerror(errno));
		return;
	}
	msg.in_force.revision = held.revision;
	msg.in_force.reverted = held.reverted;
	msg.in_force.sha256 = (struct ipc_bytes){held.sha256, 32};
	msg.in_force.size = held.len;
	send_to_link(control, &msg, &fd, 1);
	(void)close(fd);
}

/* ---- events ------------------------------------------------------------------------------ */

/* What the SMS shows of this device (R157), where `link` and anyone else can read it. */
static void show_state(struct control *control)
{
	struct counter_slab *counters = control->proc->counters;

	if (control->panic)
		counter_set(counters, COUNTER_panic_step, panic_step(control->panic));
	counter_set(counters, COUNTER_draining, control->draining);
}

void remote_events(struct control *control)
{
	struct remote *r = control->remote;
	struct ipc_channel *link = proc_peer(control->proc, IPC_LINK, 0);
	struct ipc_message msg = {.type = IPC_EVENTS};
	struct event_border border;
	uint32_t run;

	show_state(control);
	if (!r || !link)
		return;
	memset(&border, 0, sizeof(border));
	journal_border(control->journal, &border, &run);
	if (border.next == 0 ||
	    (r->told && run == r->run && memcmp(&border, &r->border, sizeof(border)) == 0))
		return;
	msg.events.run = run;
	msg.events.epoch = ipc_text_of(border.epoch);
	msg.events.next = border.next;
	msg.events.files = (struct ipc_bytes){(const uint8_t *)border.files, sizeof(border.files)};
	r->told = ipc_send(link, &msg) == 0;
	r->run = run;
	r->border = border;
}

void remote_link_up(struct control *control)
{
	remote_in_force(control);
	if (control->remote)
		control->remote->told = false;
	remote_events(control);
}

void remote_on_file_wanted(struct control *control, const struct ipc_event_file_wanted *msg)
{
	struct ipc_channel *link = proc_peer(control->proc, IPC_LINK, 0);
	struct ipc_message answer = {.type = IPC_EVENT_FILE_GONE};
	int fd;

	/* Descriptors on their way count against our own limit: one who asks and does not read is
	 * given none. */
	if (!link || ipc_channel_unread(link) > UNREAD_MAX)
		return;
	if (journal_open_file(control->journal, msg->kind, msg->number, &fd) != 0) {
		answer.event_file_gone.kind = msg->kind;
		answer.event_file_gone.number = msg->number;
		send_to_link(control, &answer, NULL, 0);
		return;
	}
	answer.type = IPC_EVENT_FILE;
	answer.event_file.kind = msg->kind;
	answer.event_file.number = msg->number;
	send_to_link(control, &answer, &fd, 1);
	(void)close(fd);
}
