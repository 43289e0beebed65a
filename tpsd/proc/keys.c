/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `keys`: the only process that has private keys. Parent opens the files and sends descriptors,
 * here they are read, checked against their certificates and kept in locked memory; workers ask for
 * signatures. It has no network, no file system and no core dump. docs/internals/keys.md.
 *
 * Files of a revision come from parent, its image from control, in either order: the revision is
 * ready when both are here.
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
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "lib/conf/image.h"
#include "lib/pki/key.h"
#include "tpsd/proc/built_at.h"
#include "tpsd/proc/proc.h"
#include "tpsd/tls/forger.h"
#include "tpsd/tls/keystore.h"
#include "tpsd/tls/ticket.h"
#include "tpsd/tls/untrusted.h"

enum {
	TICKET_ROTATE_S = 12 * 3600,
	KEY_NAME_MAX = 129,
	KEY_PATH_MAX = 1025,
	POOL_SLICE_MS = 20, /* of work on the pool, between which others are served */
	OWN_KEYS_MAX = 128,
};

/* One certificate's key of the revision that is being loaded. */
struct loaded {
	char certificate[KEY_NAME_MAX];
	uint8_t id[KEY_ID_LEN];
	EVP_PKEY *key; /* not in use before its revision was checked */
	int status;    /* of loading; then `error` tells */
	struct pki_error error;
};

/* A key file that may still get its password file. */
struct waiting {
	bool there;
	int fd;
	char certificate[KEY_NAME_MAX];
	char path[KEY_PATH_MAX];
};

struct loading {
	uint32_t revision; /* 0: none */
	bool complete;     /* the last file was here */
	struct waiting waiting;
	struct loaded *items;
	size_t count, size;
};

/* What is known of a certificate of the document. */
struct asked_certificate {
	uint8_t id[KEY_ID_LEN];
	X509 *issuer; /* the certificate, when a client proxy signs with it; else NULL */
};

/* What a prepare must check when the files are there. */
struct asked {
	uint32_t revision; /* 0: none */
	struct config *config;
	struct asked_certificate *certificates; /* by index */
};

struct keys {
	struct keystore *store; /* of servers, and of the pool */
	struct forger *forger;  /* with the keys of signing certificates */
	struct loading loading;
	bool ready; /* a first set of keys is in use: before, one that is missing may yet come */
	uint32_t forged_leaves; /* limit of the revision prepared last */
	struct loop_timer pool;
	struct asked asked;
	uint32_t generation;
	uint8_t tickets[2][TICKET_SECRET_LEN]; /* this generation, the one before */
	bool have_older;
	struct loop_timer rotate;
	struct proc *proc;
};

/* ---- files from parent ---- */

static void loading_fini(struct loading *l)
{
	if (l->waiting.there)
		(void)close(l->waiting.fd);
	for (size_t i = 0; i < l->count; i++)
		EVP_PKEY_free(l->items[i].key);
	free(l->items);
	*l = (struct loading){.revision = 0};
}

static struct loaded *add_item(struct loading *l)
{
	size_t size = l->size ? l->size * 2 : 64;
	struct loaded *items;

	if (l->count == CONFIG_CERTIFICATES_MAX * 2)
		return NULL;
	if (l->count == l->size) {
		items = realloc(l->items, size * sizeof(*items));
		if (!items)
			return NULL;
		l->items = items;
		l->size = size;
	}
	return &l->items[l->count++];
}

/* Reads the waiting key file, with its password when there is one. */
static void load_waiting(struct keys *k, int password_fd, const char *password_path)
{
	struct waiting *w = &k->loading.waiting;
	const struct pki_files files = {.certificate = w->path,
	                                .private_key = w->path,
	                                .password_file = password_path,
	                                .chain = "",
	                                .format = PKI_FORMAT_AUTO};
	struct loaded *item;

	if (!w->there)
		return;
	item = add_item(&k->loading);
	if (item) {
		memset(item, 0, sizeof(*item));
		(void)snprintf(item->certificate, sizeof(item->certificate), "%s", w->certificate);
		item->status =
		        pki_key_load_fd(&files, w->fd, password_fd, NULL, &item->key, &item->error);
		if (item->status == 0)
			item->status = keystore_key_id(item->key, item->id);
	} else {
		log_error("the key %s is not loaded: out of memory", w->path);
	}
	(void)close(w->fd);
	w->there = false;
}

static void finish_prepare(struct keys *k);

static void copy_text(char *to, size_t size, const struct ipc_text *from)
{
	(void)snprintf(to, size, "%.*s", IPC_TEXT(*from));
}

static void on_key_file(struct keys *k, const struct ipc_key_file *msg, int *fd)
{
	struct loading *l = &k->loading;
	char path[KEY_PATH_MAX];

	if (l->revision != msg->revision) {
		loading_fini(l);
		l->revision = msg->revision;
	}
	copy_text(path, sizeof(path), &msg->path);
	if (msg->password) {
		load_waiting(k, *fd, path);
		return;
	}
	load_waiting(k, -1, "");
	if (msg->last) {
		l->complete = true;
		finish_prepare(k);
		return;
	}
	l->waiting.there = true;
	l->waiting.fd = *fd;
	*fd = -1;
	copy_text(l->waiting.certificate, sizeof(l->waiting.certificate), &msg->certificate);
	memcpy(l->waiting.path, path, sizeof(path));
}

/* ---- a revision ---- */

static void asked_fini(struct asked *a)
{
	for (size_t i = 0; a->certificates && i < a->config->certificates_count; i++)
		X509_free(a->certificates[i].issuer);
	free(a->certificates);
	config_put(a->config);
	*a = (struct asked){.revision = 0};
}

static const struct loaded *find_loaded(const struct loading *l, const char *certificate)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i].certificate, certificate) == 0)
			return &l->items[i];
	return NULL;
}

static int refuse(struct keys *k, uint32_t index, int status, const char *text, const char *remedy)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/certificates/%u/private_key", index);
	proc_refuse_item(k->proc, status, path, text, remedy);
	return status;
}

static int check_one(struct keys *k, uint32_t i)
{
	const struct config_certificate *c = &k->asked.config->certificates[i];
	const struct loaded *l = find_loaded(&k->loading, c->name);
	char text[512];

	if (!l) {
		(void)snprintf(text, sizeof(text), "certificate %s: its key file did not come",
		               c->name);
		return refuse(k, i, SL_ENOENT, text, "name a private_key file that exists");
	}
	if (l->status != 0)
		return refuse(k, i, l->status, l->error.text, l->error.remedy);
	if (memcmp(l->id, k->asked.certificates[i].id, KEY_ID_LEN) == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "certificate %s: %s is not its key", c->name,
	               c->private_key[0] ? c->private_key : c->certificate);
	return refuse(k, i, SL_EMISMATCH, text, "name the key that the certificate was made for");
}

static int check_all(struct keys *k)
{
	int status = 0;

	for (uint32_t i = 0; i < k->asked.config->certificates_count; i++) {
		int rc = check_one(k, i);

		if (status == 0)
			status = rc;
	}
	return status;
}

/* R93, R153: it may be out of its time, which is said and forges nothing; it must be a CA. */
static int check_issuer(struct keys *k, const struct config_client_proxy *p, const char *setting,
                        const struct config_certificate *c)
{
	char path[96], text[512];

	if (!c || pki_issuer_check(k->asked.certificates[c->index].issuer, time(NULL)) != SL_EINVAL)
		return 0;
	(void)snprintf(path, sizeof(path), "/ssl_client_proxies/%u/%s", p->common.index, setting);
	(void)snprintf(text, sizeof(text), "certificate %s is no CA: it cannot sign for servers",
	               c->name);
	proc_refuse_item(k->proc, SL_EINVAL, path, text,
	                 "name a CA certificate (CA true, key usage keyCertSign)");
	return SL_EINVAL;
}

static int check_issuers(struct keys *k)
{
	int status = 0;

	for (size_t i = 0; i < k->asked.config->client_proxies_count; i++) {
		const struct config_client_proxy *p = &k->asked.config->client_proxies[i];
		int rc = check_issuer(k, p, "signing_certificate", p->signing_certificate);

		if (status == 0)
			status = rc;
		rc = check_issuer(k, p, "successor", p->successor);
		if (status == 0)
			status = rc;
	}
	return status;
}

/* A key that signs leaves signs nothing else: it does not come where workers have digests signed.
 */
static int use_key(struct keys *k, uint32_t i)
{
	const struct loaded *l = find_loaded(&k->loading, k->asked.config->certificates[i].name);
	X509 *issuer = k->asked.certificates[i].issuer;

	if (issuer)
		return forger_add_issuer(k->forger, issuer, l->key, k->asked.revision);
	return keystore_add(k->store, l->key, k->asked.revision);
}

static void make_pool(struct loop_timer *timer);

static int use_keys(struct keys *k)
{
	const struct config *c = k->asked.config;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < c->certificates_count; i++)
		rc = use_key(k, i);
	if (rc == 0 && c->client_proxies_count > 0 && !loop_timer_is_set(&k->pool))
		rc = loop_timer_set(k->proc->loop, &k->pool, 0, make_pool);
	if (rc != 0) {
		keystore_forget(k->store, k->asked.revision);
		forger_forget(k->forger, k->asked.revision);
		return rc;
	}
	k->forged_leaves = c->limits.forged_leaves;
	k->ready = true;
	return 0;
}

static int check_and_use(struct keys *k)
{
	int rc = check_issuers(k), all = check_all(k);

	if (rc == 0)
		rc = all;
	return rc == 0 ? use_keys(k) : rc;
}

static bool is_complete(const struct keys *k)
{
	return k->asked.revision != 0 && k->loading.revision == k->asked.revision &&
	       k->loading.complete;
}

/* Called when the later of the two is here. */
static void finish_prepare(struct keys *k)
{
	uint32_t revision = k->asked.revision;
	int rc;

	if (!is_complete(k))
		return;
	rc = check_and_use(k);
	asked_fini(&k->asked);
	proc_ready(k->proc, revision, rc);
}

static int read_certificate(const struct conf_image *image, const char *name, bool issuer,
                            struct asked_certificate *ret)
{
	struct pki_chain *chain;
	struct pki_error err;
	const void *pem;
	size_t len;
	int rc = conf_image_section_of(image, CONF_SECTION_CERTIFICATE, name, &pem, &len);

	if (rc == 0)
		rc = pki_chain_parse(name, pem, len, &chain, &err);
	if (rc != 0)
		return rc;
	memcpy(ret->id, chain->key_id, KEY_ID_LEN);
	if (issuer && X509_up_ref(chain->leaf))
		ret->issuer = chain->leaf;
	pki_chain_destroy(chain);
	return 0;
}

static int keys_prepare(struct proc *proc, uint32_t revision, const struct conf_image *image,
                        struct config *config)
{
	struct keys *k = proc->state;
	struct asked *a = &k->asked;
	int rc = 0;

	asked_fini(a);
	a->certificates = calloc(config->certificates_count + 1, sizeof(*a->certificates));
	if (!a->certificates)
		return SL_ENOMEM;
	a->revision = revision;
	a->config = config_get(config);
	for (uint32_t i = 0; rc == 0 && i < config->certificates_count; i++) {
		const struct config_certificate *c = &config->certificates[i];

		rc = read_certificate(image, c->name, config_is_issuer(config, c),
		                      &a->certificates[i]);
	}
	if (rc == 0 && !is_complete(k))
		return SL_EAGAIN; /* on_key_file goes on */
	if (rc == 0)
		rc = check_and_use(k);
	asked_fini(a);
	return rc;
}

static void send_own_keys(struct keys *k, struct ipc_channel *to)
{
	struct ipc_message msg = {.type = IPC_OWN_KEYS};
	uint8_t ids[OWN_KEYS_MAX][KEY_ID_LEN];
	size_t count = forger_own_keys(k->forger, ids, OWN_KEYS_MAX);

	msg.own_keys.ids = (struct ipc_bytes){ids[0], (uint32_t)(count * KEY_ID_LEN)};
	if (ipc_send(to, &msg) != 0)
		log_error("a worker was not told of own keys: its channel is full");
}

static void tell_own_keys(struct keys *k)
{
	for (unsigned i = 0; i < k->proc->nworkers; i++)
		if (proc_peer(k->proc, IPC_WORKER, i))
			send_own_keys(k, proc_peer(k->proc, IPC_WORKER, i));
}

/* Goes on with the keys of leaves, which take longer than the loop may stand still. */
static void make_pool(struct loop_timer *timer)
{
	struct keys *k = (struct keys *)((char *)timer - offsetof(struct keys, pool));
	int rc = forger_make_pool(k->forger, POOL_SLICE_MS);

	if (rc == SL_EAGAIN)
		rc = loop_timer_set(k->proc->loop, timer, 0, make_pool);
	else if (rc == 0)
		tell_own_keys(k);
	if (rc != 0)
		log_critical("the keys of forged leaves cannot be made: %s", err_text(rc));
}

static void keys_commit(struct proc *proc, uint32_t revision)
{
	struct keys *k = proc->state;

	keystore_retire_before(k->store, revision);
	forger_commit(k->forger, revision, time(NULL));
	forger_set_max(k->forger, 2 * (size_t)k->forged_leaves);
	tell_own_keys(k);
	if (k->loading.revision == revision)
		loading_fini(&k->loading);
	log_info("%zu private keys in use", keystore_count(k->store));
}

static void keys_abort(struct proc *proc, uint32_t revision)
{
	struct keys *k = proc->state;

	if (k->asked.revision == revision)
		asked_fini(&k->asked);
	if (k->loading.revision == revision)
		loading_fini(&k->loading);
	keystore_forget(k->store, revision);
	forger_forget(k->forger, revision);
}

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

/* The one file that is written here. A clock that is not set yet makes no CA of the past. */
static void on_keystore_file(struct keys *k, int fd)
{
	struct pki_issuer ca;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/keystore/untrusted-ca.pem", k->proc->state_dir);
	if (untrusted_ca_open(fd, path, SL_MAX((int64_t)time(NULL), BUILT_AT), &ca) != 0)
		return;
	forger_set_untrusted(k->forger, &ca);
	tell_own_keys(k);
}

static void keys_message(struct proc *proc, struct ipc_channel *from, const struct ipc_message *msg,
                         int fds[IPC_FDS_MAX])
{
	struct keys *k = proc->state;

	switch (msg->type) {
	case IPC_KEY_FILE:
		on_key_file(k, &msg->key_file, &fds[0]);
		break;
	case IPC_KEYSTORE_FILE:
		on_keystore_file(k, fds[0]);
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
	if (ipc_channel_peer(peer) != IPC_WORKER || !proc->state)
		return;
	send_ticket_keys(proc->state, peer);
	send_own_keys(proc->state, peer);
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
	if (k->store)
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
	asked_fini(&k->asked);
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
