/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A revision in `keys`: every certificate's key must be there and be its own, every signing
 * certificate a CA; then all of them are used, or none. Files come from parent, the image from
 * control, in either order: the revision is ready when both are here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "lib/conf/image.h"
#include "tpsd/proc/keys_priv.h"

enum {
	POOL_SLICE_MS = 20, /* of work on the pool, between which others are served */
	OWN_KEYS_MAX = 128,
};

void asked_fini(struct asked *a)
{
	for (size_t i = 0; a->certificates && i < a->config->certificates_count; i++)
		X509_free(a->certificates[i].issuer);
	free(a->certificates);
	config_put(a->config);
	*a = (struct asked){.revision = 0};
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
	const struct loaded *l = loading_find(&k->loading, c->name);
	char text[512];

	/* What the SMS sent was checked when it came; what is missing refuses nothing (R57). */
	if (c->key_id[0])
		return 0;
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
int keys_use(struct keys *k, const struct asked *a, uint32_t i, EVP_PKEY *key)
{
	X509 *issuer = a->certificates[i].issuer;

	if (issuer)
		return forger_add_issuer(k->forger, issuer, key, a->revision);
	return keystore_add(k->store, key, a->revision);
}

static int use_key(struct keys *k, uint32_t i)
{
	const struct config_certificate *c = &k->asked.config->certificates[i];
	EVP_PKEY *key = c->key_id[0] ? fetched_find(k->fetched, k->asked.certificates[i].id)
	                             : loading_find(&k->loading, c->name)->key;

	return key ? keys_use(k, &k->asked, i, key) : 0;
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

/* SL_EAGAIN: something is not here yet. */
static int finish(struct keys *k)
{
	int rc = is_complete(k) ? keys_await_remote(k) : SL_EAGAIN;

	if (rc == 0)
		rc = check_and_use(k);
	if (rc == SL_EAGAIN)
		return rc;
	loop_timer_cancel(&k->patience);
	if (rc == 0) {
		asked_fini(&k->checked);
		k->checked = k->asked;
		k->asked = (struct asked){.revision = 0};
	} else {
		fetched_forget(k->fetched, k->asked.revision);
		asked_fini(&k->asked);
	}
	return rc;
}

void keys_finish_prepare(struct keys *k)
{
	uint32_t revision = k->asked.revision;
	int rc = finish(k);

	if (rc != SL_EAGAIN)
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

int keys_prepare(struct proc *proc, uint32_t revision, const struct conf_image *image,
                 struct config *config)
{
	struct keys *k = proc->state;
	struct asked *a = &k->asked;
	int rc = 0;

	asked_fini(a);
	loop_timer_cancel(&k->patience);
	k->impatient = false;
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
	if (rc == 0)
		return finish(k); /* or keys_on_file goes on, or what the SMS sends */
	asked_fini(a);
	return rc;
}

void keys_send_own(struct keys *k, struct ipc_channel *to)
{
	struct ipc_message msg = {.type = IPC_OWN_KEYS};
	uint8_t ids[OWN_KEYS_MAX][KEY_ID_LEN];
	size_t count = forger_own_keys(k->forger, ids, OWN_KEYS_MAX);

	msg.own_keys.ids = (struct ipc_bytes){ids[0], (uint32_t)(count * KEY_ID_LEN)};
	if (ipc_send(to, &msg) != 0)
		log_error("a worker was not told of own keys: its channel is full");
}

void keys_tell_own(struct keys *k)
{
	for (unsigned i = 0; i < k->proc->nworkers; i++)
		if (proc_peer(k->proc, IPC_WORKER, i))
			keys_send_own(k, proc_peer(k->proc, IPC_WORKER, i));
}

/* Goes on with the keys of leaves, which take longer than the loop may stand still. */
static void make_pool(struct loop_timer *timer)
{
	struct keys *k = (struct keys *)((char *)timer - offsetof(struct keys, pool));
	int rc = forger_make_pool(k->forger, POOL_SLICE_MS);

	if (rc == SL_EAGAIN)
		rc = loop_timer_set(k->proc->loop, timer, 0, make_pool);
	else if (rc == 0)
		keys_tell_own(k);
	if (rc != 0)
		log_critical("the keys of forged leaves cannot be made: %s", err_text(rc));
}

void keys_commit(struct proc *proc, uint32_t revision)
{
	struct keys *k = proc->state;

	if (k->checked.revision == revision) {
		asked_fini(&k->current);
		k->current = k->checked;
		k->checked = (struct asked){.revision = 0};
	}
	keystore_retire_before(k->store, revision);
	forger_commit(k->forger, revision, time(NULL));
	forger_set_max(k->forger, 2 * (size_t)k->forged_leaves);
	keys_tell_own(k);
	if (k->loading.revision == revision)
		loading_fini(&k->loading);
	keys_remote_commit(k, revision);
	log_info("%zu private keys in use", keystore_count(k->store));
}

void keys_abort(struct proc *proc, uint32_t revision)
{
	struct keys *k = proc->state;

	if (k->asked.revision == revision)
		asked_fini(&k->asked);
	if (k->checked.revision == revision)
		asked_fini(&k->checked);
	fetched_forget(k->fetched, revision);
	if (k->loading.revision == revision)
		loading_fini(&k->loading);
	keystore_forget(k->store, revision);
	forger_forget(k->forger, revision);
}
