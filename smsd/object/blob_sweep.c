/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that nothing names any more, and uploads that nobody finished. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/object/blob_priv.h"
#include "smsd/store/store.h"

enum { SWEPT_MAX = 64 /* blobs of one write: others wait for it */ };

struct sweep {
	int64_t before_ms;
	json_t *named; /* digests of files, as keys */
	uint8_t dead[SWEPT_MAX][BLOB_DIGEST];
	size_t dead_count;
};

static int take_file(void *arg, const struct store_row *row)
{
	json_t *body = json_loads(store_row_text(row, 1), 0, NULL);
	const char *hex = json_string_value(json_object_get(body, "sha256"));
	/* A damaged row names nothing that could be missed, but says that more may be damaged. */
	int rc = hex ? 0 : SL_EIO;

	if (rc == 0 && json_object_set_new(arg, hex, json_true()) != 0)
		rc = SL_ENOMEM;
	json_decref(body);
	return rc;
}

static int take_old(void *arg, const struct store_row *row)
{
	struct sweep *s = arg;
	char hex[BLOB_HEX_MAX];
	size_t len;
	const uint8_t *sha256 = store_row_blob(row, 0, &len);

	if (len != BLOB_DIGEST)
		return SL_EIO;
	if (json_object_get(s->named, blob_digest_text(sha256, hex)))
		return 0;
	memcpy(s->dead[s->dead_count++], sha256, BLOB_DIGEST);
	return s->dead_count == SWEPT_MAX;
}

/* In the write, so that nothing gets a name meanwhile. */
static int sweep(void *arg, struct store_tx *tx)
{
	struct sweep *s = arg;
	const struct store_value kind = store_text(object_kind_name(OBJECT_FILE));
	const struct store_value before = store_integer(s->before_ms);
	int rc = store_tx_run(tx, STORE_UPLOAD_DROP_OLD, &before, 1, NULL, NULL);

	(void)json_object_clear(s->named);
	s->dead_count = 0;
	if (rc == 0)
		rc = store_tx_run(tx, STORE_OBJECT_BODIES, &kind, 1, take_file, s->named);
	if (rc == 0)
		rc = store_tx_run(tx, STORE_BLOB_OLD, &before, 1, take_old, s);
	for (size_t i = 0; rc >= 0 && i < s->dead_count; i++) {
		const struct store_value value = store_blob(s->dead[i], BLOB_DIGEST);

		rc = store_tx_run(tx, STORE_BLOB_DROP, &value, 1, NULL, NULL);
	}
	return rc < 0 ? rc : 0;
}

int blob_sweep(struct store *store, int64_t now_ms)
{
	struct sweep s = {.before_ms = now_ms - BLOB_UPLOAD_S * INT64_C(1000),
	                  .named = json_object()};
	int rc = s.named ? store_write(store, sweep, &s) : SL_ENOMEM;

	json_decref(s.named);
	return rc;
}
