/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys on their way to a device: those that its documents name and no others, each use
 * written down, each sealed for the device's own key. The plain bytes live for one seal, in the
 * vault's hands.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/pki/hpke.h"
#include "lib/remote/packed.h"
#include "smsd/base/actor.h"
#include "smsd/base/problem.h"
#include "smsd/push/push_priv.h"

enum { OK = 200, PLAIN_MAX = REMOTE_SEALED_MAX - HPKE_TAG };

/* ---- which it may have ---------------------------------------------------------------------- */

/* Ids, in order. */
struct allowed {
	uint8_t (*ids)[VAULT_ID_SIZE];
	size_t count;
};

static int id_order(const void *a, const void *b)
{
	return memcmp(a, b, VAULT_ID_SIZE);
}

/* An array of hexadecimal texts as body_of writes it, a thousand of them and for every call: each
 * is 64 digits between quotes, and what is in between is passed over. */
static int take_keys(void *arg, const struct store_row *row)
{
	struct allowed *allowed = arg;
	const char *at = store_row_text(row, 0);
	size_t most = allowed->count + strlen(at) / (2 * VAULT_ID_SIZE);
	void *grown = realloc(allowed->ids, (most + 1) * VAULT_ID_SIZE);

	if (!grown)
		return SL_ENOMEM;
	allowed->ids = grown;
	while (allowed->count < most && (at = strchr(at, '"'))) {
		char hex[2 * VAULT_ID_SIZE + 1] = "";

		(void)strncat(hex, at + 1, sizeof(hex) - 1);
		if (blob_digest_parse(hex, allowed->ids[allowed->count]) != 0)
			return SL_EIO;
		allowed->count++;
		at += 1 + 2 * (size_t)VAULT_ID_SIZE;
		if (*at++ != '"')
			return SL_EIO;
	}
	return 0;
}

/* Those that the wanted document or the one in force names. */
static int allowed_keys(struct port_call *call, struct allowed *ret_allowed)
{
	struct push *push = call->above;
	const struct store_value device = store_integer(call->device.id);
	struct allowed allowed = {.ids = NULL};
	int64_t wanted;
	int rc = row_number(push->store, STORE_PUSH_WANTED, &device, 1, 0, &wanted);

	if (rc == 0) {
		const struct store_value values[] = {
		        device, store_integer(wanted),
		        store_blob(call->device.document_sha256,
		                   sizeof(call->device.document_sha256))};

		rc = store_read(push->store, STORE_DEVICE_DOCUMENT_KEYS, values, 3, take_keys,
		                &allowed);
	}
	if (rc < 0) {
		free(allowed.ids);
		return rc;
	}
	if (allowed.count > 0)
		qsort(allowed.ids, allowed.count, VAULT_ID_SIZE, id_order);
	*ret_allowed = allowed;
	return 0;
}

static bool is_allowed(const struct allowed *allowed, const uint8_t id[VAULT_ID_SIZE])
{
	return allowed->count > 0 &&
	       bsearch(id, allowed->ids, allowed->count, VAULT_ID_SIZE, id_order);
}

/* ---- sealing them --------------------------------------------------------------------------- */

/* What is asked for, in its order, and of it what the vault is asked for. */
struct asked {
	const uint8_t (*ids)[VAULT_ID_SIZE];
	size_t count;
	uint8_t (*allowed)[VAULT_ID_SIZE];
	size_t *places; /* in `ids`, of each that is allowed */
	size_t allowed_count;
};

/* One answer: its keys are messages of one encapsulation, numbered. */
struct sealer {
	const struct device *device;
	const struct asked *asked;
	struct buf *answer;
	size_t at; /* in asked.ids: the next that has no answer */
	struct hpke_context context;
	uint32_t number;
};

static int refuse(struct sealer *s, const char *why)
{
	uint8_t *bytes;
	int rc = remote_key_put(s->answer, REMOTE_KEY_REFUSED, strlen(why), &bytes);

	if (rc == 0)
		memcpy(bytes, why, strlen(why));
	s->at++;
	return rc;
}

/* Those that it may not have, up to `place`. */
static int refuse_until(struct sealer *s, size_t place)
{
	int rc = 0;

	while (rc == 0 && s->at < place)
		rc = refuse(s, "no document of this device names it");
	return rc;
}

static int seal(struct sealer *s, const uint8_t *der, size_t len)
{
	uint8_t aad[VAULT_ID_SIZE + DEVICE_NAME_MAX], *bytes;
	size_t name = strlen(s->device->name);
	int rc = remote_key_put(s->answer, REMOTE_KEY_SEALED, len + HPKE_TAG, &bytes);

	if (rc != 0)
		return rc;
	memcpy(aad, s->asked->ids[s->at], VAULT_ID_SIZE);
	memcpy(aad + VAULT_ID_SIZE, s->device->name, name);
	s->at++;
	return hpke_context_seal(&s->context, s->number++, aad, VAULT_ID_SIZE + name, der, len,
	                         bytes);
}

static const char *words_of(int code)
{
	if (code == SL_ENOENT)
		return "the SMS has no such private key any more";
	if (code == SL_ECRYPTO)
		return "broken key: the SMS cannot read it; repair the certificate there";
	return err_text(code);
}

/* What fails for a while is said so, and asked for again. */
static int seal_one(void *arg, size_t index, int code, const uint8_t *der, size_t len)
{
	struct sealer *s = arg;
	int rc = refuse_until(s, s->asked->places[index]);

	if (rc != 0)
		return rc;
	if (code == 0 && len > PLAIN_MAX)
		code = SL_ECRYPTO;
	return code == 0 ? seal(s, der, len) : refuse(s, words_of(code));
}

static int seal_all(struct port_call *call, const struct asked *asked)
{
	struct push *push = call->above;
	const struct actor actor = device_actor(call->device.name, call->request->from);
	struct sealer s = {.device = &call->device, .asked = asked, .answer = &call->response.body};
	uint8_t encapsulated[HPKE_ENCAPSULATED];
	int rc =
	        hpke_send(call->device.sealing_key, HPKE_INFO_DEVICE_KEY, encapsulated, &s.context);

	if (rc == 0)
		rc = buf_add(s.answer, encapsulated, sizeof(encapsulated));
	if (rc == 0 && asked->allowed_count > 0)
		rc = vault_use_all(push->vault, (const uint8_t(*)[VAULT_ID_SIZE])asked->allowed,
		                   asked->allowed_count, &actor, "device keys", call->device.name,
		                   seal_one, &s);
	if (rc == 0)
		rc = refuse_until(&s, asked->count);
	hpke_context_fini(&s.context);
	return rc;
}

/* ---- the call ------------------------------------------------------------------------------- */

static int choose(struct port_call *call, struct asked *asked)
{
	struct allowed allowed = {.ids = NULL};
	int rc = allowed_keys(call, &allowed);

	for (size_t i = 0; rc == 0 && i < asked->count; i++) {
		if (!is_allowed(&allowed, asked->ids[i]))
			continue;
		memcpy(asked->allowed[asked->allowed_count], asked->ids[i], VAULT_ID_SIZE);
		asked->places[asked->allowed_count++] = i;
	}
	free(allowed.ids);
	if (rc == 0 && asked->allowed_count < asked->count)
		log_warning("%s asks for %zu private keys that no document of it names",
		            call->device.name, asked->count - asked->allowed_count);
	return rc;
}

/* The answer has a place for each id that was asked for, in their order. */
int push_keys(struct port_call *call)
{
	uint8_t allowed[REMOTE_KEYS_MAX][VAULT_ID_SIZE];
	size_t places[REMOTE_KEYS_MAX];
	struct asked asked = {.ids = (const uint8_t(*)[VAULT_ID_SIZE])call->request->body,
	                      .allowed = allowed,
	                      .places = places};
	int rc = remote_digests_count(call->request->body_len, REMOTE_KEYS_MAX, &asked.count);

	if (rc != 0)
		return problem_add(&call->problem, rc, "", "",
		                   "the body is not 1 to %d ids of %d bytes", REMOTE_KEYS_MAX,
		                   VAULT_ID_SIZE);
	rc = choose(call, &asked);
	if (rc == 0)
		rc = seal_all(call, &asked);
	call->response.status = OK;
	call->response.content_type = "application/octet-stream";
	return problem_tell(&call->problem, rc);
}
