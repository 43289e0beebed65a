/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revisions and the private keys that the SMS sends: what a document names is asked of `link` and
 * waited for, but not for ever; what comes late is taken into use at once. A key that is missing
 * refuses nothing: its proxies do on_keys_unavailable (R57).
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "tpsd/proc/keys_priv.h"

enum { IDS_MAX = 2 * CONFIG_CERTIFICATES_MAX };

/* ---- to link ----------------------------------------------------------------------------- */

static void send_to_link(struct keys *k, const struct ipc_message *msg)
{
	struct ipc_channel *link = proc_peer(k->proc, IPC_LINK, 0);

	if (link && ipc_send(link, msg) != 0)
		log_error("link was not told which keys are missing: its channel is full");
}

static void send_sealing_key(struct keys *k)
{
	struct ipc_message msg = {.type = IPC_SEALING_KEY};
	const uint8_t *public = fetched_sealing(k->fetched);

	if (!public)
		return;
	msg.sealing_key.key = (struct ipc_bytes){public, 32};
	send_to_link(k, &msg);
}

/* All that are missing: link's list is this one. */
static void ask(struct keys *k)
{
	struct ipc_message msg = {.type = IPC_NEED_KEYS};
	uint8_t(*ids)[KEY_ID_LEN] = calloc(IDS_MAX, sizeof(*ids));
	size_t count = ids ? fetched_missing(k->fetched, k->committed, false, ids, IDS_MAX) : 0;

	msg.need_keys.ids = (struct ipc_bytes){ids ? ids[0] : NULL, (uint32_t)(count * KEY_ID_LEN)};
	if (ids)
		send_to_link(k, &msg);
	free(ids);
}

void keys_link_up(struct keys *k)
{
	send_sealing_key(k);
	ask(k);
}

void keys_on_sealing_file(struct keys *k, int fd)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/keystore/sealing.pem", k->proc->state_dir);
	if (fetched_open_sealing(k->fetched, fd, path) == 0)
		send_sealing_key(k);
}

/* ---- a revision -------------------------------------------------------------------------- */

static void on_impatience(struct loop_timer *timer)
{
	struct keys *k = (struct keys *)((char *)timer - offsetof(struct keys, patience));

	k->impatient = true;
	keys_finish_prepare(k);
}

/* Names what is asked for; whether something of it is not here. */
static int name_all(struct keys *k, bool *ret_missing)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < k->asked.config->certificates_count; i++) {
		const uint8_t *id = k->asked.certificates[i].id;

		if (k->asked.config->certificates[i].key_id[0] == '\0')
			continue;
		*ret_missing |= !fetched_find(k->fetched, id);
		rc = fetched_name(k->fetched, id, k->asked.revision);
	}
	return rc;
}

int keys_await_remote(struct keys *k)
{
	uint8_t id[1][KEY_ID_LEN];
	bool missing = false;
	int rc;

	if (k->impatient)
		return 0;
	rc = name_all(k, &missing);
	if (rc != 0 || !missing)
		return rc;
	if (!loop_timer_is_set(&k->patience)) {
		ask(k);
		rc = loop_timer_set(k->proc->loop, &k->patience, FETCHED_WAIT_S * CLOCK_NS_PER_S,
		                    on_impatience);
	}
	if (rc == 0 && fetched_missing(k->fetched, k->committed, true, id, 1) > 0)
		rc = SL_EAGAIN;
	return rc;
}

static bool is_missing(const struct keys *k, const struct config_certificate *c)
{
	return c && c->key_id[0] && !fetched_find(k->fetched, k->current.certificates[c->index].id);
}

/* One line a proxy (R57), however many of its certificates have no key. */
static void complain(const struct config_proxy *p, const struct config_certificate *c)
{
	log_error("%s: the SMS has not sent the private key of certificate %s: what needs it goes "
	          "by on_keys_unavailable until it comes",
	          p->name, c->name);
}

static void complain_of_all(const struct keys *k)
{
	const struct config *c = k->current.config;

	for (size_t i = 0; i < c->server_proxies_count; i++) {
		const struct config_server_proxy *p = &c->server_proxies[i];

		for (size_t n = 0; n < p->certificates_count; n++) {
			if (is_missing(k, p->certificates[n])) {
				complain(&p->common, p->certificates[n]);
				break;
			}
		}
	}
	for (size_t i = 0; i < c->client_proxies_count; i++) {
		const struct config_client_proxy *p = &c->client_proxies[i];

		if (is_missing(k, p->signing_certificate))
			complain(&p->common, p->signing_certificate);
		else if (is_missing(k, p->successor))
			complain(&p->common, p->successor);
	}
}

/* A gauge of this process alone, and of a `keys` that was started again: what it was is no matter.
 */
static size_t count_missing(struct keys *k)
{
	size_t missing = 0;

	for (uint32_t i = 0; k->current.config && i < k->current.config->certificates_count; i++)
		missing += is_missing(k, &k->current.config->certificates[i]);
	__atomic_store_n(&k->proc->counters->values[COUNTER_keys_missing], missing,
	                 __ATOMIC_RELAXED);
	return missing;
}

void keys_remote_commit(struct keys *k, uint32_t revision)
{
	/* What the document before names stays as long: a revert goes back to it, maybe because the
	 * SMS is out of reach. */
	if (revision != k->committed) {
		fetched_retire_before(k->fetched, k->committed);
		k->committed = revision;
	}
	if (k->current.config && count_missing(k) > 0)
		complain_of_all(k);
	ask(k);
}

/* ---- what comes -------------------------------------------------------------------------- */

/* It came after the document that names it was in force. */
static void use_late(struct keys *k, const uint8_t *id, EVP_PKEY *key)
{
	const struct config *c = k->current.config;
	bool issuer = false;
	int rc = 0;

	for (uint32_t i = 0; c && rc == 0 && i < c->certificates_count; i++) {
		if (!c->certificates[i].key_id[0] ||
		    memcmp(k->current.certificates[i].id, id, KEY_ID_LEN) != 0)
			continue;
		rc = keys_use(k, &k->current, i, key);
		issuer |= k->current.certificates[i].issuer != NULL;
	}
	if (rc != 0)
		log_error("a private key that came cannot be used: %s", err_text(rc));
	if (issuer) {
		forger_commit(k->forger, k->current.revision, time(NULL));
		keys_tell_own(k);
	}
	if (c && count_missing(k) == 0)
		log_info("all private keys of revision %u are here", k->current.revision);
}

void keys_on_sealed(struct keys *k, const struct ipc_sealed_key *msg)
{
	int rc = fetched_take(k->fetched, msg);

	if (rc == 0)
		use_late(k, msg->id.data, fetched_find(k->fetched, msg->id.data));
	else if (rc == SL_EREFUSED && msg->text.len > 0)
		log_warning("the SMS does not send a private key: %.*s", IPC_TEXT(msg->text));
	if (rc != SL_ENOENT)
		keys_finish_prepare(k);
}

/* The same key may be in a file for another certificate: that one stays. */
static bool is_in_file(const struct asked *a, const uint8_t *id)
{
	for (uint32_t i = 0; i < a->config->certificates_count; i++)
		if (!a->config->certificates[i].key_id[0] &&
		    memcmp(a->certificates[i].id, id, KEY_ID_LEN) == 0)
			return true;
	return false;
}

void keys_on_forget(struct keys *k)
{
	const struct config *c = k->current.config;

	for (uint32_t i = 0; c && i < c->certificates_count; i++) {
		const struct asked_certificate *a = &k->current.certificates[i];

		if (!c->certificates[i].key_id[0] || !fetched_find(k->fetched, a->id) ||
		    is_in_file(&k->current, a->id))
			continue;
		if (a->issuer)
			forger_drop(k->forger, a->id);
		else
			keystore_drop(k->store, a->id);
	}
	fetched_wipe(k->fetched);
	ask(k); /* an SMS that the device is enrolled at later has them, maybe */
	if (c && count_missing(k) > 0) {
		log_warning("the private keys that the SMS sent are forgotten");
		keys_tell_own(k);
		complain_of_all(k);
	}
}
