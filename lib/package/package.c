/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: the layout, then the signature, then what the package says of itself. */
#include "lib/package/package.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "lib/base/buf.h"
#include "lib/base/bytes.h"
#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "lib/package/package_priv.h"

enum { PACKAGE_MAGIC = 0x504b4752 };

struct section {
	char name[PACKAGE_SECTION_NAME_MAX];
	const uint8_t *packed;
	uint64_t packed_len, len;
	const uint8_t *digest;
};

struct package {
	uint32_t magic;
	struct package_info info;
	int signer;
	struct section sections[PACKAGE_SECTIONS_MAX];
	size_t count;
};

const struct package_kind_row package_kinds[PACKAGE_KIND_END] = {
#define X(ID, kind, major_, minor_, text)                                                          \
	{.name = (kind), .title = (text), .major = (major_), .minor = (minor_)},
#include "lib/package/kind.def"
#undef X
};

const char *package_kind_name(enum package_kind kind)
{
	return kind < PACKAGE_KIND_END ? package_kinds[kind].name : "?";
}

const char *package_kind_title(enum package_kind kind)
{
	return kind < PACKAGE_KIND_END ? package_kinds[kind].title : "?";
}

/* ---- the layout -------------------------------------------------------------------------- */

/* What has been read of the bytes before it was believed. */
struct head {
	const char *metadata;
	size_t metadata_len;
	size_t signed_len; /* what the signature is of, from the first byte on */
	const uint8_t *signature;
};

static int damaged(struct pki_error *err, const char *what)
{
	return pki_error_set(err, SL_EMALFORMED, "get the file again", "the package is damaged: %s",
	                     what);
}

static int read_mark(struct reader *r, struct pki_error *err)
{
	const uint8_t *mark = reader_take(r, MARK_LEN);
	uint32_t major;

	if (!mark || memcmp(mark, PACKAGE_MARK, MARK_LEN) != 0)
		return pki_error_set(err, SL_EMALFORMED, "name a package, as tmc makes them",
		                     "this is no package");
	major = (uint32_t)reader_uint_le(r, 2);
	(void)reader_uint_le(r, 2);
	if (r->failed)
		return damaged(err, "it ends too early");
	if (major != LAYOUT_MAJOR)
		return pki_error_set(err, SL_EMISMATCH, "get a package for this version",
		                     "the package's layout is %u, and this device reads %u", major,
		                     LAYOUT_MAJOR);
	return 0;
}

static void read_section(struct reader *r, struct section *s)
{
	const uint8_t *name = reader_take(r, sizeof(s->name));

	if (name)
		memcpy(s->name, name, sizeof(s->name));
	s->packed_len = reader_uint_le(r, 8);
	s->len = reader_uint_le(r, 8);
	s->digest = reader_take(r, DIGEST_LEN);
}

static bool section_is_right(const struct package *p, size_t i)
{
	const struct section *s = &p->sections[i];

	if (s->name[0] == '\0' || !memchr(s->name, '\0', sizeof(s->name)) || s->len > PACKAGE_MAX)
		return false;
	for (size_t k = 0; k < i; k++)
		if (strcmp(p->sections[k].name, s->name) == 0)
			return false;
	return true;
}

static int read_layout(struct package *p, const void *bytes, size_t len, struct head *h,
                       struct pki_error *err)
{
	struct reader r = reader_of(bytes, len);
	int rc = read_mark(&r, err);

	if (rc != 0)
		return rc;
	h->metadata_len = (size_t)reader_uint_le(&r, 4);
	p->count = (size_t)reader_uint_le(&r, 4);
	if (h->metadata_len > PACKAGE_METADATA_MAX || p->count > PACKAGE_SECTIONS_MAX)
		return damaged(err, "its head is too large");
	h->metadata = (const char *)reader_take(&r, h->metadata_len);
	for (size_t i = 0; i < p->count; i++)
		read_section(&r, &p->sections[i]);
	h->signed_len = (size_t)(r.at - (const uint8_t *)bytes);
	h->signature = reader_take(&r, SIGNATURE_LEN);
	for (size_t i = 0; i < p->count && !r.failed; i++)
		p->sections[i].packed = reader_take(&r, p->sections[i].packed_len);
	if (r.failed || reader_left(&r) > 0)
		return damaged(err, "its length is wrong");
	for (size_t i = 0; i < p->count; i++)
		if (!section_is_right(p, i))
			return damaged(err, "its table of sections is wrong");
	return 0;
}

/* ---- the signature ----------------------------------------------------------------------- */

static bool verifies(EVP_PKEY *key, const struct head *h, const void *bytes)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	            EVP_DigestVerify(ctx, h->signature, SIGNATURE_LEN, bytes, h->signed_len) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

static int check_signature(struct package *p, const struct head *h, const void *bytes,
                           const struct package_keys *keys, struct pki_error *err)
{
	uint8_t digest[DIGEST_LEN];

	p->signer = -1;
	for (size_t i = 0; keys && i < keys->count && p->signer < 0; i++)
		if (verifies(keys->items[i], h, bytes))
			p->signer = (int)i;
	if (keys && p->signer < 0)
		return pki_error_set(err, SL_EPERM,
		                     "name the public key of who made it, in "
		                     "device.package_keys or as a package key of the SMS; "
		                     "if it is there, get the file again",
		                     "the package is not signed by a key that is trusted");
	for (size_t i = 0; i < p->count; i++)
		if (EVP_Digest(p->sections[i].packed, p->sections[i].packed_len, digest, NULL,
		               EVP_sha256(), NULL) != 1 ||
		    memcmp(digest, p->sections[i].digest, DIGEST_LEN) != 0)
			return damaged(err, "a section is not the one that was signed");
	return 0;
}

/* ---- what it says of itself -------------------------------------------------------------- */

static bool is_clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static bool read_text(const json_t *all, const char *key, char *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(all, key));

	if (!text || strlen(text) >= size || !is_clean(text))
		return false;
	memcpy(ret, text, strlen(text) + 1);
	return true;
}

static bool read_format(const json_t *all, struct package_info *info)
{
	const char *text = json_string_value(json_object_get(all, "format"));
	unsigned major, minor;
	int used = 0;

	if (!text || strlen(text) > 16 || sscanf(text, "%5u.%5u%n", &major, &minor, &used) != 2 ||
	    text[used] != '\0')
		return false;
	info->major = major;
	info->minor = minor;
	return true;
}

static bool read_info(const struct head *h, struct package_info *info, char *kind, size_t size)
{
	json_t *all = json_loadb(h->metadata, h->metadata_len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *created = json_object_get(all, "created");
	bool good = json_is_integer(created) && read_text(all, "kind", kind, size) &&
	            read_format(all, info) &&
	            read_text(all, "name", info->name, sizeof(info->name)) &&
	            read_text(all, "version", info->version, sizeof(info->version)) &&
	            read_text(all, "description", info->description, sizeof(info->description));

	info->created = json_integer_value(created);
	json_decref(all);
	return good;
}

enum package_kind package_kind_find(const char *name)
{
	unsigned kind = 0;

	while (kind < PACKAGE_KIND_END && strcmp(package_kinds[kind].name, name) != 0)
		kind++;
	return (enum package_kind)kind;
}

/* R41. */
static int check_format(const struct package_info *info, struct pki_error *err)
{
	const struct package_kind_row *row = &package_kinds[info->kind];

	if (info->major > row->major)
		return pki_error_set(err, SL_EMISMATCH,
		                     "update the device, or get a package of its format",
		                     "the package has format %u.%u of %s, which is newer than this "
		                     "device: it reads %u",
		                     info->major, info->minor, row->title, row->major);
	if (info->major < row->major)
		return pki_error_set(err, SL_EMISMATCH, "get a newer package",
		                     "the package has format %u.%u of %s, which is older than this "
		                     "device: it reads %u",
		                     info->major, info->minor, row->title, row->major);
	return 0;
}

static int check_info(struct package *p, const struct head *h, enum package_kind wanted,
                      struct pki_error *err)
{
	char kind[64];

	if (!read_info(h, &p->info, kind, sizeof(kind)))
		return damaged(err, "what it says of itself cannot be read");
	p->info.kind = package_kind_find(kind);
	if (p->info.kind == PACKAGE_KIND_END)
		return pki_error_set(err, SL_EMISMATCH, "update the device, or get another package",
		                     "the package is of a kind that this device does not know: %s",
		                     kind);
	if (wanted != PACKAGE_KIND_END && p->info.kind != wanted)
		return pki_error_set(err, SL_EMISMATCH, "name another package",
		                     "the package holds %s, and not %s",
		                     package_kinds[p->info.kind].title,
		                     package_kinds[wanted].title);
	return check_format(&p->info, err);
}

int package_open(const void *bytes, size_t len, enum package_kind kind,
                 const struct package_keys *keys, struct package **ret, struct pki_error *err)
{
	struct package *p = calloc(1, sizeof(*p));
	struct head h = {.metadata = NULL};
	int rc;

	if (!p)
		return pki_error_set(err, SL_ENOMEM, "", "out of memory");
	MAGIC_SET(p, PACKAGE_MAGIC);
	rc = read_layout(p, bytes, len, &h, err);
	if (rc == 0)
		rc = check_signature(p, &h, bytes, keys, err);
	if (rc == 0)
		rc = check_info(p, &h, kind, err);
	if (rc != 0) {
		package_close(p);
		return rc;
	}
	*ret = p;
	return 0;
}

void package_close(struct package *p)
{
	if (!p)
		return;
	MAGIC_CHECK(p, PACKAGE_MAGIC);
	MAGIC_CLEAR(p);
	free(p);
}

const struct package_info *package_info(const struct package *p)
{
	return &p->info;
}

int package_signer(const struct package *p)
{
	return p->signer;
}

int package_section_at(const struct package *p, size_t index, const char **ret_name,
                       uint64_t *ret_len)
{
	if (index >= p->count)
		return SL_ENOENT;
	*ret_name = p->sections[index].name;
	*ret_len = p->sections[index].len;
	return 0;
}

int package_read(const struct package *p, const char *name, struct buf *out)
{
	const struct section *s = NULL;
	uint8_t *room;
	size_t len;
	int rc;

	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->sections[i].name, name) == 0)
			s = &p->sections[i];
	if (!s)
		return SL_ENOENT;
	rc = buf_reserve(out, s->len, &room);
	if (rc != 0)
		return rc;
	len = ZSTD_decompress(room, s->len, s->packed, s->packed_len);
	if (ZSTD_isError(len) || len != s->len)
		return SL_EMALFORMED;
	out->len += len;
	return 0;
}
