/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS13-KDF: RFC 8446 section 7.1 on RFC 5869, with the parameters that libssl gives. A handshake
 * derives some forty secrets; libcrypto's own fetches a digest and makes an HMAC context for each.
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/attr.h"
#include "tpsd/tls/accel_priv.h"

enum {
	LABEL_MAX = 255, /* prefix and label together; the data likewise */
	INFO_MAX = 2 + 1 + LABEL_MAX + 1 + LABEL_MAX,
	BLOCK_MAX = 128,  /* of SHA-384 */
	EXPAND_MAX = 255, /* digests' lengths */
};

struct bytes {
	const void *data; /* NULL: not given */
	size_t len;
};

struct request {
	int mode;
	const char *digest;
	struct bytes key, salt, prefix, label, data;
};

/* The only use of a context: libcrypto wants one. Everything comes with the derivation. */
static void *kdf_newctx(void *provctx)
{
	return provctx;
}

static void kdf_freectx(void *ctx)
{
}

static int kdf_set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
	return params == NULL || params->key == NULL;
}

static const OSSL_PARAM *kdf_settable(void *ctx, void *provctx)
{
	static const OSSL_PARAM none[] = {OSSL_PARAM_END};

	return none;
}

static bool read_request(const OSSL_PARAM params[], struct request *r)
{
	const struct {
		const char *name;
		struct bytes *to;
	} octets[] = {
	        {OSSL_KDF_PARAM_KEY, &r->key},       {OSSL_KDF_PARAM_SALT, &r->salt},
	        {OSSL_KDF_PARAM_PREFIX, &r->prefix}, {OSSL_KDF_PARAM_LABEL, &r->label},
	        {OSSL_KDF_PARAM_DATA, &r->data},
	};

	*r = (struct request){.mode = -1};
	for (const OSSL_PARAM *p = params; p && p->key; p++) {
		if (strcmp(p->key, OSSL_KDF_PARAM_MODE) == 0) {
			if (!OSSL_PARAM_get_int(p, &r->mode))
				return false;
		} else if (strcmp(p->key, OSSL_KDF_PARAM_DIGEST) == 0) {
			if (!OSSL_PARAM_get_utf8_string_ptr(p, &r->digest))
				return false;
		} else {
			for (size_t i = 0; i < SL_ARRAY_LEN(octets); i++)
				if (strcmp(p->key, octets[i].name) == 0 &&
				    !OSSL_PARAM_get_octet_string_ptr(p, &octets[i].to->data,
				                                     &octets[i].to->len))
					return false;
		}
	}
	return r->digest != NULL;
}

static struct accel_hash *find_hash(struct accel *a, const char *name)
{
	for (size_t i = 0; i < ACCEL_HASHES; i++) {
		struct accel_hash *h = &a->hashes[i];

		if (h->md &&
		    (strcmp(EVP_MD_get0_name(h->md), name) == 0 || EVP_MD_is_a(h->md, name)))
			return h;
	}
	return NULL;
}

static bool hash_begin(struct accel_hash *h)
{
	return EVP_DigestInit_ex2(h->ctx, NULL, NULL) > 0;
}

static bool hash_more(struct accel_hash *h, const void *data, size_t len)
{
	return len == 0 || EVP_DigestUpdate(h->ctx, data, len) > 0;
}

static bool hash_end(struct accel_hash *h, uint8_t *out)
{
	return EVP_DigestFinal_ex(h->ctx, out, NULL) > 0;
}

/* RFC 2104 over the parts. The key is a secret of TLS: as long as the digest, or empty. */
static bool hmac(struct accel_hash *h, struct bytes key, const struct bytes *parts, size_t count,
                 uint8_t *out)
{
	uint8_t inner[BLOCK_MAX] = {0}, outer[BLOCK_MAX];
	bool ok = key.len <= h->block;

	if (ok && key.len)
		memcpy(inner, key.data, key.len);
	for (size_t i = 0; i < h->block; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	ok = ok && hash_begin(h) && hash_more(h, inner, h->block);
	for (size_t i = 0; i < count; i++)
		ok = ok && hash_more(h, parts[i].data, parts[i].len);
	ok = ok && hash_end(h, out) && hash_begin(h) && hash_more(h, outer, h->block) &&
	     hash_more(h, out, h->len) && hash_end(h, out);
	OPENSSL_cleanse(inner, sizeof(inner));
	OPENSSL_cleanse(outer, sizeof(outer));
	return ok;
}

/* HkdfLabel of RFC 8446 section 7.1; false when a part does not fit. */
static bool make_info(const struct request *r, struct bytes data, size_t out_len, uint8_t *info,
                      size_t *ret_len)
{
	size_t label_len = r->prefix.len + r->label.len, at = 0;

	if (out_len > UINT16_MAX || r->prefix.len > LABEL_MAX || r->label.len > LABEL_MAX ||
	    label_len > LABEL_MAX || data.len > LABEL_MAX)
		return false;
	info[at++] = (uint8_t)(out_len >> 8);
	info[at++] = (uint8_t)out_len;
	info[at++] = (uint8_t)label_len;
	if (r->prefix.len)
		memcpy(info + at, r->prefix.data, r->prefix.len);
	at += r->prefix.len;
	if (r->label.len)
		memcpy(info + at, r->label.data, r->label.len);
	at += r->label.len;
	info[at++] = (uint8_t)data.len;
	if (data.len)
		memcpy(info + at, data.data, data.len);
	*ret_len = at + data.len;
	return true;
}

/* HKDF-Expand-Label. */
static bool expand(struct accel_hash *h, const struct request *r, struct bytes key,
                   struct bytes data, uint8_t *out, size_t out_len)
{
	uint8_t info[INFO_MAX], block[EVP_MAX_MD_SIZE], number = 1;
	struct bytes parts[] = {{block, 0}, {info, 0}, {&number, 1}};
	bool ok = out_len > 0 && out_len <= EXPAND_MAX * h->len &&
	          make_info(r, data, out_len, info, &parts[1].len);

	for (size_t done = 0; ok && done < out_len; number++) {
		size_t n = out_len - done < h->len ? out_len - done : h->len;

		ok = hmac(h, key, parts, SL_ARRAY_LEN(parts), block);
		if (ok)
			memcpy(out + done, block, n);
		parts[0].len = h->len;
		done += n;
	}
	OPENSSL_cleanse(block, sizeof(block));
	return ok;
}

/* HKDF-Extract of the next secret, salted with what Derive-Secret makes of the one before. */
static bool extract(struct accel_hash *h, const struct request *r, uint8_t *out, size_t out_len)
{
	static const uint8_t zeros[EVP_MAX_MD_SIZE];
	uint8_t salt[EVP_MAX_MD_SIZE];
	struct bytes key = {salt, 0}, in = r->key.data ? r->key : (struct bytes){zeros, h->len};
	bool ok = out_len == h->len;

	if (ok && r->salt.data) {
		ok = expand(h, r, r->salt, (struct bytes){h->nothing, h->len}, salt, h->len);
		key.len = h->len;
	}
	ok = ok && hmac(h, key, &in, 1, out);
	OPENSSL_cleanse(salt, sizeof(salt));
	return ok;
}

static int kdf_derive(void *ctx, unsigned char *out, size_t out_len, const OSSL_PARAM params[])
{
	struct accel_hash *h;
	struct request r;
	bool ok = false;

	if (!out || !read_request(params, &r))
		return 0;
	h = find_hash(ctx, r.digest);
	if (!h)
		return 0;
	if (r.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY && r.key.data)
		ok = expand(h, &r, r.key, r.data, out, out_len);
	else if (r.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY)
		ok = extract(h, &r, out, out_len);
	/* Nothing of a secret stays in the context that is used again. */
	return hash_begin(h) && ok;
}

const OSSL_DISPATCH accel_kdf_tls13[] = {
        {OSSL_FUNC_KDF_NEWCTX, (void (*)(void))kdf_newctx},
        {OSSL_FUNC_KDF_FREECTX, (void (*)(void))kdf_freectx},
        {OSSL_FUNC_KDF_DERIVE, (void (*)(void))kdf_derive},
        {OSSL_FUNC_KDF_SET_CTX_PARAMS, (void (*)(void))kdf_set_ctx_params},
        {OSSL_FUNC_KDF_SETTABLE_CTX_PARAMS, (void (*)(void))kdf_settable},
        {0, NULL},
};
