/* SPDX-License-Identifier: Apache-2.0 */
/* Who issued a certificate, among others; and a chain completed by that (R62). */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/base/err.h"
#include "lib/pki/cert.h"

static bool is_root(X509 *cert)
{
	return X509_self_signed(cert, 0) == 1;
}

static bool has_issued(X509 *issuer, X509 *cert)
{
	return X509_cmp(issuer, cert) != 0 && X509_check_issued(issuer, cert) == X509_V_OK &&
	       X509_verify(cert, X509_get0_pubkey(issuer)) == 1;
}

X509 *pki_find_issuer(STACK_OF(X509) * certs, X509 *cert)
{
	X509 *found = NULL;

	for (int i = 0; i < sk_X509_num(certs) && !(found && is_root(found)); i++) {
		X509 *issuer = sk_X509_value(certs, i);

		if ((!found || is_root(issuer)) && has_issued(issuer, cert))
			found = issuer;
	}
	ERR_clear_error();
	return found;
}

static X509 *top_of(const struct pki_chain *chain)
{
	int count = sk_X509_num(chain->intermediates);

	return count > 0 ? sk_X509_value(chain->intermediates, count - 1) : chain->leaf;
}

static int append(struct pki_chain *chain, X509 *cert)
{
	if (sk_X509_num(chain->intermediates) >= PKI_CHAIN_MAX)
		return SL_ELIMIT;
	return X509_add_cert(chain->intermediates, cert, X509_ADD_FLAG_UP_REF) ? 0 : SL_ENOMEM;
}

static bool is_in(const struct pki_chain *chain, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(chain->intermediates); i++)
		if (X509_cmp(sk_X509_value(chain->intermediates, i), cert) == 0)
			return true;
	return false;
}

/* CAs that signed each other lead nowhere: each is taken once. */
int pki_chain_complete(struct pki_chain *chain, STACK_OF(X509) * cas, bool *ret_rooted)
{
	X509 *top = top_of(chain);
	bool rooted = is_root(top);
	int rc = 0;

	while (rc == 0 && !rooted) {
		top = pki_find_issuer(cas, top);
		if (!top || is_in(chain, top))
			break;
		rooted = is_root(top);
		if (!rooted)
			rc = append(chain, top);
	}
	if (rc == 0)
		*ret_rooted = rooted;
	return rc;
}
