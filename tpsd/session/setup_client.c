/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a revision that is for client inspection; see setup.h. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/pki/forge.h"
#include "tpsd/session/setup_priv.h"
#include "tpsd/tls/tie.h"

/* What is sent behind a leaf: the CA that signed it and its intermediates, but no root. */
static int make_issuer_chain(const struct tls_certificate *ca, STACK_OF(X509) * *ret)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	bool root = X509_self_signed(ca->leaf, 0) == 1;

	for (int i = root ? 0 : -1; chain && i < sk_X509_num(ca->chain); i++) {
		X509 *cert = i < 0 ? ca->leaf : sk_X509_value(ca->chain, i);

		if (!X509_add_cert(chain, cert, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_SS)) {
			sk_X509_pop_free(chain, X509_free);
			return SL_ENOMEM;
		}
	}
	*ret = chain;
	return chain ? 0 : SL_ENOMEM;
}

static int make_issuer(struct setup *s, const struct config_certificate *conf, int64_t from,
                       struct setup_issuer *ret)
{
	const struct tls_certificate *ca = &s->certificates[conf->index];

	if (!ca->leaf)
		return 0; /* told where it was made */
	ret->certificate = ca;
	ret->from = from;
	return make_issuer_chain(ca, &ret->chain);
}

const struct setup_issuer *setup_find_issuer(const struct setup_proxy *proxy, int64_t now)
{
	const struct setup_issuer *successor = &proxy->issuers[1];
	const struct setup_issuer *issuer =
	        successor->certificate && now >= successor->from ? successor : &proxy->issuers[0];

	if (!issuer->certificate || pki_issuer_check(issuer->certificate->leaf, now) != 0)
		return NULL;
	return issuer;
}

X509_STORE *setup_policy_trust(const struct setup *s, const struct config_client_policy *policy)
{
	return policy->trust_store ? s->trust_stores[policy->trust_store->index] : s->default_trust;
}

const struct decryption *setup_policy_decryption(const struct setup *s,
                                                 const struct config_client_policy *policy)
{
	return policy->decryption_policy ? s->decryptions[policy->decryption_policy->index] : NULL;
}

/* What a resumed session must have in common with the one it resumes, but for leaf and policy. */
static int digest_client_proxy(struct setup_proxy *p)
{
	const struct config_client_proxy *c = p->client;
	const uint32_t flags[] = {c->common.downgrade_http2, c->common.encrypt_then_mac,
	                          c->minimum_key_length};
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL)) {
		EVP_MD_CTX_free(md);
		return SL_ENOMEM;
	}
	setup_digest_text(md, c->common.name);
	setup_digest_text(md, "client");
	setup_digest_selection(md, &p->client_side);
	EVP_DigestUpdate(md, flags, sizeof(flags));
	EVP_DigestUpdate(md, c->common.on_failure, sizeof(c->common.on_failure));
	EVP_DigestFinal_ex(md, p->digest, NULL);
	EVP_MD_CTX_free(md);
	return 0;
}

static int make_contexts(struct setup *s, struct setup_proxy *p)
{
	struct tls_context_options o = setup_options_of(s, p->config);
	int rc;

	o.selection = &p->client_side;
	rc = tls_context_create_client_side(&o, NULL, 0, &p->client_ctx);
	o.selection = &p->server_side;
	p->ties = rc == 0 ? tie_cache_create(&o) : NULL;
	return rc == 0 && !p->ties ? SL_ENOMEM : rc;
}

static void make_proxy(struct setup_making *m, uint32_t i)
{
	struct setup_proxy *p = &m->s->client_proxies[i];
	int rc;

	p->client = &m->s->config->client_proxies[i];
	p->config = &p->client->common;
	setup_select_side(m, p, "selections", &p->config->client_side, &p->client_side);
	p->server_side = p->client_side;
	if (m->status != 0)
		return;
	rc = make_issuer(m->s, p->client->signing_certificate, 0, &p->issuers[0]);
	if (rc == 0 && p->client->successor)
		rc = make_issuer(m->s, p->client->successor, p->client->successor_from,
		                 &p->issuers[1]);
	if (rc == 0)
		rc = digest_client_proxy(p);
	if (rc == 0)
		rc = make_contexts(m->s, p);
	if (rc != 0)
		setup_tell(m, rc, "ssl_client_proxies", i, "look at its protocols and suites",
		           "proxy %s: %s", p->config->name, err_text(rc));
}

static bool wants_default_trust(const struct config *c)
{
	for (size_t i = 0; i < c->profiles_count; i++)
		for (size_t k = 0; k < c->profiles[i].client_policies_count; k++)
			if (!c->profiles[i].client_policies[k].trust_store)
				return true;
	return false;
}

static void make_default_trust(struct setup_making *m)
{
	int rc;

	if (!wants_default_trust(m->s->config))
		return;
	m->s->default_trust = X509_STORE_new();
	rc = m->s->default_trust ? m->source->default_trust(m->source->arg, m->s->default_trust)
	                         : SL_ENOMEM;
	if (rc != 0)
		setup_tell(m, rc, "ssl_client_proxies", 0, "look at device.default_ca_file",
		           "the default CA certificates: %s", err_text(rc));
}

static void make_decryption(struct setup_making *m, uint32_t i)
{
	const struct config_decryption_policy *policy = &m->s->config->decryption_policies[i];
	int rc = m->source->decryption(m->source->arg, policy, &m->s->decryptions[i]);

	if (rc != 0)
		setup_tell(m, rc, "decryption_policies", i, "look at its lists",
		           "decryption policy %s: %s", policy->name, err_text(rc));
}

int setup_make_client(struct setup_making *m)
{
	const struct config *c = m->s->config;

	m->s->client_proxies = calloc(c->client_proxies_count + 1, sizeof(*m->s->client_proxies));
	m->s->decryptions = calloc(c->decryption_policies_count + 1, sizeof(struct decryption *));
	if (!m->s->client_proxies || !m->s->decryptions)
		return SL_ENOMEM;
	make_default_trust(m);
	for (uint32_t i = 0; i < c->decryption_policies_count; i++)
		make_decryption(m, i);
	for (uint32_t i = 0; i < c->client_proxies_count; i++)
		make_proxy(m, i);
	return m->status;
}

void setup_free_client(struct setup *s)
{
	const struct config *c = s->config;

	for (size_t i = 0; s->client_proxies && i < c->client_proxies_count; i++) {
		struct setup_proxy *p = &s->client_proxies[i];

		SSL_CTX_free(p->client_ctx);
		tie_cache_destroy(p->ties);
		for (size_t k = 0; k < SL_ARRAY_LEN(p->issuers); k++)
			sk_X509_pop_free(p->issuers[k].chain, X509_free);
	}
	for (size_t i = 0; s->decryptions && i < c->decryption_policies_count; i++)
		decryption_destroy(s->decryptions[i]);
	X509_STORE_free(s->default_trust);
	free(s->client_proxies);
	free(s->decryptions);
}
