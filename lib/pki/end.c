/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates by which two programs of ours know each other. */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/base/err.h"
#include "lib/pki/ca.h"
#include "lib/pki/ca_priv.h"
#include "lib/pki/part_priv.h"
#include "lib/pki/subject_priv.h"

/* basicConstraints, keyUsage and extKeyUsage in DER. One end never stands for the other. */
static int add_usage(X509 *cert, enum pki_end end)
{
	static const uint8_t no_ca[] = {0x30, 0x00};
	static const uint8_t sign[] = {0x03, 0x02, 0x07, 0x80};
	const uint8_t use[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06,
	                       0x01, 0x05, 0x05, 0x07, 0x03, end == PKI_END_SERVER ? 1 : 2};
	int rc = part_add_extension(cert, NID_basic_constraints, true, no_ca, sizeof(no_ca));

	if (rc == 0)
		rc = part_add_extension(cert, NID_key_usage, true, sign, sizeof(sign));
	return rc ? rc : part_add_extension(cert, NID_ext_key_usage, true, use, sizeof(use));
}

static int end_before_issuer(X509 *cert, const X509 *issuer)
{
	const ASN1_TIME *end = X509_get0_notAfter(issuer);

	if (ASN1_TIME_compare(X509_get0_notAfter(cert), end) <= 0)
		return 0;
	return X509_set1_notAfter(cert, end) == 1 ? 0 : SL_ENOMEM;
}

static int fill_in(const struct pki_issuer *issuer, EVP_PKEY *key, enum pki_end end, X509 *cert)
{
	int rc = part_set_serial(cert);

	if (rc == 0)
		rc = part_set_key(cert, key);
	if (rc == 0)
		rc = end_before_issuer(cert, issuer->certificate);
	if (rc == 0)
		rc = add_usage(cert, end);
	if (rc == 0 &&
	    (X509_set_version(cert, X509_VERSION_3) != 1 ||
	     X509_set_issuer_name(cert, X509_get_subject_name(issuer->certificate)) != 1))
		rc = SL_ENOMEM;
	if (rc == 0)
		rc = part_add_key_ids(cert, issuer->certificate);
	if (rc == 0 && X509_sign(cert, issuer->key, part_digest_for(issuer->key)) <= 0)
		rc = SL_ECRYPTO;
	return rc;
}

int pki_end_issue(const struct pki_issuer *issuer, EVP_PKEY *key, const char *name,
                  enum pki_end end, unsigned days, int64_t now, X509 **ret_certificate,
                  struct pki_error *err)
{
	const struct pki_subject subject = {.common_name = name};
	X509 *cert = X509_new(), *read = NULL;
	int rc = cert ? 0 : pki_error_set(err, SL_ENOMEM, "", "out of memory");

	ERR_clear_error();
	if (rc == 0)
		rc = ca_check_issuer(issuer, false, now, err);
	if (rc == 0)
		rc = ca_set_days(cert, days, now, err);
	if (rc == 0)
		rc = subject_fill_name(&subject, X509_get_subject_name(cert), err);
	if (rc == 0 && fill_in(issuer, key, end, cert) != 0)
		rc = pki_error_set_openssl(err, SL_ECRYPTO, "", "the certificate cannot be made");
	if (rc == 0 && !(read = X509_dup(cert))) /* read again, for callers that look at its key */
		rc = pki_error_set(err, SL_ENOMEM, "", "out of memory");
	X509_free(cert);
	if (rc == 0)
		*ret_certificate = read;
	return rc;
}
