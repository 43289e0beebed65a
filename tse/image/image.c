/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serialised form of a rule set: a header with versions, sizes and a digest, the tables as
 * they are, the compiled expressions, the pattern databases. Written once by `control`, opened by
 * each worker. The digest guards against damage; the checks after it against an image of another
 * build that has the same sizes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/magic.h"
#include "tse/image/check.h"
#include "tse/match/ruleset.h"

enum { IMAGE_VERSION = 1, IMAGE_ALIGN = 16, VERSION_TEXT = 48, TABLES_MAX = 16 };

static const char image_magic[8] = {'S', 'L', 'T', 'S', 'E', 'I', 'M', 'G'};

struct image_table {
	uint32_t count, size;
};

struct image_header {
	char magic[8];
	uint32_t version;
	uint32_t tables;
	uint64_t len;                         /* of all, header included */
	uint8_t sha256[SHA256_DIGEST_LENGTH]; /* of all, with zeros here */
	char matcher[VERSION_TEXT], pcre[VERSION_TEXT];
	uint64_t rules, refused, patterns, disabled;
	uint32_t npcre, pcre_len;
	struct image_table table[TABLES_MAX];
	uint64_t db_len[RS_GROUPS];
};

/* The libraries whose inner forms the image holds. */
static void library_versions(struct image_header *h)
{
	char pcre[VERSION_TEXT] = "";

	(void)snprintf(h->matcher, sizeof(h->matcher), "%s", hs_version());
	if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) < VERSION_TEXT)
		(void)pcre2_config(PCRE2_CONFIG_VERSION, pcre);
	(void)snprintf(h->pcre, sizeof(h->pcre), "%s", pcre);
}

/* Digest of the header, its own digest as zeros, and what stands behind it. */
static int image_digest(const struct image_header *header, const uint8_t *rest, size_t len,
                        uint8_t digest[SHA256_DIGEST_LENGTH])
{
	struct image_header h = *header;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	memset(h.sha256, 0, sizeof(h.sha256));
	ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
	     EVP_DigestUpdate(ctx, &h, sizeof(h)) && EVP_DigestUpdate(ctx, rest, len) &&
	     EVP_DigestFinal_ex(ctx, digest, NULL);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : SL_ECRYPTO;
}

static int add_part(struct buf *out, size_t start, const void *data, size_t len)
{
	static const uint8_t zeros[IMAGE_ALIGN];
	int rc = len > 0 ? buf_add(out, data, len) : 0;
	size_t over = (out->len - start) % IMAGE_ALIGN;

	return rc == 0 && over ? buf_add(out, zeros, IMAGE_ALIGN - over) : rc;
}

static int add_tables(const struct tse_ruleset *set, struct buf *out, size_t start,
                      struct image_header *h)
{
	int rc = 0;

#define X(name, type)                                                                              \
	if (rc == 0) {                                                                             \
		h->table[h->tables++] = (struct image_table){set->n##name, sizeof(type)};          \
		rc = add_part(out, start, set->name, (size_t)set->n##name * sizeof(type));         \
	}
	RS_TABLES(X)
#undef X
	return rc;
}

static int add_pcre(const struct tse_ruleset *set, struct buf *out, size_t start,
                    struct image_header *h)
{
	uint8_t *bytes;
	PCRE2_SIZE len;
	int rc;

	h->npcre = set->npcre;
	if (set->npcre == 0)
		return 0;
	rc = pcre2_serialize_encode((const pcre2_code **)(void *)set->pcre, (int)set->npcre, &bytes,
	                            &len, NULL);
	if (rc < 0)
		return rc == PCRE2_ERROR_NOMEMORY ? SL_ENOMEM : SL_EUNSUPPORTED;
	h->pcre_len = (uint32_t)len;
	rc = add_part(out, start, bytes, len);
	pcre2_serialize_free(bytes);
	return rc;
}

static int add_databases(const struct tse_ruleset *set, struct buf *out, size_t start,
                         struct image_header *h)
{
	int rc = 0;

	for (unsigned g = 0; rc == 0 && g < RS_GROUPS; g++) {
		char *bytes = NULL;
		size_t len = 0;

		if (!set->db[g])
			continue;
		if (hs_serialize_database(set->db[g], &bytes, &len) != HS_SUCCESS)
			return SL_ENOMEM;
		h->db_len[g] = len;
		rc = add_part(out, start, bytes, len);
		free(bytes);
	}
	return rc;
}

int tse_ruleset_serialise(const struct tse_ruleset *set, struct buf *out)
{
	struct image_header h = {.version = IMAGE_VERSION,
	                         .rules = set->info.rules,
	                         .refused = set->info.refused,
	                         .patterns = set->info.patterns,
	                         .disabled = set->info.disabled};
	size_t start = out->len;
	int rc;

	MAGIC_CHECK(set, RS_MAGIC);
	memcpy(h.magic, image_magic, sizeof(h.magic));
	library_versions(&h);
	rc = add_part(out, start, &h, sizeof(h));
	if (rc == 0)
		rc = add_tables(set, out, start, &h);
	if (rc == 0)
		rc = add_pcre(set, out, start, &h);
	if (rc == 0)
		rc = add_databases(set, out, start, &h);
	h.len = out->len - start;
	if (rc == 0)
		rc = image_digest(&h, out->data + start + sizeof(h), (size_t)h.len - sizeof(h),
		                  h.sha256);
	if (rc == 0)
		memcpy(out->data + start, &h, sizeof(h));
	else
		out->len = start;
	return rc;
}

/* ---- opening ---- */

struct opener {
	const uint8_t *data;
	size_t at, len;
	struct image_header h;
};

/* The next part, or NULL when it is not all there. */
static const uint8_t *take_part(struct opener *o, uint64_t len)
{
	const uint8_t *p = o->data + o->at;

	if (len > o->len - o->at)
		return NULL;
	o->at += (size_t)len;
	o->at += (IMAGE_ALIGN - o->at % IMAGE_ALIGN) % IMAGE_ALIGN;
	o->at = SL_MIN(o->at, o->len);
	return p;
}

static int check_header(struct opener *o)
{
	struct image_header ours = {0};
	uint8_t digest[SHA256_DIGEST_LENGTH];
	int rc;

	if (o->len < sizeof(o->h))
		return SL_EMALFORMED;
	memcpy(&o->h, o->data, sizeof(o->h));
	if (memcmp(o->h.magic, image_magic, sizeof(image_magic)) != 0 || o->h.len != o->len)
		return SL_EMALFORMED;
	library_versions(&ours);
	if (o->h.version != IMAGE_VERSION || memcmp(o->h.matcher, ours.matcher, VERSION_TEXT) ||
	    memcmp(o->h.pcre, ours.pcre, VERSION_TEXT))
		return SL_EMISMATCH;
	rc = image_digest(&o->h, o->data + sizeof(o->h), o->len - sizeof(o->h), digest);
	if (rc != 0)
		return rc;
	return memcmp(digest, o->h.sha256, sizeof(digest)) == 0 ? 0 : SL_EMALFORMED;
}

static int open_table(struct opener *o, unsigned index, size_t size, void **ret_table,
                      uint32_t *ret_count)
{
	const struct image_table *t = &o->h.table[index];
	const uint8_t *p;
	void *table;

	if (t->size != size)
		return SL_EMISMATCH;
	p = take_part(o, (uint64_t)t->count * size);
	if (!p)
		return SL_EMALFORMED;
	table = malloc((size_t)t->count * size + 1);
	if (!table)
		return SL_ENOMEM;
	memcpy(table, p, (size_t)t->count * size);
	*ret_table = table;
	*ret_count = t->count;
	return 0;
}

static int open_tables(struct opener *o, struct tse_ruleset *set)
{
	unsigned index = 0;
	void *table = NULL;
	int rc = 0;

#define X(name, type)                                                                              \
	if (rc == 0) {                                                                             \
		rc = open_table(o, index++, sizeof(type), &table, &set->n##name);                  \
		if (rc == 0)                                                                       \
			set->name = table;                                                         \
	}
	RS_TABLES(X)
#undef X
	return rc == 0 && index != o->h.tables ? SL_EMISMATCH : rc;
}

static int open_pcre(struct opener *o, struct tse_ruleset *set)
{
	const uint8_t *p = take_part(o, o->h.pcre_len);
	int n;

	if (!p)
		return SL_EMALFORMED;
	if (o->h.npcre == 0)
		return 0;
	n = pcre2_serialize_get_number_of_codes(p);
	if (n < 0 || (uint32_t)n != o->h.npcre)
		return SL_EMISMATCH;
	set->pcre = calloc((size_t)n, sizeof(*set->pcre));
	if (!set->pcre)
		return SL_ENOMEM;
	if (pcre2_serialize_decode(set->pcre, n, p, NULL) != n)
		return SL_EMISMATCH;
	set->npcre = (uint32_t)n;
	/* machine code is not in the image; without it an expression is interpreted */
	for (int i = 0; i < n; i++)
		(void)pcre2_jit_compile(set->pcre[i], PCRE2_JIT_COMPLETE);
	return 0;
}

static int open_databases(struct opener *o, struct tse_ruleset *set)
{
	for (unsigned g = 0; g < RS_GROUPS; g++) {
		const uint8_t *p = take_part(o, o->h.db_len[g]);
		hs_error_t rc;

		if (!p)
			return SL_EMALFORMED;
		if (o->h.db_len[g] == 0)
			continue;
		rc = hs_deserialize_database((const char *)p, (size_t)o->h.db_len[g], &set->db[g]);
		if (rc != HS_SUCCESS)
			return rc == HS_NOMEM ? SL_ENOMEM : SL_EMISMATCH;
	}
	return 0;
}

int tse_ruleset_open(const void *data, size_t len, struct tse_ruleset **ret_set)
{
	struct opener o = {.data = data, .len = len};
	struct tse_ruleset *set;
	int rc = check_header(&o);

	if (rc != 0)
		return rc;
	set = calloc(1, sizeof(*set));
	if (!set)
		return SL_ENOMEM;
	MAGIC_SET(set, RS_MAGIC);
	(void)take_part(&o, sizeof(o.h));
	rc = open_tables(&o, set);
	if (rc == 0)
		rc = open_pcre(&o, set);
	if (rc == 0)
		rc = open_databases(&o, set);
	if (rc == 0)
		rc = image_check(set);
	if (rc != 0) {
		tse_ruleset_destroy(set);
		return rc;
	}
	set->info = (struct tse_ruleset_info){.rules = (size_t)o.h.rules,
	                                      .refused = (size_t)o.h.refused,
	                                      .patterns = (size_t)o.h.patterns,
	                                      .disabled = (size_t)o.h.disabled};
	*ret_set = set;
	return 0;
}
