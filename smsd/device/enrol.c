/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates for devices: for a token, once, and for a certificate that holds. What is looked at
 * before the signature is looked at again in the write, which has the last word: a certificate that
 * no row names counts for nothing.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/base64.h"
#include "lib/base/err.h"
#include "lib/pki/ca.h"
#include "lib/pki/cert.h"
#include "lib/pki/key.h"
#include "smsd/auth/audit.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/device/device_priv.h"
#include "smsd/object/blob.h"
#include "smsd/object/document.h"
#include "smsd/vault/vault.h"

enum { MS_PER_S = 1000, PEM_ROOM = 64 * 1024 };

/* What becomes of either call. */
struct issue {
	struct store *store;
	struct vault *vault;
	const char *from;
	const json_t *body;
	struct problem *problem;
	/* of the request */
	X509_REQ *request;
	EVP_PKEY *key; /* the request's */
	uint8_t key_id[VAULT_ID_SIZE];
	/* what is given */
	X509 *certificate, *ca;
	uint8_t digest[DEVICE_DIGEST];
	int64_t now_ms, ends_ms;
	/* for whom */
	struct device_row row;
	struct actor actor;
	/* of a token */
	struct remote_token token;
	uint8_t sealing_key[HPKE_PUBLIC];
	char *capabilities, *settings;
	uint8_t document_sha256[DEVICE_DIGEST];
};

static const char *text_of(const struct issue *issue, const char *name)
{
	const char *text = json_string_value(json_object_get(issue->body, name));

	return text ? text : "";
}

static void issue_fini(struct issue *issue)
{
	X509_REQ_free(issue->request);
	X509_free(issue->certificate);
	X509_free(issue->ca);
	device_fini(&issue->row.device);
	OPENSSL_cleanse(&issue->token, sizeof(issue->token));
	free(issue->capabilities);
	free(issue->settings);
}

/* ---- the request ------------------------------------------------------------------------- */

static int read_request(struct issue *issue)
{
	const char *pem = text_of(issue, "request");
	const struct pki_bytes bytes = {
	        .name = "request", .data = pem, .len = strlen(pem), .password = ""};
	struct pki_error err;
	char group[64];

	if (pki_request_read(&bytes, &issue->request, &err) != 0 ||
	    pki_request_key(issue->request, &issue->key, &err) != 0)
		return problem_add(issue->problem, SL_EINVAL, "/request", err.remedy, "%s",
		                   err.text);
	if (!EVP_PKEY_is_a(issue->key, "EC") ||
	    EVP_PKEY_get_group_name(issue->key, group, sizeof(group), NULL) != 1 ||
	    (strcmp(group, "prime256v1") != 0 && strcmp(group, "secp384r1") != 0)) {
		ERR_clear_error();
		return problem_add(issue->problem, SL_EINVAL, "/request", "make a key on P-256",
		                   "a device's key is one on P-256 or P-384");
	}
	if (pki_key_id(issue->key, issue->key_id) != 0)
		return problem_add(issue->problem, SL_ECRYPTO, "/request", "",
		                   "the request's key cannot be read");
	return 0;
}

/* A certificate of the device CA for the request's key, and what tells it from all others. */
static int sign(struct issue *issue)
{
	const struct device_order order = {
	        .key = issue->key, .name = issue->row.device.name, .actor = &issue->actor};
	struct pki_validity validity;
	int rc = device_ca_sign(issue->store, issue->vault, &order, &issue->certificate, &issue->ca,
	                        issue->problem);

	if (rc != 0)
		return rc;
	if (pki_cert_validity(issue->certificate, 0, &validity) != 0 ||
	    X509_digest(issue->certificate, EVP_sha256(), issue->digest, NULL) != 1)
		return problem_add(issue->problem, SL_ECRYPTO, "", "", "%s", err_text(SL_ECRYPTO));
	issue->ends_ms = validity.not_after * MS_PER_S;
	return 0;
}

static json_t *pem_value(X509 *certificate)
{
	struct buf pem;
	json_t *value = NULL;

	buf_init(&pem, PEM_ROOM);
	if (pki_certificates_add_pem(certificate, NULL, &pem) == 0)
		value = json_stringn((const char *)pem.data, pem.len);
	buf_fini(&pem);
	return value;
}

/* ---- in the write ------------------------------------------------------------------------ */

static int found(void *arg, const struct store_row *row)
{
	*(bool *)arg = true;
	return 0;
}

static int refuse_key(struct issue *issue, const char *why)
{
	return problem_add(issue->problem, SL_EINVAL, "/request", "make a new key", "%s", why);
}

/* The key is one that may be given a certificate for this device, and is the device's from now on.
 * `again`: it may have had one of the same device before. */
static int take_key(struct issue *issue, struct store_tx *tx, bool again)
{
	const struct store_value key[] = {store_blob(issue->key_id, VAULT_ID_SIZE),
	                                  store_integer(issue->row.device.id)};
	int64_t owner = 0, count = 0;
	bool revoked = false;
	int rc = store_tx_run(tx, STORE_DEVICE_REVOKED, key, 1, found, &revoked);

	if (rc == 0 && revoked)
		return refuse_key(issue, "the key was revoked and is never given a certificate");
	if (rc == 0)
		rc = store_tx_run(tx, STORE_DEVICE_KEY, key, 1, device_integer_take, &owner);
	if (rc == 0 && owner != 0 && !(again && owner == issue->row.device.id))
		return refuse_key(issue, "the key has been given a certificate already");
	if (rc == 0)
		rc = store_tx_run(tx, STORE_DEVICE_KEY_COUNT, &key[1], 1, device_integer_take,
		                  &count);
	if (rc == 0 && count >= DEVICE_KEYS_MAX)
		return problem_add(issue->problem, SL_ELIMIT, "",
		                   "revoke the device, delete it and "
		                   "make it again",
		                   "the device had %d keys", DEVICE_KEYS_MAX);
	return rc ? rc : store_tx_run(tx, STORE_DEVICE_KEY_ADD, key, 2, NULL, NULL);
}

static int audit(const struct issue *issue, struct store_tx *tx, const char *action)
{
	char digest[BLOB_HEX_MAX], after[256], ends[MOMENT_TEXT_MAX];
	struct audit_line line = {
	        .action = action, .kind = "device", .name = issue->row.device.name, .after = after};

	(void)snprintf(after, sizeof(after), "{\"certificate\":\"%s\",\"ends\":\"%s\"}",
	               blob_digest_text(issue->digest, digest), moment_text(issue->ends_ms, ends));
	return audit_add(tx, &issue->actor, &line);
}

/* ---- enrolling --------------------------------------------------------------------------- */

static int refuse_token(struct issue *issue)
{
	return problem_add(issue->problem, SL_EREFUSED, "/token",
	                   "ask for a new one: sms device token",
	                   "the token is wrong, was used or has ended");
}

struct token_row {
	int64_t device, ends_ms;
	uint8_t secret[DEVICE_DIGEST];
};

static int take_token(void *arg, const struct store_row *row)
{
	struct token_row *token = arg;
	size_t len;
	const void *secret = store_row_blob(row, 1, &len);

	if (len != sizeof(token->secret))
		return SL_EIO;
	token->device = store_row_integer(row, 0);
	token->ends_ms = store_row_integer(row, 2);
	memcpy(token->secret, secret, len);
	return 0;
}

/* 0: it is the one of the row. */
static int judge_token(const struct issue *issue, const struct token_row *row)
{
	uint8_t digest[DEVICE_DIGEST];
	int rc = device_secret_digest(&issue->token, digest);

	if (rc == 0 && (row->device == 0 || issue->now_ms >= row->ends_ms ||
	                CRYPTO_memcmp(digest, row->secret, sizeof(digest)) != 0))
		rc = SL_EREFUSED;
	return rc;
}

/* Whose token it is; the row that it may have counts as a device's only after that. */
static int find_device(struct issue *issue)
{
	const struct store_value id = store_blob(issue->token.id, sizeof(issue->token.id));
	struct token_row token = {0};
	struct store_value device;
	int rc = store_read(issue->store, STORE_DEVICE_TOKEN, &id, 1, take_token, &token);

	if (rc == 0)
		rc = judge_token(issue, &token);
	if (rc != 0)
		return rc;
	device = store_integer(token.device);
	rc = store_read(issue->store, STORE_DEVICE_BY_ID, &device, 1, device_row_take, &issue->row);
	return rc == 0 && !issue->row.found ? SL_EREFUSED : rc;
}

static int write_refused(void *arg, struct store_tx *tx)
{
	const struct issue *issue = arg;
	const struct actor nobody = device_actor("", issue->from);
	const struct audit_line line = {.action = "enrol refused", .kind = "device", .name = ""};

	return audit_add(tx, &nobody, &line);
}

static int check_token(struct issue *issue)
{
	int rc = remote_token_parse(text_of(issue, "token"), &issue->token);

	rc = rc == 0 ? find_device(issue) : SL_EREFUSED;
	if (rc != SL_EREFUSED)
		return problem_tell(issue->problem, rc);
	rc = store_write(issue->store, write_refused, issue);
	return rc ? problem_tell(issue->problem, rc) : refuse_token(issue);
}

/* 32 bytes in base64, and such that something can be sealed for it. */
static int read_sealing_key(struct issue *issue)
{
	const char *text = text_of(issue, "sealing_key");
	uint8_t bytes[HPKE_PUBLIC], encapsulated[HPKE_ENCAPSULATED], sealed[HPKE_TAG];
	int rc = SL_EINVAL;
	size_t len;

	if (base64_decode(text, strlen(text), bytes, sizeof(bytes), &len) == 0 &&
	    len == sizeof(bytes))
		rc = hpke_seal(bytes, HPKE_INFO_DEVICE_KEY, NULL, 0, "", 0, encapsulated, sealed);
	if (rc != 0)
		return problem_add(issue->problem, SL_EINVAL, "/sealing_key",
		                   "send an X25519 public key in base64",
		                   "the sealing key is none that a key can be sealed for");
	memcpy(issue->sealing_key, bytes, HPKE_PUBLIC);
	return 0;
}

/* The document in force; what of it is no object are the device's settings from here on, unless
 * people have given it some already. */
static int read_document(struct issue *issue)
{
	const char *text = text_of(issue, "document");
	json_t *document, *settings;

	if (!text[0])
		return 0;
	document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(document)) {
		json_decref(document);
		return problem_add(issue->problem, SL_EINVAL, "/document",
		                   "send the document in force as it is",
		                   "the document is no JSON");
	}
	settings = document_settings(document);
	issue->settings = device_json_text(settings);
	json_decref(settings);
	json_decref(document);
	if (!issue->settings)
		return problem_tell(issue->problem, SL_ENOMEM);
	return EVP_Digest(text, strlen(text), issue->document_sha256, NULL, EVP_sha256(), NULL) == 1
	               ? 0
	               : problem_tell(issue->problem, SL_ECRYPTO);
}

static int read_enrolment(struct issue *issue)
{
	const json_t *capabilities = json_object_get(issue->body, "capabilities");
	uint32_t version;
	int rc = document_version(capabilities, "/capabilities/document_version", &version,
	                          issue->problem);

	if (rc == 0)
		rc = read_request(issue);
	if (rc == 0)
		rc = read_sealing_key(issue);
	if (rc == 0)
		rc = read_document(issue);
	if (rc != 0)
		return rc;
	issue->capabilities = device_json_text(capabilities);
	return issue->capabilities ? 0 : problem_tell(issue->problem, SL_ENOMEM);
}

static int put_enrolled(const struct issue *issue, struct store_tx *tx)
{
	const char *document = text_of(issue, "document");
	const struct store_value forgotten[] = {store_integer(issue->row.device.id),
	                                        store_integer(0)};
	const struct store_value values[] = {
	        store_integer(issue->row.device.id),
	        store_text(device_state_name(DEVICE_ENROLLED)),
	        store_text(issue->settings),
	        store_text(issue->capabilities),
	        store_text(document[0] ? document : NULL),
	        document[0] ? store_blob(issue->document_sha256, DEVICE_DIGEST) : store_null(),
	        store_blob(issue->sealing_key, HPKE_PUBLIC),
	        store_blob(issue->digest, DEVICE_DIGEST),
	        store_integer(issue->ends_ms),
	        store_integer(issue->now_ms),
	};

	int rc = store_tx_run(tx, STORE_DEVICE_ENROL, values, SL_ARRAY_LEN(values), NULL, NULL);

	/* What was known of the one that had this name before is to be found out anew. */
	if (rc == 0)
		rc = store_tx_run(tx, STORE_DUE_AGAIN, values, 1, NULL, NULL);
	return rc ? rc : store_tx_run(tx, STORE_PANIC_TOLD, forgotten, 2, NULL, NULL);
}

/* The token is looked at again: of two who redeem it the second finds none. */
static int write_enrolled(void *arg, struct store_tx *tx)
{
	struct issue *issue = arg;
	const struct store_value values[] = {store_blob(issue->token.id, sizeof(issue->token.id)),
	                                     store_integer(issue->row.device.id)};
	struct token_row token = {0};
	int rc = store_tx_run(tx, STORE_DEVICE_TOKEN, values, 1, take_token, &token);

	problem_fini(issue->problem);
	if (rc == 0)
		rc = judge_token(issue, &token);
	if (rc == SL_EREFUSED)
		return refuse_token(issue);
	if (rc == 0)
		rc = store_tx_run(tx, STORE_DEVICE_TOKENS_DROP, &values[1], 1, NULL, NULL);
	if (rc == 0)
		rc = take_key(issue, tx, true);
	if (rc == 0)
		rc = put_enrolled(issue, tx);
	return rc ? rc : audit(issue, tx, "enrol");
}

static int answer_enrolled(struct issue *issue, json_t **ret_answer)
{
	json_t *answer = json_pack("{s:s, s:o, s:o}", "name", issue->row.device.name, "certificate",
	                           pem_value(issue->certificate), "ca", pem_value(issue->ca));

	if (!answer)
		return problem_tell(issue->problem, SL_ENOMEM);
	*ret_answer = answer;
	return 0;
}

int device_enrol(struct store *store, struct vault *vault, const char *from, const json_t *body,
                 json_t **ret_answer, struct problem *problem)
{
	struct issue issue = {.store = store,
	                      .vault = vault,
	                      .from = from,
	                      .body = body,
	                      .problem = problem,
	                      .now_ms = moment_now_ms()};
	int rc = check_token(&issue);

	issue.actor = device_actor(issue.row.device.name, from);
	if (rc == 0)
		rc = read_enrolment(&issue);
	if (rc == 0)
		rc = sign(&issue);
	if (rc == 0)
		rc = problem_tell(issue.problem, store_write(store, write_enrolled, &issue));
	if (rc == 0)
		rc = answer_enrolled(&issue, ret_answer);
	issue_fini(&issue);
	return rc;
}

/* ---- renewing ---------------------------------------------------------------------------- */

static int write_renewed(void *arg, struct store_tx *tx)
{
	struct issue *issue = arg;
	const struct store_value values[] = {store_integer(issue->row.device.id),
	                                     store_blob(issue->digest, DEVICE_DIGEST),
	                                     store_integer(issue->ends_ms)};
	struct device_row now = {.found = false};
	int rc = store_tx_run(tx, STORE_DEVICE_BY_ID, values, 1, device_row_take, &now);
	bool enrolled = now.found && now.device.state == DEVICE_ENROLLED;

	problem_fini(issue->problem);
	device_fini(&now.device);
	if (rc == 0 && !enrolled)
		return problem_add(issue->problem, SL_EREVOKED, "", "", "the device was revoked");
	if (rc == 0)
		rc = take_key(issue, tx, false);
	if (rc == 0)
		rc = store_tx_run(tx, STORE_DEVICE_RENEW, values, SL_ARRAY_LEN(values), NULL, NULL);
	return rc ? rc : audit(issue, tx, "renew");
}

static int renew(struct issue *issue, json_t **ret_answer)
{
	json_t *answer;
	int rc = read_request(issue);

	if (rc == 0)
		rc = sign(issue);
	if (rc == 0)
		rc = problem_tell(issue->problem, store_write(issue->store, write_renewed, issue));
	if (rc != 0)
		return rc;
	answer = json_pack("{s:o}", "certificate", pem_value(issue->certificate));
	if (!answer)
		return problem_tell(issue->problem, SL_ENOMEM);
	*ret_answer = answer;
	return 0;
}

int device_renew(struct store *store, struct vault *vault, const struct device *device,
                 const char *from, const json_t *body, json_t **ret_answer, struct problem *problem)
{
	struct issue issue = {.store = store,
	                      .vault = vault,
	                      .from = from,
	                      .body = body,
	                      .problem = problem,
	                      .now_ms = moment_now_ms(),
	                      .actor = device_actor(device->name, from)};
	int rc;

	issue.row.device.id = device->id;
	(void)snprintf(issue.row.device.name, sizeof(issue.row.device.name), "%s", device->name);
	rc = renew(&issue, ret_answer);
	issue_fini(&issue);
	return rc;
}
