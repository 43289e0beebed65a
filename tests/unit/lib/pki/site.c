/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/lib/pki/site.h"

#include <stdarg.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

struct make_spec site_root(const struct site *s)
{
	return (struct make_spec){
	        .common_name = "Root", .key = s->root_key, .basic = "critical,CA:TRUE"};
}

struct make_spec site_middle(const struct site *s)
{
	return (struct make_spec){.common_name = "Middle",
	                          .key = s->middle_key,
	                          .issuer = s->root,
	                          .issuer_key = s->root_key,
	                          .basic = "critical,CA:TRUE"};
}

struct make_spec site_leaf(const struct site *s)
{
	return (struct make_spec){.common_name = "www.a.test",
	                          .key = s->leaf_key,
	                          .issuer = s->middle,
	                          .issuer_key = s->middle_key,
	                          .names = "DNS:www.a.test"};
}

X509 *site_keep(struct site *s, X509 *cert)
{
	assert_true(sk_X509_push(s->kept, cert));
	return cert;
}

X509 *site_make(struct site *s, const struct make_spec *spec)
{
	return site_keep(s, make_from(spec));
}

void site_set_leaf(struct site *s, const struct make_spec *spec)
{
	s->v.leaf = site_make(s, spec);
}

void site_set_middle(struct site *s, const struct make_spec *spec)
{
	struct make_spec leaf;

	s->middle = site_make(s, spec);
	site_show(s, s->middle, NULL);
	leaf = site_leaf(s);
	site_set_leaf(s, &leaf);
}

void site_set_root(struct site *s, const struct make_spec *spec)
{
	struct make_spec middle;

	s->root = site_make(s, spec);
	site_trust(s, s->root, NULL);
	middle = site_middle(s);
	site_set_middle(s, &middle);
}

void site_show(struct site *s, X509 *first, ...)
{
	va_list ap;

	sk_X509_zero(s->v.chain);
	va_start(ap, first);
	for (X509 *cert = first; cert; cert = va_arg(ap, X509 *))
		assert_true(sk_X509_push(s->v.chain, cert));
	va_end(ap);
}

void site_trust(struct site *s, X509 *first, ...)
{
	va_list ap;

	X509_STORE_free(s->v.trust);
	s->v.trust = X509_STORE_new();
	va_start(ap, first);
	for (X509 *cert = first; cert; cert = va_arg(ap, X509 *))
		assert_true(X509_STORE_add_cert(s->v.trust, cert));
	va_end(ap);
}

void site_trust_crl(struct site *s, X509_CRL *crl)
{
	assert_true(X509_STORE_add_crl(s->v.trust, crl));
	X509_CRL_free(crl);
}

void site_staple(struct site *s, X509 *signer, EVP_PKEY *signer_key, int status, int to_day)
{
	free(s->staple);
	s->staple = make_staple(s->v.leaf, s->middle, signer, signer_key, status, to_day,
	                        &s->v.staple_len);
	s->v.staple = s->staple;
}

void site_open(struct site *s)
{
	struct make_spec root;

	*s = (struct site){.v = {.name = "www.a.test", .chain = sk_X509_new_null()},
	                   .root_key = make_ec("P-256"),
	                   .middle_key = make_ec("P-256"),
	                   .leaf_key = make_ec("P-256"),
	                   .other_key = make_ec("P-256"),
	                   .kept = sk_X509_new_null()};
	root = site_root(s);
	site_set_root(s, &root);
}

void site_close(struct site *s)
{
	X509_STORE_free(s->v.trust);
	sk_X509_free(s->v.chain);
	sk_X509_pop_free(s->kept, X509_free);
	EVP_PKEY_free(s->root_key);
	EVP_PKEY_free(s->middle_key);
	EVP_PKEY_free(s->leaf_key);
	EVP_PKEY_free(s->other_key);
	free(s->staple);
}

enum pki_fault site_verify(const struct site *s)
{
	struct pki_verdict verdict;

	pki_verify_chain(&s->v, &verdict);
	return verdict.fault;
}
