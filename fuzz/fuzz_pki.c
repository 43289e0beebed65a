/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: certificate files, what they say of themselves, and the index of their names. */
#include <stdlib.h>

#include "lib/pki/cert.h"
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
	return 0;
}
