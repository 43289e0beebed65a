/* SPDX-License-Identifier: Apache-2.0 */
/* The process `link`: its parts are made here and given their messages. */
#include "tpsd/link/link.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/ipc/channel.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/link/store.h"
#include "tpsd/proc/sandbox.h"
#include "tpsd/proc/proc.h"

enum { DOCUMENT_MAX = 32 * 1024 * 1024 };

/* With privileges: the folder above ours is `control`'s. */
static int link_setup(struct proc *proc)
{
	static const struct proc_kind control = {.user = "sluice"};
	struct link *link = calloc(1, sizeof(*link));
	struct store_owner owner;
	uid_t control_uid;
	int rc;

	if (!link)
		return SL_ENOMEM;
	link->proc = proc;
	link->held.fd = link->follow.part = -1;
	link->record.state = REMOTE_STATE_CONFIRMED;
	buf_init(&link->follow.document, DOCUMENT_MAX);
	proc->state = link;
	sandbox_ids(proc->kind, &owner.uid, &owner.gid);
	sandbox_ids(&control, &control_uid, &owner.readers);
	rc = store_open(proc->state_dir, &owner, &link->store);
	if (rc != 0)
		log_critical("%s/sms cannot be opened: %s; it must be sluice-link's",
		             proc->state_dir, rc == SL_ESYS ? strerror(errno) : err_text(rc));
	return rc;
}

/* ---- with and without an SMS --------------------------------------------------------------- */

void link_set_state(struct link *link, enum link_state state)
{
	link->state = state;
}

uint64_t link_backoff_ns(unsigned failures)
{
	uint64_t s = SL_MIN((uint64_t)LINK_RETRY_MIN_S << SL_MIN(failures, 6u),
	                    (uint64_t)LINK_RETRY_MAX_S);
	uint64_t ns = s * CLOCK_NS_PER_S;
	uint16_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = 0;
	return ns - ns / 5 * random / UINT16_MAX;
}

uint64_t link_wait_ns(unsigned failures, unsigned retry_after_s)
{
	uint64_t s = SL_MIN(retry_after_s, (unsigned)LINK_RETRY_AFTER_MAX_S);

	return SL_MAX(link_backoff_ns(failures), s * CLOCK_NS_PER_S);
}

void link_save(struct link *link)
{
	struct buf text;
	int rc;

	if (!link->record.address[0])
		return;
	buf_init(&text, RECORD_MAX);
	rc = record_write(&link->record, &text);
	if (rc == 0)
		rc = store_write(link->store, "state.json", text.data, text.len);
	buf_fini(&text);
	if (rc != 0)
		log_error("%s/sms/state.json cannot be written: %s", link->proc->state_dir,
		          rc == SL_ESYS ? strerror(errno) : err_text(rc));
}

int link_make_memfd(const char *name, const void *data, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const uint8_t *at = data;
	size_t done = 0;

	while (fd >= 0 && done < len) {
		ssize_t n = write(fd, at + done, len - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (fd >= 0 &&
	    (done < len || fcntl(fd, F_ADD_SEALS,
	                         F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int link_connect(struct link *link)
{
	struct https_peer peer = {.address = link->record.address,
	                          .port = link->record.port,
	                          .certificate = link->identity.certificate,
	                          .key = link->identity.key};
	int rc;

	memcpy(peer.pin, link->record.pin, sizeof(peer.pin));
	rc = https_open(link->proc->loop, &peer, &link->https);
	if (rc != 0)
		return rc;
	link_set_state(link, LINK_TRYING);
	prove_start_sampling(link);
	renew_start(link);
	licence_start(link);
	tell_start(link);
	need_start(link);
	events_start(link);
	count_start(link);
	follow_start(link);
	return 0;
}

void link_disconnect(struct link *link)
{
	follow_stop(link);
	count_stop(link);
	events_stop(link);
	licence_stop(link);
	panic_stop(link);
	need_stop(link);
	tell_stop(link);
	renew_stop(link);
	prove_stop(link);
	https_close(link->https);
	link->https = NULL;
}

/* ---- messages ---------------------------------------------------------------------------- */

static void on_in_force(struct link *link, const struct ipc_in_force *msg, int *fd)
{
	struct held *held = &link->held;

	if (msg->sha256.len != sizeof(held->sha256))
		return;
	if (held->fd >= 0)
		(void)close(held->fd);
	held->fd = *fd;
	*fd = -1;
	held->size = msg->size;
	held->revision = msg->revision;
	memcpy(held->sha256, msg->sha256.data, sizeof(held->sha256));
	prove_on_in_force(link, msg->reverted);
	licence_again(link);
	tell(link);
}

static void on_sealing_key(struct link *link, const struct ipc_bytes *key)
{
	link->have_sealing_key = key->len == sizeof(link->sealing_key);
	if (link->have_sealing_key)
		memcpy(link->sealing_key, key->data, key->len);
}

static void link_message(struct proc *proc, struct ipc_channel *from, const struct ipc_message *msg,
                         int fds[IPC_FDS_MAX])
{
	struct link *link = proc->state;

	switch (msg->type) {
	case IPC_NEED_KEYS:
		need_set(link, &msg->need_keys.ids);
		break;
	case IPC_SEALING_KEY:
		on_sealing_key(link, &msg->sealing_key.key);
		break;
	case IPC_IN_FORCE:
		on_in_force(link, &msg->in_force, &fds[0]);
		break;
	case IPC_DOCUMENT_DONE:
		follow_on_done(link, &msg->document_done);
		break;
	case IPC_LICENCES:
		licence_on_licences(link, &msg->licences);
		break;
	case IPC_EVENTS:
		events_on_border(link, &msg->events);
		break;
	case IPC_EVENT_FILE:
		events_on_file(link, msg->event_file.kind, msg->event_file.number, fds[0]);
		fds[0] = -1;
		break;
	case IPC_EVENT_FILE_GONE:
		events_on_file(link, msg->event_file_gone.kind, msg->event_file_gone.number, -1);
		break;
	case IPC_PANIC_DONE:
		panic_on_done(link, &msg->panic_done);
		break;
	default:
		log_warning("link got a message that it has no use for: %s",
		            ipc_type_name(msg->type));
	}
}

static void link_peer_up(struct proc *proc, struct ipc_channel *peer)
{
	if (!proc->state || ipc_channel_peer(peer) != IPC_CONTROL)
		return;
	follow_control_up(proc->state);
	panic_control_up(proc->state);
}

static void link_peer_down(struct proc *proc, struct ipc_channel *peer)
{
	if (proc->state && ipc_channel_peer(peer) == IPC_CONTROL)
		events_control_down(proc->state);
}

/* ---- life -------------------------------------------------------------------------------- */

static int read_record(struct link *link)
{
	struct buf text;
	int rc;

	buf_init(&text, RECORD_MAX);
	rc = store_read(link->store, "state.json", &text);
	if (rc == 0)
		rc = record_read(text.data, text.len, &link->record);
	buf_fini(&text);
	return rc;
}

static int read_identity(struct link *link)
{
	struct buf text;
	int rc;

	buf_init(&text, IDENTITY_TEXT_MAX);
	rc = store_read(link->store, "identity.pem", &text);
	if (rc == 0)
		rc = identity_read(text.data, text.len, &link->identity);
	if (text.data)
		OPENSSL_cleanse(text.data, text.size);
	buf_fini(&text);
	return rc;
}

static int link_start(struct proc *proc)
{
	struct link *link = proc->state;
	int rc;

	link->started_ns = clock_now_ns();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return SL_ENOMEM;
	rc = read_record(link);
	if (rc == 0)
		rc = read_identity(link);
	if (rc == 0 && link->record.revoked)
		link_set_state(link, LINK_REVOKED);
	else if (rc == 0)
		rc = link_connect(link);
	if (rc != 0 && rc != SL_ENOENT)
		log_error("%s/sms: the enrolment cannot be read: %s; 'tps sms enrol' makes another",
		          proc->state_dir, err_text(rc));
	if (rc != 0)
		link->record = (struct record){.state = REMOTE_STATE_CONFIRMED};
	return 0;
}

static void link_stop(struct proc *proc)
{
	struct link *link = proc->state;

	if (!link)
		return;
	enrol_stop(link);
	link_disconnect(link);
	need_forget(link);
	fetch_stop(link);
	identity_fini(&link->identity);
	identity_fini(&link->renewal.identity);
	json_decref(link->teller.items);
	json_decref(link->licence.states);
	if (link->held.fd >= 0)
		(void)close(link->held.fd);
	store_close(link->store);
	curl_global_cleanup();
	free(link);
	proc->state = NULL;
}

const struct proc_ops link_ops = {
        .setup = link_setup,
        .start = link_start,
        .peer_up = link_peer_up,
        .peer_down = link_peer_down,
        .message = link_message,
        .command = link_command,
        .stop = link_stop,
};
