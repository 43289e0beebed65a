/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/fingerprint.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"

enum {
	EXT_SERVER_NAME = 0,
	EXT_POINT_FORMATS = 11,
	EXT_ALPN = 16,
	EXT_SUPPORTED_VERSIONS = 43,
	COUNT_MAX = 99,  /* as JA4 shows one */
	HASH_SHOWN = 12, /* characters of a hash in JA4 */
	VALUE_TEXT = 6,  /* "65535-", "ffff," */
	TEXT_MAX = 4 * FINGERPRINT_VALUES_MAX * VALUE_TEXT + 16,
};

static const char hex_digits[] = "0123456789abcdef";

/* 16-bit values without GREASE, in their order. */
struct values {
	uint16_t items[FINGERPRINT_VALUES_MAX];
	size_t count;
	bool full; /* there were more */
};

struct text {
	char data[TEXT_MAX]; /* four lists at most */
	size_t len;
};

static void add_value(struct values *v, uint16_t value)
{
	if (clienthello_is_grease(value))
		return;
	if (v->count == FINGERPRINT_VALUES_MAX)
		v->full = true;
	else
		v->items[v->count++] = value;
}

static void read_values(const struct clienthello_view *list, struct values *ret)
{
	ret->count = 0;
	ret->full = false;
	for (size_t i = 0; i + 1 < list->len; i += 2)
		add_value(ret, (uint16_t)(list->data[i] << 8 | list->data[i + 1]));
}

struct extensions {
	struct values types;
	struct clienthello_view points; /* with their length */
	bool sni, versions;
};

static void read_extensions(const struct clienthello_view *list, struct extensions *ret)
{
	struct reader r = reader_of(list->data, list->len);

	ret->types.count = 0;
	ret->types.full = ret->sni = ret->versions = false;
	ret->points = (struct clienthello_view){NULL, 0};
	while (reader_left(&r) > 0 && !r.failed) {
		uint16_t type = reader_be16(&r);
		size_t len = reader_be16(&r);
		const uint8_t *body = reader_take(&r, len);

		if (r.failed)
			break;
		add_value(&ret->types, type);
		ret->sni |= type == EXT_SERVER_NAME;
		ret->versions |= type == EXT_SUPPORTED_VERSIONS;
		if (type == EXT_POINT_FORMATS)
			ret->points = (struct clienthello_view){body, len};
	}
}

/* Some hundred small pieces a hello: printf would be most of the cost. */
static void add_char(struct text *t, char c)
{
	if (t->len < sizeof(t->data))
		t->data[t->len++] = c;
}

static void add_decimal(struct text *t, unsigned value)
{
	char digits[5];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while ((value /= 10) > 0 && n < sizeof(digits));
	while (n > 0)
		add_char(t, digits[--n]);
}

static void add_hex(struct text *t, unsigned value)
{
	for (int shift = 12; shift >= 0; shift -= 4)
		add_char(t, hex_digits[value >> shift & 15]);
}

static void add_decimals(struct text *t, const struct values *v)
{
	for (size_t i = 0; i < v->count; i++) {
		if (i > 0)
			add_char(t, '-');
		add_decimal(t, v->items[i]);
	}
}

static void add_hexes(struct text *t, const struct values *v)
{
	for (size_t i = 0; i < v->count; i++) {
		if (i > 0)
			add_char(t, ',');
		add_hex(t, v->items[i]);
	}
}

/* The first characters of a hash, `size` with NUL; "" when the library has not got it. */
static bool put_hash(const EVP_MD *md, const struct text *t, char *ret, size_t size)
{
	uint8_t hash[EVP_MAX_MD_SIZE];

	ret[0] = '\0';
	if (!EVP_Digest(t->data, t->len, hash, NULL, md, NULL))
		return false;
	for (size_t i = 0; i + 1 < size; i++)
		ret[i] = hex_digits[hash[i / 2] >> (i % 2 ? 0 : 4) & 15];
	ret[size - 1] = '\0';
	return true;
}

/* ---- JA3 --------------------------------------------------------------------------------- */

static void add_points(struct text *t, const struct clienthello_view *points)
{
	size_t n = points->len ? SL_MIN((size_t)points->data[0], points->len - 1) : 0;

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			add_char(t, '-');
		add_decimal(t, points->data[1 + i]);
	}
}

static void make_ja3(const struct clienthello *h, const struct values *suites,
                     const struct extensions *e, const struct values *groups,
                     char ret[FINGERPRINT_JA3_SIZE])
{
	struct text t;

	t.len = 0;
	add_decimal(&t, h->legacy_version);
	add_char(&t, ',');
	add_decimals(&t, suites);
	add_char(&t, ',');
	add_decimals(&t, &e->types);
	add_char(&t, ',');
	add_decimals(&t, groups);
	add_char(&t, ',');
	add_points(&t, &e->points);
	(void)put_hash(EVP_md5(), &t, ret, FINGERPRINT_JA3_SIZE);
}

/* ---- JA4 --------------------------------------------------------------------------------- */

static const char *version_text(const struct clienthello *h, bool listed)
{
	static const char *const names[] = {"s3", "10", "11", "12", "13"};
	unsigned bits = listed ? h->versions : clienthello_version_bit(h->legacy_version);

	for (size_t i = SL_ARRAY_LEN(names); i > 0; i--)
		if (bits & 1u << (i - 1))
			return names[i - 1];
	return "00";
}

static bool is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* First and last character of the first name, or of its bytes in hexadecimal. */
static void alpn_text(const struct clienthello *h, char ret[3])
{
	struct clienthello_view name;
	size_t at = 0;
	uint8_t first, last;

	memcpy(ret, "00", 3);
	if (!clienthello_alpn_next(&h->alpn, &at, &name) || name.len == 0)
		return;
	first = name.data[0];
	last = name.data[name.len - 1];
	if (is_alnum(first) && is_alnum(last)) {
		ret[0] = (char)first;
		ret[1] = (char)last;
	} else {
		ret[0] = hex_digits[first >> 4];
		ret[1] = hex_digits[last & 15];
	}
}

static int by_value(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static bool put_list_hash(const struct values *list, const struct values *behind, char *ret)
{
	struct text t;

	t.len = 0;
	if (list->count == 0) {
		memset(ret, '0', HASH_SHOWN);
		ret[HASH_SHOWN] = '\0';
		return true;
	}
	add_hexes(&t, list);
	if (behind && behind->count > 0) {
		add_char(&t, '_');
		add_hexes(&t, behind);
	}
	return put_hash(EVP_sha256(), &t, ret, HASH_SHOWN + 1);
}

/* Sorted, and without what says where the client goes rather than what it is. */
static void sort_extensions(const struct values *types, struct values *ret)
{
	ret->count = 0;
	ret->full = false;
	for (size_t i = 0; i < types->count; i++)
		if (types->items[i] != EXT_SERVER_NAME && types->items[i] != EXT_ALPN)
			add_value(ret, types->items[i]);
	qsort(ret->items, ret->count, sizeof(ret->items[0]), by_value);
}

static void make_ja4(const struct clienthello *h, struct values *suites, const struct extensions *e,
                     const struct values *sigalgs, char ret[FINGERPRINT_JA4_SIZE])
{
	char alpn[3], hash_suites[HASH_SHOWN + 1], hash_extensions[HASH_SHOWN + 1];
	struct values sorted;

	alpn_text(h, alpn);
	qsort(suites->items, suites->count, sizeof(suites->items[0]), by_value);
	sort_extensions(&e->types, &sorted);
	if (!put_list_hash(suites, NULL, hash_suites) ||
	    !put_list_hash(&sorted, sigalgs, hash_extensions))
		return;
	(void)snprintf(
	        ret, FINGERPRINT_JA4_SIZE, "t%s%c%02zu%02zu%s_%s_%s", version_text(h, e->versions),
	        e->sni ? 'd' : 'i', SL_MIN(suites->count, (size_t)COUNT_MAX),
	        SL_MIN(e->types.count, (size_t)COUNT_MAX), alpn, hash_suites, hash_extensions);
}

void fingerprint_of(const struct clienthello *hello, struct fingerprint *ret)
{
	struct values suites, groups, sigalgs;
	struct extensions e;

	*ret = (struct fingerprint){.ja3 = ""};
	read_values(&hello->suites, &suites);
	read_values(&hello->groups, &groups);
	read_values(&hello->sigalgs, &sigalgs);
	read_extensions(&hello->extensions, &e);
	if (suites.full || groups.full || sigalgs.full || e.types.full)
		return;
	make_ja3(hello, &suites, &e, &groups, ret->ja3);
	make_ja4(hello, &suites, &e, &sigalgs, ret->ja4);
}
