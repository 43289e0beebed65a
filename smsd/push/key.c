/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys on their way to a device: those that its documents name and no others, each use
 * written down, each sealed for the device's own key. The plain bytes live for one seal, in the
 * vault's hands.
 */
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/pki/hpke.h"
#include "smsd/base/actor.h"
#include "smsd/base/problem.h"
#include "smsd/http/answer.h"
#include "smsd/push/push_priv.h"

enum {
	OK = 200,
	PLAIN_MAX = REMOTE_SEALED_MAX - HPKE_TAG,
};

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

static json_t *base64(const uint8_t *data, size_t len)
{
	char text[BASE64_CHARS(REMOTE_SEALED_MAX) + 1];

	(void)base64_encode(data, len, text);
	return json_string(text);
}

/* One answer: its keys are messages of one encapsulation, numbered. */
struct sealer {
	const struct device *device;
	const uint8_t (*ids)[VAULT_ID_SIZE];
	json_t **places; /* of each id, in the answer */
	uint8_t encapsulated[HPKE_ENCAPSULATED];
	struct hpke_context context;
	uint32_t number;
};

static int seal(struct sealer *s, const uint8_t id[VAULT_ID_SIZE], const uint8_t *der, size_t len,
                json_t *out)
{
	uint8_t aad[VAULT_ID_SIZE + DEVICE_NAME_MAX], sealed[REMOTE_SEALED_MAX];
	size_t name = strlen(s->device->name);
	int rc;

	if (len > PLAIN_MAX)
		return SL_ECRYPTO;
	memcpy(aad, id, VAULT_ID_SIZE);
	memcpy(aad + VAULT_ID_SIZE, s->device->name, name);
	rc = hpke_context_seal(&s->context, s->number, aad, VAULT_ID_SIZE + name, der, len, sealed);
	if (rc != 0)
		return rc;
	(void)json_object_set_new(out, "encapsulated",
	                          base64(s->encapsulated, sizeof(s->encapsulated)));
	(void)json_object_set_new(out, "number", json_integer(s->number));
	(void)json_object_set_new(out, "sealed", base64(sealed, len + HPKE_TAG));
	s->number++;
	return 0;
}

static void refuse(json_t *out, const char *why)
{
	(void)json_object_set_new(out, "refused", json_string(why));
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

	if (code == 0)
		code = seal(s, s->ids[index], der, len, s->places[index]);
	if (code != 0)
		refuse(s->places[index], words_of(code));
	return 0;
}

static int seal_all(struct port_call *call, const struct actor *actor,
                    const uint8_t (*ids)[VAULT_ID_SIZE], json_t **places, size_t count)
{
	struct push *push = call->above;
	struct sealer s = {.device = &call->device, .ids = ids, .places = places};
	int rc = count == 0 ? 0
	                    : hpke_send(call->device.sealing_key, HPKE_INFO_DEVICE_KEY,
	                                s.encapsulated, &s.context);

	if (rc == 0 && count > 0)
		rc = vault_use_all(push->vault, ids, count, actor, "device keys", call->device.name,
		                   seal_one, &s);
	hpke_context_fini(&s.context);
	for (size_t i = 0; rc != 0 && i < count; i++)
		refuse(places[i], words_of(rc));
	return 0;
}

static int told(struct port_call *call, int rc)
{
	return rc == 0 ? 0 : problem_add(&call->problem, rc, "", "", "%s", err_text(rc));
}

/* The answer has a place for each id that was asked for, in their order. */
int push_keys(struct port_call *call)
{
	const json_t *ids = json_object_get(call->body, "ids");
	uint8_t named[REMOTE_KEYS_MAX][VAULT_ID_SIZE];
	json_t *places[REMOTE_KEYS_MAX], *keys = json_array(), *id;
	struct actor actor = {.via = "device"};
	struct allowed allowed = {.ids = NULL};
	size_t i, count = 0, denied = 0;
	int rc = keys ? allowed_keys(call, &allowed) : SL_ENOMEM;

	(void)snprintf(actor.name, sizeof(actor.name), "%s", call->device.name);
	(void)snprintf(actor.from, sizeof(actor.from), "%s", call->request->from);
	json_array_foreach(ids, i, id)
	{
		const char *hex = json_string_value(id);
		json_t *out = rc == 0 && hex ? json_pack("{s:s}", "id", hex) : NULL;

		if (json_array_append_new(keys, out) != 0)
			break;
		if (count < REMOTE_KEYS_MAX && blob_digest_parse(hex, named[count]) == 0 &&
		    is_allowed(&allowed, named[count])) {
			places[count++] = out;
		} else {
			refuse(out, "no document of this device names it");
			denied++;
		}
	}
	free(allowed.ids);
	if (denied > 0)
		log_warning("%s asks for %zu private keys that no document of it names",
		            call->device.name, denied);
	if (rc == 0 && json_array_size(keys) < json_array_size(ids))
		rc = SL_ENOMEM;
	if (rc == 0)
		rc = seal_all(call, &actor, (const uint8_t(*)[VAULT_ID_SIZE])named, places, count);
	if (rc == 0)
		return told(call,
		            answer_json(&call->response, OK, json_pack("{s:o}", "keys", keys)));
	json_decref(keys);
	return told(call, rc);
}
