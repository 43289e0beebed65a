/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys in the vault: PKCS#8, sealed by the data key together with what their row says. */
#include <openssl/crypto.h>
#include <openssl/err.h>
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
	struct private_context context = private_context(sealed->id, sealed->exportable);
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

static int take_row(void *arg, const struct store_row *row)
{
	return private_row_take(arg, row, 0);
}

int vault_has(struct store *store, const uint8_t id[VAULT_ID_SIZE], bool *ret_exportable)
{
	const struct store_value value = store_blob(id, VAULT_ID_SIZE);
	struct private_row row = {0};
	int rc = store_read(store, STORE_PRIVATE_KEY, &value, 1, take_row, &row);

	if (rc >= 0) {
		rc = row.found ? 0 : SL_ENOENT;
		if (row.found)
			*ret_exportable = row.exportable;
	}
	private_row_fini(&row);
	return rc;
}

/* Reading a key and writing down that it was read are one write. */
struct key_use {
	const uint8_t *id;
	const struct actor *actor;
	const char *action;
	bool leaves; /* it is to be exported */
	bool refused;
	struct private_row row;
};

static int use_row(void *arg, struct store_tx *tx)
{
	struct key_use *use = arg;
	const struct store_value value = store_blob(use->id, VAULT_ID_SIZE);
	char name[VAULT_ID_TEXT];
	struct audit_line line = {.kind = "private key",
	                          .name = hex_text(use->id, VAULT_ID_SIZE, name)};
	int rc;

	private_row_fini(&use->row);
	rc = store_tx_run(tx, STORE_PRIVATE_KEY, &value, 1, take_row, &use->row);
	if (rc < 0)
		return rc;
	if (!use->row.found)
		return SL_ENOENT;
	use->refused = use->leaves && !use->row.exportable;
	line.action = use->refused ? "export refused" : use->action;
	return audit_add(tx, use->actor, &line);
}

static int open_der(struct vault *vault, const uint8_t *id, const struct private_row *row,
                    uint8_t **ret_der, size_t *ret_len)
{
	struct seal_opener opener;
	int rc = seal_opener_make(vault->key, &opener);

	if (rc != 0)
		return rc;
	rc = private_row_open(&opener, id, row, ret_der, ret_len);
	seal_opener_fini(&opener);
	return rc;
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
	char text[VAULT_ID_TEXT];

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
	struct private_row row = {0};
	uint8_t *der = NULL;
	size_t len = 0;
	int rc = store_read(vault->store, STORE_PRIVATE_KEY, &value, 1, take_row, &row);

	if (rc >= 0)
		rc = row.found ? open_der(vault, id, &row, &der, &len) : SL_ENOENT;
	OPENSSL_secure_clear_free(der, len);
	private_row_fini(&row);
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
	private_row_fini(&use->row);
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
