/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zstd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/package/package_priv.h"

enum { ZSTD_LEVEL = 9 };

int64_t package_time(void)
{
	const char *fixed = getenv("SOURCE_DATE_EPOCH");

	return fixed ? strtoll(fixed, NULL, 10) : (int64_t)time(NULL);
}

static int add_uint(struct buf *out, uint64_t value, size_t bytes)
{
	uint8_t raw[8];

	for (size_t i = 0; i < bytes; i++)
		raw[i] = (uint8_t)(value >> (8 * i));
	return buf_add(out, raw, bytes);
}

static char *metadata_of(const struct package_info *info)
{
	const struct package_kind_row *kind = &package_kinds[info->kind];
	char format[32];
	char *text = NULL;
	json_t *all;

	(void)snprintf(format, sizeof(format), "%u.%u", kind->major, kind->minor);
	all = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "kind", kind->name, "format", format,
	                "name", info->name, "version", info->version, "created",
	                (json_int_t)info->created, "description", info->description);
	if (all)
		text = json_dumps(all, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(all);
	return text;
}

/* Packs a section behind the others and describes it in the table. */
static int add_section(const struct package_section *s, struct buf *table, struct buf *packed)
{
	char name[PACKAGE_SECTION_NAME_MAX] = "";
	uint8_t digest[DIGEST_LEN];
	size_t room_len = ZSTD_compressBound(s->len), at = packed->len, len;
	uint8_t *room;
	int rc;

	if (s->name[0] == '\0' || strlen(s->name) >= sizeof(name))
		return SL_EINVAL;
	memcpy(name, s->name, strlen(s->name));
	rc = buf_reserve(packed, room_len, &room);
	if (rc != 0)
		return rc;
	len = ZSTD_compress(room, room_len, s->len ? s->data : "", s->len, ZSTD_LEVEL);
	if (ZSTD_isError(len))
		return SL_ENOMEM;
	packed->len += len;
	if (EVP_Digest(packed->data + at, len, digest, NULL, EVP_sha256(), NULL) != 1)
		return SL_ECRYPTO;
	rc = buf_add(table, name, sizeof(name));
	if (rc == 0)
		rc = add_uint(table, len, 8);
	if (rc == 0)
		rc = add_uint(table, s->len, 8);
	return rc == 0 ? buf_add(table, digest, sizeof(digest)) : rc;
}

static int add_head(const struct package_info *info, size_t count, const struct buf *table,
                    struct buf *out)
{
	char *metadata = metadata_of(info);
	size_t len = metadata ? strlen(metadata) : 0;
	int rc = metadata ? 0 : SL_EINVAL; /* texts that are no UTF-8 */

	if (rc == 0 && len > PACKAGE_METADATA_MAX)
		rc = SL_ELIMIT;
	if (rc == 0)
		rc = buf_add(out, PACKAGE_MARK, MARK_LEN);
	if (rc == 0)
		rc = add_uint(out, LAYOUT_MAJOR, 2);
	if (rc == 0)
		rc = add_uint(out, LAYOUT_MINOR, 2);
	if (rc == 0)
		rc = add_uint(out, len, 4);
	if (rc == 0)
		rc = add_uint(out, count, 4);
	if (rc == 0)
		rc = buf_add(out, metadata, len);
	if (rc == 0)
		rc = buf_add(out, table->data, table->len);
	free(metadata);
	return rc;
}

static int sign(EVP_PKEY *key, const void *data, size_t len, uint8_t signature[SIGNATURE_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t signature_len = SIGNATURE_LEN;
	int rc = SL_ECRYPTO;

	if (ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(ctx, signature, &signature_len, data, len) == 1 &&
	    signature_len == SIGNATURE_LEN)
		rc = 0;
	EVP_MD_CTX_free(ctx);
	return rc;
}

int package_write(const struct package_info *info, const struct package_section *sections,
                  size_t count, EVP_PKEY *key, struct buf *out)
{
	uint8_t signature[SIGNATURE_LEN];
	struct buf table, packed;
	size_t start = out->len;
	int rc = EVP_PKEY_is_a(key, "ED25519") ? 0 : SL_EINVAL;

	if (count == 0 || count > PACKAGE_SECTIONS_MAX || info->kind >= PACKAGE_KIND_END)
		rc = SL_EINVAL;
	buf_init(&table, 1u << 16);
	buf_init(&packed, PACKAGE_MAX);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_section(&sections[i], &table, &packed);
	if (rc == 0)
		rc = add_head(info, count, &table, out);
	if (rc == 0)
		rc = sign(key, out->data + start, out->len - start, signature);
	if (rc == 0)
		rc = buf_add(out, signature, sizeof(signature));
	if (rc == 0)
		rc = buf_add(out, packed.data, packed.len);
	buf_fini(&table);
	buf_fini(&packed);
	return rc;
}
