/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys in the vault: PKCS#8, sealed by the data key together with what their row says. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <jansson.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/pki/key.h"
#include "smsd/auth/audit.h"
#include "smsd/base/moment.h"
#include "smsd/base/problem.h"
#include "smsd/store/store.h"
#include "smsd/vault/vault_priv.h"

#define CONTEXT "sluice private key 1"

enum { ID_TEXT_MAX = 2 * VAULT_ID_SIZE + 1 };

/* Rows cannot be exchanged, and whoever can write the database cannot make a key exportable. */
struct key_context {
	char label[sizeof(CONTEXT)];
	uint8_t id[VAULT_ID_SIZE];
	uint8_t exportable;
};

static struct key_context key_context(const uint8_t *id, bool exportable)
{
	struct key_context context = {.label = CONTEXT, .exportable = exportable};

	memcpy(context.id, id, sizeof(context.id));
	return context;
}

/* PKCS#8, in the secure heap. */
static int encode(const EVP_PKEY *key, uint8_t **ret_der, size_t *ret_len)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
	uint8_t *der = len > 0 ? OPENSSL_secure_malloc((size_t)len) : NULL, *at = der;

	if (der && i2d_PKCS8_PRIV_KEY_INFO(info, &at) == len) {
		*ret_der = der;
		*ret_len = (size_t)len;
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	if (len <= 0)
		return SL_ECRYPTO;
	return der ? 0 : SL_ENOMEM;
}

static EVP_PKEY *decode(const uint8_t *der, size_t len)
{
	const unsigned char *at = der;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)len);
	EVP_PKEY *key = info && at == der + len ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return key;
}

static int seal_der(struct vault *vault, const uint8_t *der, size_t len,
                    struct vault_sealed *sealed)
{
	struct key_context context = key_context(sealed->id, sealed->exportable);
	int rc;

	sealed->len = len + VAULT_SEAL_EXTRA;
	sealed->bytes = malloc(sealed->len);
	if (!sealed->bytes)
		return SL_ENOMEM;
	rc = seal_bytes(vault->key, &context, sizeof(context), der, len, sealed->bytes);
	if (rc != 0)
		free(sealed->bytes);
	return rc;
}

int vault_seal(struct vault *vault, EVP_PKEY *key, bool exportable, struct vault_sealed *ret_sealed)
{
	struct vault_sealed sealed = {.exportable = exportable};
	uint8_t *der = NULL;
	size_t len = 0;
	int rc = pki_key_id(key, sealed.id);

	if (rc == 0)
		rc = encode(key, &der, &len);
	if (rc != 0)
		return rc;
	rc = seal_der(vault, der, len, &sealed);
	OPENSSL_secure_clear_free(der, len);
	if (rc == 0)
		*ret_sealed = sealed;
	return rc;
}

void vault_sealed_fini(struct vault_sealed *sealed)
{
	if (sealed->bytes)
		OPENSSL_cleanse(sealed->bytes, sealed->len);
	free(sealed->bytes);
	*sealed = (struct vault_sealed){0};
}

int vault_put(struct store_tx *tx, const struct vault_sealed *sealed)
{
	const struct store_value values[] = {
	        store_blob(sealed->id, VAULT_ID_SIZE), store_blob(sealed->bytes, sealed->len),
	        store_integer(sealed->exportable), store_integer(moment_now_ms())};
	int rc = store_tx_run(tx, STORE_PRIVATE_KEY_ADD, values, SL_ARRAY_LEN(values), NULL, NULL);

	if (rc != 0 || sealed->exportable)
		return rc;
	return store_tx_run(tx, STORE_PRIVATE_KEY_KEEP, values, 2, NULL, NULL);
}

int vault_drop(struct store_tx *tx, const uint8_t id[VAULT_ID_SIZE])
{
	const struct store_value value = store_blob(id, VAULT_ID_SIZE);
	int rc = store_tx_run(tx, STORE_PRIVATE_KEY_DROP, &value, 1, NULL, NULL);

	if (rc != 0)
		return rc;
	return store_tx_changed(tx) ? 0 : SL_ENOENT;
}

/* A row of private_key. */
struct key_row {
	bool found, exportable;
	uint8_t *bytes;
	size_t len;
};

static void key_row_fini(struct key_row *row)
{
	free(row->bytes);
	*row = (struct key_row){0};
}

static int take_row(void *arg, const struct store_row *row)
{
	struct key_row *key = arg;
	const void *bytes = store_row_blob(row, 0, &key->len);

	key->found = true;
	key->exportable = store_row_integer(row, 1) != 0;
	if (key->len == 0 || key->len > VAULT_SEALED_MAX) {
		key->len = 0; /* damaged: seal_open says so */
		return 0;
	}
	key->bytes = malloc(key->len);
	if (!key->bytes)
		return SL_ENOMEM;
	memcpy(key->bytes, bytes, key->len);
	return 0;
}

int vault_has(struct store *store, const uint8_t id[VAULT_ID_SIZE], bool *ret_exportable)
{
	const struct store_value value = store_blob(id, VAULT_ID_SIZE);
	struct key_row row = {0};
	int rc = store_read(store, STORE_PRIVATE_KEY, &value, 1, take_row, &row);

	if (rc >= 0) {
		rc = row.found ? 0 : SL_ENOENT;
		if (row.found)
			*ret_exportable = row.exportable;
	}
	key_row_fini(&row);
	return rc;
}

/* Reading a key and writing down that it was read are one write. */
struct key_use {
	const uint8_t *id;
	const struct actor *actor;
	const char *action;
	bool leaves; /* it is to be exported */
	bool refused;
	struct key_row row;
};

static int use_row(void *arg, struct store_tx *tx)
{
	struct key_use *use = arg;
	const struct store_value value = store_blob(use->id, VAULT_ID_SIZE);
	char name[ID_TEXT_MAX];
	struct audit_line line = {.kind = "private key",
	                          .name = hex_text(use->id, VAULT_ID_SIZE, name)};
	int rc;

	key_row_fini(&use->row);
	rc = store_tx_run(tx, STORE_PRIVATE_KEY, &value, 1, take_row, &use->row);
	if (rc < 0)
		return rc;
	if (!use->row.found)
		return SL_ENOENT;
	use->refused = use->leaves && !use->row.exportable;
	line.action = use->refused ? "export refused" : use->action;
	return audit_add(tx, use->actor, &line);
}

/* What is in the row, in the secure heap: it is what was sealed, under this id. */
static int open_der(struct vault *vault, const uint8_t *id, const struct key_row *row,
                    uint8_t **ret_der, size_t *ret_len)
{
	struct key_context context = key_context(id, row->exportable);
	size_t len = row->len > VAULT_SEAL_EXTRA ? row->len - VAULT_SEAL_EXTRA : 0;
	uint8_t *der = len ? OPENSSL_secure_malloc(len) : NULL;

	if (len && !der)
		return SL_ENOMEM;
	if (!der ||
	    seal_open(vault->key, &context, sizeof(context), row->bytes, row->len, der) != 0) {
		OPENSSL_secure_clear_free(der, len);
		return SL_ECRYPTO;
	}
	*ret_der = der;
	*ret_len = len;
	return 0;
}

static int open_row(struct vault *vault, const struct key_use *use, EVP_PKEY **ret_key)
{
	uint8_t id[VAULT_ID_SIZE], *der = NULL;
	EVP_PKEY *key = NULL;
	size_t len = 0;
	int rc = open_der(vault, use->id, &use->row, &der, &len);

	if (rc != 0)
		return rc;
	key = decode(der, len);
	OPENSSL_secure_clear_free(der, len);
	if (!key || pki_key_id(key, id) != 0 || memcmp(id, use->id, sizeof(id)) != 0) {
		EVP_PKEY_free(key);
		return SL_ECRYPTO;
	}
	*ret_key = key;
	return 0;
}

static int tell(struct problem *problem, int rc, const uint8_t *id)
{
	char text[ID_TEXT_MAX];

	(void)hex_text(id, VAULT_ID_SIZE, text);
	switch (rc) {
	case SL_ENOENT:
		return problem_add(problem, rc, "", "import it with its certificate",
		                   "there is no private key %s", text);
	case SL_EPERM:
		return problem_add(problem, rc, "",
		                   "keys leave only when they were imported or made exportable",
		                   "the private key %s is not exportable", text);
	case SL_ECRYPTO:
		return problem_add(problem, rc, "", "repair its certificate with the key's file",
		                   "the private key %s is damaged: its row is not what was written",
		                   text);
	default:
		return problem_add(problem, rc, "", "", "the private key %s cannot be used: %s",
		                   text, err_text(rc));
	}
}

/* Opening says whether the row is what was written; to read the key as well would cost a hundred
 * times as much, and pages of certificates ask for each. */
int vault_check(struct vault *vault, const uint8_t id[VAULT_ID_SIZE])
{
	const struct store_value value = store_blob(id, VAULT_ID_SIZE);
	struct key_row row = {0};
	uint8_t *der = NULL;
	size_t len = 0;
	int rc = store_read(vault->store, STORE_PRIVATE_KEY, &value, 1, take_row, &row);

	if (rc >= 0)
		rc = row.found ? open_der(vault, id, &row, &der, &len) : SL_ENOENT;
	OPENSSL_secure_clear_free(der, len);
	key_row_fini(&row);
	return rc;
}

static int use_key(struct vault *vault, struct key_use *use, EVP_PKEY **ret_key,
                   struct problem *problem)
{
	int rc = store_write(vault->store, use_row, use);

	if (rc == 0 && use->refused)
		rc = SL_EPERM;
	if (rc == 0)
		rc = open_row(vault, use, ret_key);
	key_row_fini(&use->row);
	return rc ? tell(problem, rc, use->id) : 0;
}

int vault_use(struct vault *vault, const uint8_t id[VAULT_ID_SIZE], const struct actor *actor,
              const char *purpose, EVP_PKEY **ret_key, struct problem *problem)
{
	struct key_use use = {.id = id, .actor = actor, .action = purpose};

	return use_key(vault, &use, ret_key, problem);
}

int vault_export(struct vault *vault, const uint8_t id[VAULT_ID_SIZE], const struct actor *actor,
                 EVP_PKEY **ret_key, struct problem *problem)
{
	struct key_use use = {.id = id, .actor = actor, .action = "export", .leaves = true};

	return use_key(vault, &use, ret_key, problem);
}

/* ---- many at once ------------------------------------------------------------------------ */

struct key_uses {
	const uint8_t (*ids)[VAULT_ID_SIZE];
	size_t count;
	struct key_row *rows;
	const struct actor *actor;
	const char *action, *about;
};

static int write_down(const struct key_uses *uses, struct store_tx *tx)
{
	json_t *list = json_array(), *after = json_pack("{s:o}", "keys", list);
	struct audit_line line = {
	        .action = uses->action, .kind = "private key", .name = uses->about};
	char id[ID_TEXT_MAX], *text;
	int rc = SL_ENOMEM;

	for (size_t i = 0; i < uses->count; i++)
		if (uses->rows[i].found)
			(void)json_array_append_new(
			        list, json_string(hex_text(uses->ids[i], VAULT_ID_SIZE, id)));
	text = after ? json_dumps(after, JSON_COMPACT) : NULL;
	line.after = text;
	if (text)
		rc = json_array_size(list) > 0 ? audit_add(tx, uses->actor, &line) : 0;
	free(text);
	json_decref(after);
	return rc;
}

static int use_rows(void *arg, struct store_tx *tx)
{
	struct key_uses *uses = arg;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < uses->count; i++) {
		const struct store_value value = store_blob(uses->ids[i], VAULT_ID_SIZE);

		key_row_fini(&uses->rows[i]);
		rc = store_tx_run(tx, STORE_PRIVATE_KEY, &value, 1, take_row, &uses->rows[i]);
	}
	return rc < 0 ? rc : write_down(uses, tx);
}

static int give(struct vault *vault, const uint8_t *id, const struct key_row *row, size_t index,
                vault_plain_fn *fn, void *arg)
{
	uint8_t *der = NULL;
	size_t len = 0;
	int code = row->found ? open_der(vault, id, row, &der, &len) : SL_ENOENT;
	int rc = fn(arg, index, code, der, len);

	OPENSSL_secure_clear_free(der, len);
	return rc;
}

int vault_use_all(struct vault *vault, const uint8_t (*ids)[VAULT_ID_SIZE], size_t count,
                  const struct actor *actor, const char *purpose, const char *about,
                  vault_plain_fn *fn, void *arg)
{
	struct key_uses uses = {.ids = ids,
	                        .count = count,
	                        .rows = calloc(count + 1, sizeof(*uses.rows)),
	                        .actor = actor,
	                        .action = purpose,
	                        .about = about};
	int rc = uses.rows ? store_write(vault->store, use_rows, &uses) : SL_ENOMEM;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = give(vault, ids[i], &uses.rows[i], i, fn, arg);
	for (size_t i = 0; uses.rows && i < count; i++)
		key_row_fini(&uses.rows[i]);
	free(uses.rows);
	return rc;
}
