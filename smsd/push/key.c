/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys on their way to a device: those that its documents name and no others, each use
 * written down, each sealed for the device's own key. The plain bytes live for one seal, in the
 * secure heap where there is one.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	BASE64_MAX = (REMOTE_SEALED_MAX + 2) / 3 * 4 + 1,
};

/* ---- which it may have ---------------------------------------------------------------------- */

static int take_keys(void *arg, const struct store_row *row)
{
	json_t *keys = json_loads(store_row_text(row, 0), 0, NULL), *key;
	size_t i;

	if (!json_is_array(keys)) {
		json_decref(keys);
		return SL_EIO;
	}
	json_array_foreach(keys, i, key)
	{
		(void)json_object_set_new(arg, json_string_value(key), json_true());
	}
	json_decref(keys);
	return 0;
}

/* Those that the wanted document or the one in force names. */
static int allowed_keys(struct port_call *call, json_t **ret_allowed)
{
	struct push *push = call->above;
	const struct store_value device = store_integer(call->device.id);
	json_t *allowed = json_object();
	int64_t wanted;
	int rc = allowed ? row_number(push->store, STORE_PUSH_WANTED, &device, 1, 0, &wanted)
	                 : SL_ENOMEM;

	if (rc == 0) {
		const struct store_value values[] = {
		        device, store_integer(wanted),
		        store_blob(call->device.document_sha256,
		                   sizeof(call->device.document_sha256))};

		rc = store_read(push->store, STORE_DEVICE_DOCUMENT_KEYS, values, 3, take_keys,
		                allowed);
	}
	if (rc < 0) {
		json_decref(allowed);
		return rc;
	}
	*ret_allowed = allowed;
	return 0;
}

/* ---- one of them --------------------------------------------------------------------------- */

static json_t *base64(const uint8_t *data, size_t len)
{
	char text[BASE64_MAX];

	(void)EVP_EncodeBlock((unsigned char *)text, data, (int)len);
	return json_string(text);
}

/* Its PKCS8 in DER, in memory that OPENSSL_secure_clear_free wipes. */
static int plain_of(EVP_PKEY *key, uint8_t **ret_plain, size_t *ret_len)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
	uint8_t *plain = len > 0 && len <= PLAIN_MAX ? OPENSSL_secure_malloc((size_t)len) : NULL;
	uint8_t *at = plain;
	int rc = SL_ECRYPTO;

	if (plain && i2d_PKCS8_PRIV_KEY_INFO(info, &at) == len) {
		*ret_plain = plain;
		*ret_len = (size_t)len;
		rc = 0;
	} else if (plain) {
		OPENSSL_secure_clear_free(plain, (size_t)len);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	return rc;
}

static int seal(const struct device *device, const uint8_t id[VAULT_ID_SIZE], EVP_PKEY *key,
                json_t *out)
{
	uint8_t aad[VAULT_ID_SIZE + DEVICE_NAME_MAX], encapsulated[HPKE_ENCAPSULATED];
	uint8_t sealed[REMOTE_SEALED_MAX], *plain = NULL;
	size_t name = strlen(device->name), len = 0;
	int rc = plain_of(key, &plain, &len);

	if (rc != 0)
		return rc;
	memcpy(aad, id, VAULT_ID_SIZE);
	memcpy(aad + VAULT_ID_SIZE, device->name, name);
	rc = hpke_seal(device->sealing_key, HPKE_INFO_DEVICE_KEY, aad, VAULT_ID_SIZE + name, plain,
	               len, encapsulated, sealed);
	OPENSSL_secure_clear_free(plain, len);
	if (rc != 0)
		return rc;
	(void)json_object_set_new(out, "encapsulated", base64(encapsulated, sizeof(encapsulated)));
	(void)json_object_set_new(out, "sealed", base64(sealed, len + HPKE_TAG));
	return 0;
}

static json_t *refused(json_t *out, const char *why)
{
	(void)json_object_set_new(out, "refused", json_string(why));
	return out;
}

static const char *words_of(int code)
{
	if (code == SL_ENOENT)
		return "the SMS has no such private key any more";
	if (code == SL_ECRYPTO)
		return "broken key: the SMS cannot read it; repair the certificate there";
	return err_text(code);
}

/* The key's place in the answer. What fails for a while is said so, and asked for again. */
static json_t *one_key(struct port_call *call, const struct actor *actor, const char *text,
                       const json_t *allowed)
{
	struct push *push = call->above;
	json_t *out = json_pack("{s:s}", "id", text);
	struct problem problem = {0};
	uint8_t id[VAULT_ID_SIZE];
	EVP_PKEY *key = NULL;
	char purpose[16 + DEVICE_NAME_MAX];
	int rc;

	if (!json_object_get(allowed, text) || blob_digest_parse(text, id) != 0)
		return refused(out, "no document of this device names it");
	(void)snprintf(purpose, sizeof(purpose), "device key %s", call->device.name);
	rc = vault_use(push->vault, id, actor, purpose, &key, &problem);
	problem_fini(&problem);
	if (rc == 0)
		rc = seal(&call->device, id, key, out);
	EVP_PKEY_free(key);
	return rc == 0 ? out : refused(out, words_of(rc));
}

static int told(struct port_call *call, int rc)
{
	return rc == 0 ? 0 : problem_add(&call->problem, rc, "", "", "%s", err_text(rc));
}

int push_keys(struct port_call *call)
{
	const json_t *ids = json_object_get(call->body, "ids");
	struct actor actor = {.via = "device"};
	json_t *allowed = NULL, *keys = json_array(), *id;
	size_t i, denied = 0;
	int rc = keys ? allowed_keys(call, &allowed) : SL_ENOMEM;

	(void)snprintf(actor.name, sizeof(actor.name), "%s", call->device.name);
	(void)snprintf(actor.from, sizeof(actor.from), "%s", call->request->from);
	json_array_foreach(ids, i, id)
	{
		const char *hex = json_string_value(id);

		if (rc != 0 || !hex)
			break;
		denied += !json_object_get(allowed, hex);
		if (json_array_append_new(keys, one_key(call, &actor, hex, allowed)) != 0)
			rc = SL_ENOMEM;
	}
	json_decref(allowed);
	if (denied > 0)
		log_warning("%s asks for %zu private keys that no document of it names",
		            call->device.name, denied);
	if (rc == 0)
		return told(call,
		            answer_json(&call->response, OK, json_pack("{s:o}", "keys", keys)));
	json_decref(keys);
	return told(call, rc);
}
