/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: what a worker sends to have a leaf forged. Two bytes say how long the subject is, the
 * alternative names are the rest. A leaf that comes out must be a template of the same names.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/pki/forge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pki_issuer issuer;

/* A CA of its own certificate alone: only its name, dates and key are used. */
static void make_issuer(void)
{
	issuer.key = EVP_EC_gen("P-256");
	issuer.certificate = X509_new();
	if (!issuer.key || !issuer.certificate ||
	    !X509_set_pubkey(issuer.certificate, issuer.key) ||
	    !ASN1_TIME_set(X509_getm_notBefore(issuer.certificate), 0) ||
	    !ASN1_TIME_set(X509_getm_notAfter(issuer.certificate), 4000000000))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pki_template t = {.not_before = 1, .not_after = 2};
	struct pki_template again;
	X509 *leaf;

	if (!issuer.key)
		make_issuer();
	if (size < 2)
		return 0;
	t.subject_len = SL_MIN((size_t)data[0] << 8 | data[1], size - 2);
	t.subject = data + 2;
	t.alt_names = t.subject + t.subject_len;
	t.alt_names_len = size - 2 - t.subject_len;
	if (pki_forge(&issuer, &t, issuer.key, &leaf) != 0)
		return 0;
	if (pki_template_read(leaf, &again) != 0 || again.alt_names_len != t.alt_names_len ||
	    (t.alt_names_len && memcmp(again.alt_names, t.alt_names, t.alt_names_len) != 0))
		abort();
	pki_template_fini(&again);
	X509_free(leaf);
	return 0;
}
