/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: what a server shows. Certificates in DER one behind the other, the leaf first; what is
 * left over is its stapled OCSP response. Then the leaf is read as a template.
 */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/pki/forge.h"
#include "lib/pki/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the seeds, seconds since the epoch. */
static const int64_t now = 1795824000;

static const uint8_t own_keys[1][32];

static STACK_OF(X509) * read_all(const uint8_t *data, size_t size, const uint8_t **ret_rest)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	const uint8_t *at = data;
	X509 *cert;

	while (certs && (cert = d2i_X509(NULL, &at, (long)(data + size - at))))
		if (!sk_X509_push(certs, cert))
			abort();
	*ret_rest = at;
	return certs;
}

static void read_template(const X509 *leaf)
{
	struct pki_template t;

	if (pki_template_read(leaf, &t) != 0)
		return;
	if (t.subject_len > PKI_SUBJECT_DER_MAX || t.alt_names_len > PKI_ALT_NAMES_DER_MAX)
		abort();
	pki_template_fini(&t);
}

/* The last one is trusted; settings by the size of the input. */
static void verify(struct pki_verify *v, size_t size)
{
	static const char *const names[] = {"", "www.a.test", "192.0.2.1"};
	int count = sk_X509_num(v->chain);
	struct pki_verdict verdict;

	if (count > 0 && !X509_STORE_add_cert(v->trust, sk_X509_value(v->chain, count - 1)))
		abort();
	v->name = names[size % 3];
	v->minimum_key_length = size & 4 ? 2048 : 0;
	v->revocation_required = size & 8;
	pki_verify_chain(v, &verdict);
	if (verdict.fault >= PKI_FAULT_END || verdict.until <= v->now)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *rest = data;
	STACK_OF(X509) *certs = read_all(data, size, &rest);
	struct pki_verify v = {.trust = X509_STORE_new(),
	                       .now = now,
	                       .staple = rest,
	                       .staple_len = size - (size_t)(rest - data),
	                       .own_keys = own_keys,
	                       .own_keys_count = 1};
	uint8_t print[PKI_PRINT_LEN];

	if (!certs || !v.trust)
		abort();
	if (sk_X509_num(certs) > 0) {
		v.leaf = sk_X509_shift(certs);
		v.chain = certs;
		verify(&v, size);
		read_template(v.leaf);
		if (pki_chain_print(v.leaf, certs, print) != 0)
			abort();
		X509_free(v.leaf);
	}
	sk_X509_pop_free(certs, X509_free);
	X509_STORE_free(v.trust);
	return 0;
}
