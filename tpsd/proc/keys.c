/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `keys`: the only process that has private keys. Parent opens the files and sends descriptors,
 * here they are read, checked against their certificates and kept in locked memory; workers ask for
 * signatures. It has no network, no file system and no core dump. docs/internals/keys.md.
 */
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "tpsd/proc/built_at.h"
#include "tpsd/proc/keyfiles.h"
#include "tpsd/proc/keys_priv.h"
#include "tpsd/tls/untrusted.h"

enum { TICKET_ROTATE_S = 12 * 3600 };

/* ---- requests ---- */

static void answer(struct keys *k, struct ipc_channel *to, const struct ipc_message *msg)
{
	if (ipc_send(to, msg) != 0)
		log_error("an answer to a worker was lost: its channel is full");
}

static void on_sign(struct keys *k, struct ipc_channel *from, const struct ipc_sign *req)
{
	struct ipc_message msg = {.type = IPC_SIGN_DONE};
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t len = 0;
	int rc = SL_EINVAL;

	if (req->key.len == KEY_ID_LEN && req->digest.len > 0)
		rc = keystore_sign(k->store, req->key.data, req->algorithm, req->digest.data,
		                   req->digest.len, signature, &len);
	if (rc == SL_ENOENT && !k->ready)
		rc = SL_EAGAIN;
	counter_add(k->proc->counters, rc == 0 ? COUNTER_signs : COUNTER_sign_errors, 1);
	msg.sign_done.id = req->id;
	msg.sign_done.status = rc;
	msg.sign_done.signature = (struct ipc_bytes){signature, rc == 0 ? (uint32_t)len : 0};
	answer(k, from, &msg);
}

static void on_decrypt(struct keys *k, struct ipc_channel *from, const struct ipc_decrypt *req)
{
	struct ipc_message msg = {.type = IPC_DECRYPT_DONE};
	uint8_t secret[KEY_PREMASTER_LEN];
	int rc = SL_EINVAL;

	if (req->key.len == KEY_ID_LEN && req->ciphertext.len > 0)
		rc = keystore_decrypt(k->store, req->key.data, req->client_version,
		                      req->ciphertext.data, req->ciphertext.len, secret);
	if (rc == SL_ENOENT && !k->ready)
		rc = SL_EAGAIN;
	counter_add(k->proc->counters, rc == 0 ? COUNTER_signs : COUNTER_sign_errors, 1);
	msg.decrypt_done.id = req->id;
	msg.decrypt_done.status = rc;
	msg.decrypt_done.secret = (struct ipc_bytes){secret, rc == 0 ? sizeof(secret) : 0};
	answer(k, from, &msg);
	OPENSSL_cleanse(secret, sizeof(secret));
}

static void on_forge(struct keys *k, struct ipc_channel *from, const struct ipc_forge *req)
{
	struct ipc_message msg = {.type = IPC_FORGED};

	if (k->ready)
		forger_answer(k->forger, req, time(NULL), &msg.forged);
	else
		msg.forged = (struct ipc_forged){.id = req->id, .status = SL_EAGAIN};
	answer(k, from, &msg);
}

/* One of the two files that are written here. A clock that is not set yet makes no CA of the past.
 */
static void on_untrusted_file(struct keys *k, int fd)
{
	struct pki_issuer ca;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/keystore/untrusted-ca.pem", k->proc->state_dir);
	if (untrusted_ca_open(fd, path, SL_MAX((int64_t)time(NULL), BUILT_AT), &ca) != 0)
		return;
	forger_set_untrusted(k->forger, &ca);
	keys_tell_own(k);
}

static void on_keystore_file(struct keys *k, const struct ipc_keystore_file *msg, int fd)
{
	if (msg->name.len == strlen(KEYFILES_SEALING) &&
	    memcmp(msg->name.data, KEYFILES_SEALING, msg->name.len) == 0)
		keys_on_sealing_file(k, fd);
	else
		on_untrusted_file(k, fd);
}

static void keys_message(struct proc *proc, struct ipc_channel *from, const struct ipc_message *msg,
                         int fds[IPC_FDS_MAX])
{
	struct keys *k = proc->state;

	switch (msg->type) {
	case IPC_KEY_FILE:
		keys_on_file(k, &msg->key_file, &fds[0]);
		break;
	case IPC_KEYSTORE_FILE:
		on_keystore_file(k, &msg->keystore_file, fds[0]);
		break;
	case IPC_FORGE:
		on_forge(k, from, &msg->forge);
		break;
	case IPC_SIGN:
		on_sign(k, from, &msg->sign);
		break;
	case IPC_DECRYPT:
		on_decrypt(k, from, &msg->decrypt);
		break;
	case IPC_SEALED_KEY:
		keys_on_sealed(k, &msg->sealed_key);
		break;
	case IPC_FORGET_KEYS:
		keys_on_forget(k);
		break;
	default:
		break;
	}
}

/* ---- ticket keys ---- */

static void send_ticket_key(struct ipc_channel *to, uint32_t generation, const uint8_t *secret)
{
	struct ipc_message msg = {.type = IPC_TICKET_KEY};

	msg.ticket_key.generation = generation;
	msg.ticket_key.secret = (struct ipc_bytes){secret, TICKET_SECRET_LEN};
	if (ipc_send(to, &msg) != 0)
		log_error("a ticket key was not sent: a worker's channel is full");
}

static void send_ticket_keys(struct keys *k, struct ipc_channel *to)
{
	if (k->have_older)
		send_ticket_key(to, k->generation - 1, k->tickets[1]);
	send_ticket_key(to, k->generation, k->tickets[0]);
}

static void rotate(struct loop_timer *timer)
{
	struct keys *k = (struct keys *)((char *)timer - offsetof(struct keys, rotate));

	memcpy(k->tickets[1], k->tickets[0], TICKET_SECRET_LEN);
	k->have_older = true;
	k->generation++;
	if (RAND_priv_bytes(k->tickets[0], TICKET_SECRET_LEN) <= 0)
		log_critical("no random bytes for a ticket key");
	for (unsigned i = 0; i < k->proc->nworkers; i++)
		if (proc_peer(k->proc, IPC_WORKER, i))
			send_ticket_key(proc_peer(k->proc, IPC_WORKER, i), k->generation,
			                k->tickets[0]);
	(void)loop_timer_set(k->proc->loop, timer, TICKET_ROTATE_S * CLOCK_NS_PER_S, rotate);
}

static void keys_peer_up(struct proc *proc, struct ipc_channel *peer)
{
	if (!proc->state)
		return;
	if (ipc_channel_peer(peer) == IPC_LINK)
		keys_link_up(proc->state);
	if (ipc_channel_peer(peer) != IPC_WORKER)
		return;
	send_ticket_keys(proc->state, peer);
	keys_send_own(proc->state, peer);
}

/* ---- life ---- */

/* With privileges, and before the system call list: nothing here is paged out or dumped. */
static int keys_setup(struct proc *proc)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0) {
		log_critical("keys: core dumps cannot be turned off");
		return SL_ESYS;
	}
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
		log_critical("keys: memory cannot be locked; give it CAP_IPC_LOCK");
		return SL_EPERM;
	}
	if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL)) {
		log_critical("keys: OpenSSL does not start");
		return SL_ECRYPTO;
	}
	/* So that neither opens a file later: strftime for the time zone, jansson for its seed. */
	tzset();
	json_object_seed((size_t)clock_wall_us() | 1);
	return 0;
}

static int keys_start(struct proc *proc)
{
	struct keys *k = calloc(1, sizeof(*k));

	if (!k)
		return SL_ENOMEM;
	k->proc = proc;
	proc->state = k;
	/* Dropping privileges makes a process dumpable again where the system says so. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	k->store = keystore_create();
	/* A later start has a later generation, so that workers that lived on take its keys. */
	k->generation = (uint32_t)(clock_wall_us() / 1000000 / 60) * 4;
	k->fetched = fetched_create();
	if (k->store && k->fetched)
		k->forger = forger_create(k->store, BUILT_AT, proc->counters);
	if (!k->forger || RAND_priv_bytes(k->tickets[0], TICKET_SECRET_LEN) <= 0)
		return SL_ENOMEM;
	return loop_timer_set(proc->loop, &k->rotate, TICKET_ROTATE_S * CLOCK_NS_PER_S, rotate);
}

static void keys_stop(struct proc *proc)
{
	struct keys *k = proc->state;

	if (!k)
		return;
	loop_timer_cancel(&k->rotate);
	loop_timer_cancel(&k->pool);
	loading_fini(&k->loading);
	loop_timer_cancel(&k->patience);
	asked_fini(&k->asked);
	asked_fini(&k->checked);
	asked_fini(&k->current);
	fetched_destroy(k->fetched);
	forger_destroy(k->forger);
	keystore_destroy(k->store);
	OPENSSL_cleanse(k, sizeof(*k));
	free(k);
	proc->state = NULL;
}

const struct proc_ops keys_ops = {
        .setup = keys_setup,
        .start = keys_start,
        .prepare = keys_prepare,
        .commit = keys_commit,
        .abort = keys_abort,
        .peer_up = keys_peer_up,
        .message = keys_message,
        .stop = keys_stop,
};
