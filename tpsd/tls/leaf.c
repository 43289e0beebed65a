/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/leaf.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

struct leaf_series *leaf_series_create(const uint8_t id[KEY_ID_LEN], EVP_PKEY *key,
                                       STACK_OF(X509) * chain)
{
	struct leaf_series *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->chain = chain ? X509_chain_up_ref(chain) : NULL;
	if (chain && !s->chain) {
		free(s);
		return NULL;
	}
	s->refs = 1;
	memcpy(s->id, id, KEY_ID_LEN);
	EVP_PKEY_up_ref(key);
	s->key = key;
	return s;
}

struct leaf_series *leaf_series_get(struct leaf_series *s)
{
	s->refs++;
	return s;
}

void leaf_series_put(struct leaf_series *s)
{
	if (!s || --s->refs > 0)
		return;
	EVP_PKEY_free(s->key);
	sk_X509_pop_free(s->chain, X509_free);
	free(s);
}

static bool is_same_chain(const STACK_OF(X509) * a, const STACK_OF(X509) * b)
{
	int n = sk_X509_num(a); /* -1: NULL */

	if (n != sk_X509_num(b))
		return false;
	for (int i = 0; i < n; i++)
		if (sk_X509_value(a, i) != sk_X509_value(b, i))
			return false;
	return true;
}

bool leaf_series_is(const struct leaf_series *s, const uint8_t id[KEY_ID_LEN],
                    const STACK_OF(X509) * chain)
{
	return memcmp(s->id, id, KEY_ID_LEN) == 0 && is_same_chain(s->chain, chain);
}

X509 *leaf_parse(const uint8_t *der, size_t len)
{
	const uint8_t *end = der;
	X509 *x = d2i_X509(NULL, &end, (long)len);

	ERR_clear_error();
	if (x && end == der + len)
		return x;
	X509_free(x);
	return NULL;
}

int leaf_create(const struct leaf_name *name, X509 *x, const struct leaf_series *series,
                const uint8_t *der, size_t len, struct leaf **ret)
{
	struct leaf *l = calloc(1, sizeof(*l));

	if (!l)
		return SL_ENOMEM;
	l->refs = 1;
	l->name = *name;
	if (!EVP_Digest(der, len, l->digest, NULL, EVP_sha256(), NULL)) {
		free(l);
		return SL_ECRYPTO;
	}
	tls_certificate_init_shared(&l->certificate, "forged", x, series->chain, series->key,
	                            series->id);
	*ret = l;
	return 0;
}

struct leaf *leaf_get(struct leaf *l)
{
	l->refs++;
	return l;
}

void leaf_put(struct leaf *l)
{
	if (!l || --l->refs > 0)
		return;
	tls_certificate_fini(&l->certificate);
	free(l);
}
