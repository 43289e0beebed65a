/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/identity.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/pki/ca.h"
#include "lib/pki/cert.h"
#include "lib/pki/key.h"

int identity_make(struct identity *ret_identity)
{
	struct pki_error err;

	*ret_identity = (struct identity){.key = NULL};
	return pki_key_make(PKI_KEY_P256, &ret_identity->key, &err);
}

void identity_fini(struct identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
	*identity = (struct identity){.key = NULL};
}

int identity_request(const struct identity *identity, struct buf *out)
{
	static const struct pki_subject subject = {.common_name = "device"};
	X509_REQ *request;
	struct pki_error err;
	int rc = pki_request_make(&subject, identity->key, false, &request, &err);

	if (rc != 0)
		return rc;
	rc = pki_request_add_pem(request, out);
	X509_REQ_free(request);
	return rc;
}

static X509 *read_certificate(const void *pem, size_t len)
{
	BIO *bio = len <= INT32_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return certificate;
}

int identity_certify(struct identity *identity, const char *pem, size_t len)
{
	X509 *certificate = read_certificate(pem, len);
	struct pki_validity validity;
	int rc = 0;

	if (!certificate)
		return SL_EMALFORMED;
	if (!pki_key_matches(identity->key, certificate))
		rc = SL_EMISMATCH;
	if (rc == 0)
		rc = pki_cert_validity(certificate, 0, &validity);
	if (rc != 0) {
		X509_free(certificate);
		return rc;
	}
	X509_free(identity->certificate);
	identity->certificate = certificate;
	identity->begins = validity.not_before;
	identity->ends = validity.not_after;
	return 0;
}

int64_t identity_renew_at(const struct identity *identity)
{
	return identity->begins + (identity->ends - identity->begins) / 3 * 2;
}

int identity_write(const struct identity *identity, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *pem = NULL;
	long len = 0;
	int rc = SL_ECRYPTO;

	if (bio &&
	    PEM_write_bio_PKCS8PrivateKey(bio, identity->key, NULL, NULL, 0, NULL, NULL) == 1)
		len = BIO_get_mem_data(bio, &pem);
	if (len > 0)
		rc = buf_add(out, pem, (size_t)len);
	if (pem)
		OPENSSL_cleanse(pem, (size_t)len);
	BIO_free(bio);
	return rc == 0 ? pki_certificates_add_pem(identity->certificate, NULL, out) : rc;
}

int identity_read(const void *pem, size_t len, struct identity *ret_identity)
{
	BIO *bio = len <= INT32_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	struct identity identity = {.key = NULL};
	int rc;

	if (bio)
		identity.key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");
	BIO_free(bio);
	ERR_clear_error();
	rc = identity.key ? identity_certify(&identity, pem, len) : SL_EMALFORMED;
	if (rc == 0)
		*ret_identity = identity;
	else
		identity_fini(&identity);
	return rc;
}
