/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which certificates a client gets. A pair of them is an identity, made once a proxy; its context
 * is made when a client first asks for it, since a proxy may have a thousand names.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/name_index.h"
#include "tpsd/session/setup.h"

struct pair {
	const struct tls_certificate *certs[2]; /* RSA, ECDSA */
};

/* The first of each key type wins, exact names before wildcards. */
static void add_set(const struct setup *s, struct pair *pair, const struct pki_name_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct tls_certificate *c = &s->certificates[set->items[i]];

		if (c->leaf && !pair->certs[c->ecdsa])
			pair->certs[c->ecdsa] = c;
	}
}

static struct pair pair_of_name(const struct setup *s, const struct setup_proxy *proxy,
                                const char *sni)
{
	struct pair pair = {{NULL, NULL}};
	struct pki_name_match match;

	if (!sni[0])
		return pair;
	match = pki_name_index_find(proxy->names, sni, strlen(sni));
	add_set(s, &pair, &match.exact);
	/* A wildcard is for names that no certificate names exactly: mixing the two would let one
	 * site's clients see another site's certificate only because of their signature algorithms.
	 */
	if (!pair.certs[0] && !pair.certs[1])
		add_set(s, &pair, &match.wildcard);
	return pair;
}

const struct tls_certificate *setup_find_key(const struct setup *s, const struct setup_proxy *proxy,
                                             const uint8_t key_id[KEY_ID_LEN])
{
	for (size_t i = 0; i < proxy->server->certificates_count; i++) {
		const struct tls_certificate *c =
		        &s->certificates[proxy->server->certificates[i]->index];

		if (c->leaf && memcmp(c->key_id, key_id, KEY_ID_LEN) == 0)
			return c;
	}
	return NULL;
}

static int digest_identity(const struct setup_proxy *proxy, struct setup_identity *id)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t print[EVP_MAX_MD_SIZE];
	unsigned len;

	if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL)) {
		EVP_MD_CTX_free(md);
		return SL_ENOMEM;
	}
	EVP_DigestUpdate(md, proxy->digest, sizeof(proxy->digest));
	for (size_t i = 0; i < 2; i++)
		if (id->certs[i] && X509_digest(id->certs[i]->leaf, EVP_sha256(), print, &len))
			EVP_DigestUpdate(md, print, len);
	EVP_DigestFinal_ex(md, id->digest, NULL);
	EVP_MD_CTX_free(md);
	return 0;
}

static struct setup_identity *identity_of(struct setup_proxy *proxy, const struct pair *pair)
{
	struct setup_identity id = {.certs = {pair->certs[0], pair->certs[1]}};

	for (size_t i = 0; i < proxy->identities_count; i++)
		if (memcmp(proxy->identities[i].certs, pair->certs, sizeof(pair->certs)) == 0)
			return &proxy->identities[i];
	/* At most one for each certificate as default or by key, and one for each name's pair; the
	 * array never moves, because sessions point into it. */
	if (!proxy->identities) {
		proxy->identities_size = 2 * proxy->server->certificates_count *
		                                 (proxy->server->certificates_count < 64 ? 64 : 8) +
		                         8;
		proxy->identities = calloc(proxy->identities_size, sizeof(*proxy->identities));
	}
	if (!proxy->identities || proxy->identities_count >= proxy->identities_size ||
	    digest_identity(proxy, &id) != 0)
		return NULL;
	proxy->identities[proxy->identities_count] = id;
	return &proxy->identities[proxy->identities_count++];
}

struct setup_identity *setup_find_identity(struct setup *s, struct setup_proxy *proxy,
                                           const char *sni, const uint8_t *key_id, bool *ret_named)
{
	struct pair pair = pair_of_name(s, proxy, sni);
	const struct tls_certificate *c = NULL;

	*ret_named = pair.certs[0] || pair.certs[1];
	if (!*ret_named) {
		if (key_id)
			c = setup_find_key(s, proxy, key_id);
		if (!c && proxy->server->default_certificate)
			c = &s->certificates[proxy->server->default_certificate->index];
		if (!c || !c->leaf)
			return NULL;
		pair.certs[c->ecdsa] = c;
	}
	return identity_of(proxy, &pair);
}

int setup_identity_ctx(struct setup *s, struct setup_proxy *proxy, struct setup_identity *identity,
                       SSL_CTX **ret_ctx)
{
	const struct config_ssl_inspection *conf = &s->config->ssl_inspection;
	struct tls_context_options o = {
	        .selection = &proxy->client_side,
	        .encrypt_then_mac = proxy->config->encrypt_then_mac,
	        .resumption = conf->resumption,
	        .lifetime_s = conf->resumption_lifetime_ms / 1000,
	};
	const struct tls_certificate *certs[2];
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < 2; i++)
		if (identity->certs[i])
			certs[n++] = identity->certs[i];
	if (!identity->ctx)
		rc = tls_context_create_client_side(&o, certs, n, &identity->ctx);
	if (rc == 0)
		*ret_ctx = identity->ctx;
	return rc;
}
