/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/session/setup.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/name_index.h"
#include "tpsd/inspect/inspector.h"
#include "tpsd/session/setup_priv.h"
#include "tpsd/tls/keyprov.h"

void setup_tell(struct setup_making *m, int status, const char *list, unsigned index,
                const char *remedy, const char *fmt, ...)
{
	char path[64], text[400];
	va_list ap;

	(void)snprintf(path, sizeof(path), "/%s/%u", list, index);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (status != 0 && m->status == 0)
		m->status = status;
	m->source->item(m->source->arg, status, path, text, remedy);
}

static void make_certificate(struct setup_making *m, uint32_t i)
{
	const struct config_certificate *conf = &m->s->config->certificates[i];
	STACK_OF(X509) *chain = NULL;
	X509 *leaf = NULL;
	int rc = m->source->certificate(m->source->arg, i, &leaf, &chain);

	if (rc == 0)
		rc = tls_certificate_init(&m->s->certificates[i], m->keyprov, conf->name, leaf,
		                          chain);
	if (rc != 0)
		setup_tell(m, rc, "certificates", i,
		           "give an RSA or ECDSA certificate in PEM, DER or PKCS12",
		           "certificate %s: %s", conf->name, err_text(rc));
}

static void make_trust_store(struct setup_making *m, uint32_t i)
{
	int rc;

	m->s->trust_stores[i] = X509_STORE_new();
	rc = m->s->trust_stores[i]
	             ? m->source->trust_store(m->source->arg, i, m->s->trust_stores[i])
	             : SL_ENOMEM;
	if (rc != 0)
		setup_tell(m, rc, "trust_stores", i, "look at its CA certificates",
		           "trust store %s: %s", m->s->config->trust_stores[i].name, err_text(rc));
}

static void make_inspector(struct setup_making *m, uint32_t i)
{
	const struct config_profile *profile = &m->s->config->profiles[i];
	int rc = m->source->inspector(m->source->arg, profile, &m->s->inspectors[i]);

	if (rc != 0)
		setup_tell(m, rc, "profiles", i, "look at the profile's filters", "profile %s: %s",
		           profile->name, err_text(rc));
}

void setup_select_side(struct setup_making *m, struct setup_proxy *p, const char *side,
                       const struct config_tls_side *conf, struct tls_selection *ret)
{
	const struct config_proxy *proxy = p->config;
	const char *list = p->server ? "ssl_server_proxies" : "ssl_client_proxies";
	int rc = tls_select(conf, m->cap, ret);

	if (rc != 0) {
		setup_tell(m, rc, list, proxy->index,
		           "see `tps show ssl-inspection capabilities` and choose among those",
		           "proxy %s: no protocol or suite of %s is supported by %s", proxy->name,
		           side, OpenSSL_version(OPENSSL_VERSION));
		return;
	}
	for (unsigned i = 0; i <= CONFIG_TLS1_3; i++)
		if (ret->missing_protocols & CONFIG_BIT(i))
			setup_tell(m, 0, list, proxy->index, "nothing to do: it is ignored",
			           "proxy %s, %s: %s is not supported", proxy->name, side,
			           tls_protocol_name((enum config_tls_protocol)i));
	for (size_t i = 0; conf_suite_at(i); i++)
		if (ret->missing_suites >> i & 1)
			setup_tell(m, 0, list, proxy->index, "nothing to do: it is ignored",
			           "proxy %s, %s: %s is not supported", proxy->name, side,
			           conf_suite_at(i)->name);
}

void setup_digest_text(EVP_MD_CTX *md, const char *text)
{
	EVP_DigestUpdate(md, text, strlen(text) + 1);
}

void setup_digest_selection(EVP_MD_CTX *md, const struct tls_selection *sel)
{
	setup_digest_text(md, sel->list);
	setup_digest_text(md, sel->list13);
	EVP_DigestUpdate(md, &sel->min_version, sizeof(sel->min_version));
	EVP_DigestUpdate(md, &sel->max_version, sizeof(sel->max_version));
}

/* What a resumed session must have in common with the one it resumes, but for the certificate. */
static int digest_proxy(struct setup_proxy *p)
{
	const struct config_proxy *c = p->config;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint32_t flags = (uint32_t)c->downgrade_http2 | (uint32_t)c->encrypt_then_mac << 1 |
	                 (uint32_t)p->server->on_server_mismatch << 2;

	if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL)) {
		EVP_MD_CTX_free(md);
		return SL_ENOMEM;
	}
	setup_digest_text(md, c->name);
	setup_digest_text(md, p->server->server_trust ? p->server->server_trust->name : "");
	setup_digest_selection(md, &p->client_side);
	setup_digest_selection(md, &p->server_side);
	EVP_DigestUpdate(md, &flags, sizeof(flags));
	EVP_DigestUpdate(md, c->on_failure, sizeof(c->on_failure));
	for (size_t i = 0; i < p->server->certificates_count; i++)
		setup_digest_text(md, p->server->certificates[i]->name);
	EVP_DigestFinal_ex(md, p->digest, NULL);
	EVP_MD_CTX_free(md);
	return 0;
}

struct tls_context_options setup_options_of(const struct setup *s, const struct config_proxy *p)
{
	const struct config_ssl_inspection *conf = &s->config->ssl_inspection;

	return (struct tls_context_options){
	        .encrypt_then_mac = p->encrypt_then_mac,
	        .resumption = conf->resumption,
	        .lifetime_s = conf->resumption_lifetime_ms / 1000,
	};
}

static int make_names(struct setup_making *m, struct setup_proxy *p)
{
	int rc = 0;

	p->names = pki_name_index_create();
	if (!p->names)
		return SL_ENOMEM;
	for (size_t i = 0; rc == 0 && i < p->server->certificates_count; i++) {
		uint32_t index = p->server->certificates[i]->index;

		if (m->s->certificates[index].leaf)
			rc = pki_name_index_add_cert(p->names, m->s->certificates[index].leaf,
			                             index);
	}
	return rc;
}

static void make_proxy(struct setup_making *m, uint32_t i)
{
	struct setup_proxy *p = &m->s->proxies[i];
	struct tls_context_options o;
	int rc;

	p->server = &m->s->config->server_proxies[i];
	p->config = &p->server->common;
	setup_select_side(m, p, "client_side", &p->config->client_side, &p->client_side);
	setup_select_side(m, p, "server_side", &p->config->server_side, &p->server_side);
	if (p->server->compression && !m->cap->compression)
		setup_tell(m, 0, "ssl_server_proxies", i, "nothing to do: it is ignored",
		           "proxy %s: TLS compression is not supported", p->config->name);
	if (m->status != 0)
		return;
	o = setup_options_of(m->s, p->config);
	o.selection = &p->server_side;
	o.renegotiation = p->server->rekey_interval_ms > 0;
	if (p->server->server_trust)
		p->trust = m->s->trust_stores[p->server->server_trust->index];
	rc = digest_proxy(p);
	if (rc == 0)
		rc = tls_context_create_server_side(&o, &p->server_ctx);
	if (rc == 0)
		rc = make_names(m, p);
	if (rc != 0)
		setup_tell(m, rc, "ssl_server_proxies", i, "look at its protocols and suites",
		           "proxy %s: %s", p->config->name, err_text(rc));
}

static int allocate(struct setup *s)
{
	const struct config *c = s->config;

	s->certificates = calloc(c->certificates_count + 1, sizeof(*s->certificates));
	s->proxies = calloc(c->server_proxies_count + 1, sizeof(*s->proxies));
	s->trust_stores = calloc(c->trust_stores_count + 1, sizeof(X509_STORE *));
	s->inspectors = calloc(c->profiles_count + 1, sizeof(struct inspector *));
	return s->certificates && s->proxies && s->trust_stores && s->inspectors ? 0 : SL_ENOMEM;
}

int setup_create(struct config *config, uint32_t revision, const struct tls_capability *cap,
                 struct keyprov *keyprov, const struct setup_source *source, struct setup **ret)
{
	struct setup_making m = {.cap = cap, .keyprov = keyprov, .source = source};

	m.s = calloc(1, sizeof(*m.s));
	if (!m.s)
		return SL_ENOMEM;
	m.s->refs = 1;
	m.s->revision = revision;
	m.s->config = config_get(config);
	m.status = allocate(m.s);
	for (uint32_t i = 0; m.status != SL_ENOMEM && i < config->certificates_count; i++)
		make_certificate(&m, i);
	for (uint32_t i = 0; m.status != SL_ENOMEM && i < config->trust_stores_count; i++)
		make_trust_store(&m, i);
	for (uint32_t i = 0; m.status != SL_ENOMEM && i < config->profiles_count; i++)
		make_inspector(&m, i);
	for (uint32_t i = 0; m.status != SL_ENOMEM && i < config->server_proxies_count; i++)
		make_proxy(&m, i);
	if (m.status != SL_ENOMEM)
		m.status = setup_make_client(&m);
	if (m.status != 0) {
		setup_put(m.s);
		return m.status;
	}
	*ret = m.s;
	return 0;
}

struct setup *setup_get(struct setup *s)
{
	s->refs++;
	return s;
}

struct setup_proxy *setup_find_proxy(const struct setup *s, const struct config_proxy *proxy)
{
	if (!proxy)
		return NULL;
	return proxy->kind == CONFIG_PROXY_CLIENT ? &s->client_proxies[proxy->index]
	                                          : &s->proxies[proxy->index];
}

static void free_proxy(struct setup_proxy *p)
{
	SSL_CTX_free(p->server_ctx);
	pki_name_index_destroy(p->names);
	for (size_t i = 0; i < p->identities_count; i++)
		SSL_CTX_free(p->identities[i].ctx);
	free(p->identities);
}

void setup_put(struct setup *s)
{
	const struct config *c;

	if (!s || --s->refs > 0)
		return;
	c = s->config;
	setup_free_client(s);
	for (size_t i = 0; s->proxies && i < c->server_proxies_count; i++)
		free_proxy(&s->proxies[i]);
	for (size_t i = 0; s->certificates && i < c->certificates_count; i++)
		tls_certificate_fini(&s->certificates[i]);
	for (size_t i = 0; s->trust_stores && i < c->trust_stores_count; i++)
		X509_STORE_free(s->trust_stores[i]);
	for (size_t i = 0; s->inspectors && i < c->profiles_count; i++)
		if (s->inspectors[i])
			s->inspectors[i]->ops->destroy(s->inspectors[i]);
	free(s->proxies);
	free(s->certificates);
	free(s->trust_stores);
	free(s->inspectors);
	config_put(s->config);
	free(s);
}
