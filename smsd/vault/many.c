/* SPDX-License-Identifier: Apache-2.0 */
/* Many private keys for one use, as a device fetches them: one read, one audit row, one schedule of
 * the data key. */
#include <openssl/crypto.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "smsd/auth/audit.h"
#include "smsd/store/store.h"
#include "smsd/vault/vault_priv.h"

struct key_uses {
	const uint8_t (*ids)[VAULT_ID_SIZE];
	size_t count;
	struct private_row *rows;
	const struct actor *actor;
	struct audit_line line;
};

static int take_indexed(void *arg, const struct store_row *row)
{
	struct key_uses *uses = arg;
	int64_t index = store_row_integer(row, 0);

	return index >= 0 && (size_t)index < uses->count && !uses->rows[index].found
	               ? private_row_take(&uses->rows[index], row, 1)
	               : SL_EIO;
}

/* {"keys": [...]}: the ids of those that are there. */
static int list_found(const struct key_uses *uses, struct buf *text)
{
	char id[VAULT_ID_TEXT];
	const char *comma = "";
	int rc = buf_printf(text, "{\"keys\":[");

	for (size_t i = 0; rc == 0 && i < uses->count; i++) {
		if (!uses->rows[i].found)
			continue;
		rc = buf_printf(text, "%s\"%s\"", comma, hex_text(uses->ids[i], VAULT_ID_SIZE, id));
		comma = ",";
	}
	return rc ? rc : buf_printf(text, "]}");
}

static int write_uses(void *arg, struct store_tx *tx)
{
	const struct key_uses *uses = arg;

	return audit_add(tx, uses->actor, &uses->line);
}

/* None is opened before its use is written down. A key that is dropped in between was used. */
static int read_and_write_down(struct vault *vault, struct key_uses *uses)
{
	const struct store_value ids = store_blob(uses->ids, uses->count * VAULT_ID_SIZE);
	struct buf found;
	int rc = store_read(vault->store, STORE_PRIVATE_KEYS, &ids, 1, take_indexed, uses);
	bool any = false;

	for (size_t i = 0; i < uses->count; i++)
		any |= uses->rows[i].found;
	if (rc != 0 || !any)
		return rc;
	buf_init(&found, STORE_VALUE_MAX);
	rc = list_found(uses, &found);
	uses->line.after = buf_text(&found);
	if (rc == 0)
		rc = store_write(vault->store, write_uses, uses);
	buf_fini(&found);
	return rc;
}

static int give(struct seal_opener *opener, const struct key_uses *uses, size_t index,
                vault_plain_fn *fn, void *arg)
{
	const struct private_row *row = &uses->rows[index];
	uint8_t *der = NULL;
	size_t len = 0;
	int code = row->found ? private_row_open(opener, uses->ids[index], row, &der, &len)
	                      : SL_ENOENT;
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
	                        .line = {.action = purpose, .kind = "private key", .name = about}};
	struct seal_opener opener = {.cipher = NULL};
	int rc = uses.rows ? read_and_write_down(vault, &uses) : SL_ENOMEM;

	if (rc == 0)
		rc = seal_opener_make(vault->key, &opener);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = give(&opener, &uses, i, fn, arg);
	seal_opener_fini(&opener);
	for (size_t i = 0; uses.rows && i < count; i++)
		private_row_fini(&uses.rows[i]);
	free(uses.rows);
	return rc;
}
