/* SPDX-License-Identifier: Apache-2.0 */
/* A row of a private key: read, and opened by the data key. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/store/store.h"
#include "smsd/vault/vault_priv.h"

struct private_context private_context(const uint8_t id[VAULT_ID_SIZE], bool exportable)
{
	struct private_context context = {.label = VAULT_KEY_LABEL, .exportable = exportable};

	memcpy(context.id, id, sizeof(context.id));
	return context;
}

void private_row_fini(struct private_row *row)
{
	free(row->bytes);
	*row = (struct private_row){0};
}

int private_row_take(struct private_row *key, const struct store_row *row, unsigned column)
{
	const void *bytes = store_row_blob(row, column, &key->len);

	key->found = true;
	key->exportable = store_row_integer(row, column + 1) != 0;
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

int private_row_open(struct seal_opener *opener, const uint8_t id[VAULT_ID_SIZE],
                     const struct private_row *row, uint8_t **ret_der, size_t *ret_len)
{
	struct private_context context = private_context(id, row->exportable);
	size_t len = row->len > VAULT_SEAL_EXTRA ? row->len - VAULT_SEAL_EXTRA : 0;
	uint8_t *der = len ? OPENSSL_secure_malloc(len) : NULL;

	if (len && !der)
		return SL_ENOMEM;
	if (!der ||
	    seal_opener_open(opener, &context, sizeof(context), row->bytes, row->len, der) != 0) {
		OPENSSL_secure_clear_free(der, len);
		return SL_ECRYPTO;
	}
	*ret_der = der;
	*ret_len = len;
	return 0;
}
