/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes by their digest, in pieces. */
#include "smsd/object/blob.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "smsd/base/moment.h"
#include "smsd/object/blob_priv.h"
#include "smsd/store/store.h"

static const char *const contents[] = {
#define X(NAME, what) what,
        BLOB_CONTENTS(X)
#undef X
};

const char *blob_content_name(enum blob_content content)
{
	return contents[content];
}

int blob_content_parse(const char *name, enum blob_content *ret_content)
{
	for (unsigned i = 0; i < BLOB_CONTENT_END; i++) {
		if (strcmp(contents[i], name) == 0) {
			*ret_content = i;
			return 0;
		}
	}
	return SL_ENOENT;
}

const char *blob_digest_text(const uint8_t sha256[BLOB_DIGEST], char ret_hex[BLOB_HEX_MAX])
{
	return hex_text(sha256, BLOB_DIGEST, ret_hex);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int blob_digest_parse(const char *hex, uint8_t ret_sha256[BLOB_DIGEST])
{
	uint8_t sha256[BLOB_DIGEST];

	if (strlen(hex) != 2 * (size_t)BLOB_DIGEST)
		return SL_EMALFORMED;
	for (size_t i = 0; i < BLOB_DIGEST; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return SL_EMALFORMED;
		sha256[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret_sha256, sha256, BLOB_DIGEST);
	return 0;
}

/* ---- writing ----------------------------------------------------------------------------- */

int blob_keep(struct store_tx *tx, const uint8_t sha256[BLOB_DIGEST], bool *ret_there)
{
	const struct store_value values[] = {store_blob(sha256, BLOB_DIGEST),
	                                     store_integer(moment_now_ms())};
	int rc = store_tx_run(tx, STORE_BLOB_KEEP, values, 2, NULL, NULL);

	*ret_there = rc == 0 && store_tx_changed(tx) > 0;
	return rc;
}

int blob_add(struct store_tx *tx, const uint8_t sha256[BLOB_DIGEST], uint64_t size)
{
	const struct store_value values[] = {store_blob(sha256, BLOB_DIGEST),
	                                     store_integer((int64_t)size),
	                                     store_integer(moment_now_ms())};

	return store_tx_run(tx, STORE_BLOB_ADD, values, 3, NULL, NULL);
}

static int add_piece(struct store_tx *tx, const uint8_t sha256[BLOB_DIGEST], uint64_t at,
                     const void *data, size_t len)
{
	const struct store_value values[] = {store_blob(sha256, BLOB_DIGEST),
	                                     store_integer((int64_t)at), store_blob(data, len)};

	return store_tx_run(tx, STORE_BLOB_ADD_PIECE, values, 3, NULL, NULL);
}

int blob_put(struct store_tx *tx, const void *data, size_t len, uint8_t ret_sha256[BLOB_DIGEST])
{
	bool there = false;
	int rc;

	if (EVP_Digest(data, len, ret_sha256, NULL, EVP_sha256(), NULL) != 1)
		return SL_ECRYPTO;
	rc = blob_keep(tx, ret_sha256, &there);
	if (rc != 0 || there)
		return rc;
	rc = blob_add(tx, ret_sha256, len);
	for (size_t at = 0; rc == 0 && at < len; at += BLOB_PIECE_MAX)
		rc = add_piece(tx, ret_sha256, at, (const uint8_t *)data + at,
		               SL_MIN(len - at, (size_t)BLOB_PIECE_MAX));
	return rc;
}

/* ---- reading ----------------------------------------------------------------------------- */

static int take_integer(void *ret_number, const struct store_row *row)
{
	*(int64_t *)ret_number = store_row_integer(row, 0);
	return 1;
}

struct reading {
	uint64_t offset;
	size_t left;
	struct buf *out;
};

/* Rows: where the piece begins, its bytes. */
static int take_piece(void *arg, const struct store_row *row)
{
	struct reading *r = arg;
	uint64_t at = (uint64_t)store_row_integer(row, 0);
	size_t len, skip, count;
	const uint8_t *bytes = store_row_blob(row, 1, &len);
	int rc;

	if (r->offset < at || r->offset - at >= len)
		return SL_EIO;
	skip = (size_t)(r->offset - at);
	count = SL_MIN(len - skip, r->left);
	rc = buf_add(r->out, bytes + skip, count);
	if (rc != 0)
		return rc;
	r->offset += count;
	r->left -= count;
	return r->left == 0;
}

static int size_of(struct store *store, const uint8_t sha256[BLOB_DIGEST], uint64_t *ret_size)
{
	const struct store_value value = store_blob(sha256, BLOB_DIGEST);
	int64_t size = -1;
	int rc = store_read(store, STORE_BLOB_SIZE, &value, 1, take_integer, &size);

	if (rc < 0)
		return rc;
	if (size < 0)
		return SL_ENOENT;
	*ret_size = (uint64_t)size;
	return 0;
}

int blob_read(struct store *store, const uint8_t sha256[BLOB_DIGEST], uint64_t offset, size_t max,
              struct buf *out)
{
	uint64_t size = 0, count;
	int rc = size_of(store, sha256, &size);

	if (rc != 0)
		return rc;
	count = offset < size ? SL_MIN(size - offset, (uint64_t)max) : 0;
	if (count > 0) {
		const struct store_value values[] = {
		        store_blob(sha256, BLOB_DIGEST),
		        store_integer((int64_t)(offset - offset % BLOB_PIECE_MAX)),
		        store_integer((int64_t)(offset + count))};
		struct reading r = {.offset = offset, .left = (size_t)count, .out = out};

		rc = store_read(store, STORE_BLOB_PIECES, values, 3, take_piece, &r);
		if (rc >= 0)
			rc = r.left == 0 ? 0 : SL_EIO;
	}
	return rc;
}
