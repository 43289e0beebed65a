/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/remote/packed.h"

#include <string.h>

#include "lib/base/err.h"

static void put(uint8_t *at, uint64_t number, size_t bytes)
{
	for (size_t i = bytes; i-- > 0; number >>= 8)
		at[i] = (uint8_t)number;
}

int remote_digests_count(size_t len, size_t max, size_t *ret_count)
{
	if (len == 0 || len % REMOTE_DIGEST != 0 || len / REMOTE_DIGEST > max)
		return SL_EINVAL;
	*ret_count = len / REMOTE_DIGEST;
	return 0;
}

int remote_file_put(struct buf *rows, const uint8_t sha256[REMOTE_DIGEST], uint64_t size)
{
	uint8_t row[REMOTE_FILE_ROW];

	memcpy(row, sha256, REMOTE_DIGEST);
	put(row + REMOTE_DIGEST, size, REMOTE_FILE_ROW - REMOTE_DIGEST);
	return buf_add(rows, row, sizeof(row));
}

uint64_t remote_file_size(const uint8_t row[REMOTE_FILE_ROW])
{
	struct reader size = reader_of(row + REMOTE_DIGEST, REMOTE_FILE_ROW - REMOTE_DIGEST);

	return reader_uint_be(&size, REMOTE_FILE_ROW - REMOTE_DIGEST);
}

int remote_key_put(struct buf *keys, enum remote_key_kind kind, size_t len, uint8_t **ret_bytes)
{
	uint8_t *room;
	int rc = len > UINT16_MAX ? SL_ERANGE : buf_reserve(keys, REMOTE_KEY_HEAD + len, &room);

	if (rc != 0)
		return rc;
	room[0] = (uint8_t)kind;
	put(room + 1, len, REMOTE_KEY_HEAD - 1);
	keys->len += REMOTE_KEY_HEAD + len;
	*ret_bytes = room + REMOTE_KEY_HEAD;
	return 0;
}

int remote_keys_begin(const uint8_t *data, size_t len, struct remote_keys *ret_keys)
{
	struct remote_keys keys = {.rest = reader_of(data, len)};

	keys.encapsulated = reader_take(&keys.rest, REMOTE_ENCAPSULATED);
	if (keys.rest.failed)
		return SL_EMALFORMED;
	*ret_keys = keys;
	return 0;
}

int remote_keys_next(struct remote_keys *keys, struct remote_key *ret_key)
{
	struct remote_key key = {.number = keys->sealed};
	uint8_t kind;

	if (reader_left(&keys->rest) == 0 && !keys->rest.failed)
		return SL_ENOENT;
	kind = reader_u8(&keys->rest);
	key.len = reader_be16(&keys->rest);
	key.bytes = reader_take(&keys->rest, key.len);
	if (kind > REMOTE_KEY_SEALED || key.len == 0)
		keys->rest.failed = true;
	if (keys->rest.failed)
		return SL_EMALFORMED;
	key.kind = kind;
	keys->sealed += kind == REMOTE_KEY_SEALED;
	*ret_key = key;
	return 0;
}
