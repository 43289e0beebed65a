/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: files of certificates and of revocation lists, what they say of themselves, and the
 * index of certificates' names. */
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/pki/cert.h"
#include "lib/pki/crl.h"
#include "lib/pki/name_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const X509 *cert, struct pki_name_index *index)
{
	char text[PKI_SUBJECT_MAX];
	char serial[PKI_SERIAL_MAX];
	struct pki_validity validity;

	(void)pki_cert_subject(cert, text);
	(void)pki_cert_issuer(cert, text);
	(void)pki_cert_serial(cert, serial);
	if (pki_cert_validity(cert, 0, &validity) == 0)
		(void)pki_expiry_step(&validity);
	if (pki_name_index_add_cert(index, cert, 1) != 0)
		abort();
}

/* As they go into an image and out of it into a store. */
static void look_at_crls(const uint8_t *data, size_t size)
{
	STACK_OF(X509_CRL) *crls = NULL;
	X509_STORE *store = X509_STORE_new();
	char text[PKI_SUBJECT_MAX];
	struct pki_error err;
	struct buf der;

	if (!store)
		abort();
	buf_init(&der, 2 * size + 4096);
	if (pki_crls_parse("f", data, size, &crls, &err) == 0) {
		(void)pki_crl_issuer(sk_X509_CRL_value(crls, 0), text);
		(void)pki_crl_state(sk_X509_CRL_value(crls, 0), store, 0);
		if (pki_crls_write_der(crls, &der) == 0 && der.len <= size &&
		    pki_store_add_crls(store, "f", der.data, der.len, &err) != 0)
			abort();
	}
	buf_fini(&der);
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	X509_STORE_free(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pki_name_index *index = pki_name_index_create();
	struct pki_chain *chain;
	struct pki_error err;

	if (!index)
		abort();
	(void)pki_name_index_find(index, (const char *)data, size);
	if (pki_chain_parse("f", data, size, &chain, &err) == 0) {
		look_at(chain->leaf, index);
		(void)pki_chain_is_broken(chain);
		pki_chain_destroy(chain);
	}
	pki_name_index_destroy(index);
	look_at_crls(data, size);
	return 0;
}
