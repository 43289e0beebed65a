/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The issuers of a certificate among the CA certificates, one by one: each is looked up by its
 * subject, so that a chain costs a few rows however many CA certificates there are.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/object/certificate_priv.h"
#include "smsd/store/store.h"

enum { CANDIDATES_MAX = 64 /* CA certificates of one subject: renewed ones, and cross-signed */ };

void chain_fini(struct chain *chain)
{
	sk_X509_pop_free(chain->intermediates, X509_free);
	X509_free(chain->root);
	*chain = (struct chain){0};
}

int reading_run(const struct reading *at, enum store_statement statement,
                const struct store_value *values, size_t count, store_row_fn *fn, void *arg)
{
	return at->tx ? store_tx_run(at->tx, statement, values, count, fn, arg)
	              : store_read(at->store, statement, values, count, fn, arg);
}

X509 *certificate_of_body(const char *body)
{
	json_t *value = json_loads(body, 0, NULL);
	const char *pem = json_string_value(json_object_get(value, "pem"));
	STACK_OF(X509) *certificates = NULL;
	struct pki_error err;
	X509 *cert = NULL;

	if (pem && pki_certificates_parse("", pem, strlen(pem), &certificates, &err) == 0)
		cert = sk_X509_shift(certificates);
	sk_X509_pop_free(certificates, X509_free);
	json_decref(value);
	return cert;
}

/* A damaged row issues nothing. */
static int take_candidate(void *arg, const struct store_row *row)
{
	X509 *cert = certificate_of_body(store_row_text(row, 0));

	if (cert && !sk_X509_push(arg, cert))
		X509_free(cert);
	return 0;
}

int chain_candidates(const struct reading *at, const X509_NAME *subject,
                     STACK_OF(X509) * *ret_candidates)
{
	const struct store_value values[] = {store_integer(name_hash(subject)),
	                                     store_text(object_kind_name(OBJECT_CA_CERTIFICATE)),
	                                     store_integer(CANDIDATES_MAX)};
	STACK_OF(X509) *candidates = sk_X509_new_null();
	int rc = candidates ? reading_run(at, STORE_CERTIFICATE_BY_SUBJECT, values, 3,
	                                  take_candidate, candidates)
	                    : SL_ENOMEM;

	if (rc != 0) {
		sk_X509_pop_free(candidates, X509_free);
		return rc;
	}
	*ret_candidates = candidates;
	return 0;
}

/* The issuer, counted; NULL: none is here. */
static int find_issuer(const struct reading *at, X509 *cert, X509 **ret_issuer)
{
	STACK_OF(X509) * candidates;
	int rc = chain_candidates(at, X509_get_issuer_name(cert), &candidates);

	*ret_issuer = NULL;
	if (rc != 0)
		return rc;
	*ret_issuer = pki_find_issuer(candidates, cert);
	if (*ret_issuer)
		(void)X509_up_ref(*ret_issuer);
	sk_X509_pop_free(candidates, X509_free);
	return 0;
}

bool chain_is_root(X509 *cert)
{
	bool root = X509_self_signed(cert, 1) == 1;

	ERR_clear_error();
	return root;
}

static bool is_in(STACK_OF(X509) * certs, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (X509_cmp(sk_X509_value(certs, i), cert) == 0)
			return true;
	return false;
}

/* One step up; *ret_more: there may be another. CAs that signed each other end it. */
static int step(const struct reading *from, struct chain *chain, X509 **at, bool *ret_more)
{
	X509 *issuer = NULL;
	int rc = find_issuer(from, *at, &issuer);

	*ret_more = false;
	if (rc != 0 || !issuer)
		return rc;
	if (chain_is_root(issuer)) {
		chain->root = issuer;
		return 0;
	}
	if (sk_X509_num(chain->intermediates) >= PKI_CHAIN_MAX ||
	    is_in(chain->intermediates, issuer)) {
		X509_free(issuer);
		return 0;
	}
	if (!sk_X509_push(chain->intermediates, issuer)) {
		X509_free(issuer);
		return SL_ENOMEM;
	}
	*at = issuer;
	*ret_more = true;
	return 0;
}

int chain_find_in(const struct reading *from, X509 *leaf, struct chain *ret_chain)
{
	struct chain chain = {.intermediates = sk_X509_new_null()};
	X509 *at = leaf;
	bool more = !chain_is_root(leaf);
	int rc = chain.intermediates ? 0 : SL_ENOMEM;

	if (!more) {
		(void)X509_up_ref(leaf);
		chain.root = leaf;
	}
	while (rc == 0 && more)
		rc = step(from, &chain, &at, &more);
	if (rc != 0) {
		chain_fini(&chain);
		return rc;
	}
	*ret_chain = chain;
	return 0;
}

int chain_find(struct store *store, X509 *leaf, struct chain *ret_chain)
{
	return chain_find_in(&(struct reading){.store = store}, leaf, ret_chain);
}
