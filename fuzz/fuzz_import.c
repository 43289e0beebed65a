/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: what somebody imports, of every format: certificates with keys, keys, requests. */
#include <stdlib.h>

#include "lib/pki/bundle.h"
#include "lib/pki/ca.h"
#include "lib/pki/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses the format; "secret" opens the seeds, with few rounds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pki_bytes b = {.name = "f", .password = "secret", .rounds_max = 3000};
	struct pki_bundle *bundle;
	struct pki_error err;
	X509_REQ *request;
	EVP_PKEY *key;

	if (size == 0)
		return 0;
	b.format = data[0] % (PKI_FORMAT_PKCS12 + 1);
	b.data = data + 1;
	b.len = size - 1;
	if (pki_bundle_read(&b, NULL, &bundle, &err) == 0) {
		for (size_t i = 0; i < bundle->count; i++)
			if (bundle->entries[i].key &&
			    !pki_key_matches(bundle->entries[i].key,
			                     bundle->entries[i].certificate))
				abort();
		(void)pki_bundle_stranger(bundle);
		pki_bundle_destroy(bundle);
	}
	if (pki_key_read(&b, &key, &err) == 0)
		EVP_PKEY_free(key);
	if (pki_request_read(&b, &request, &err) == 0) {
		(void)pki_request_is_ca(request);
		X509_REQ_free(request);
	}
	return 0;
}
