/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate revocation lists in files, images and trust stores. */
#include "lib/pki/crl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/pki/file.h"

static const char pem_begin[] = "-----BEGIN X509 CRL-----";

/* ---- reading ----------------------------------------------------------------------------- */

/* OpenSSL passes over such lists without a word, so they would be as if they were not there. */
static bool is_supported(const X509_CRL *crl)
{
	ISSUING_DIST_POINT *scope;
	bool part;

	if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
		return false;
	scope = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, NULL, NULL);
	part = scope && (scope->indirectCRL > 0 || scope->onlysomereasons);
	ISSUING_DIST_POINT_free(scope);
	return !part;
}

static int push(STACK_OF(X509_CRL) * crls, X509_CRL *crl)
{
	int rc = SL_EMALFORMED;

	if (crl)
		rc = is_supported(crl) ? 0 : SL_EUNSUPPORTED;
	if (rc == 0 && sk_X509_CRL_num(crls) >= PKI_CRLS_MAX)
		rc = SL_ELIMIT;
	if (rc == 0 && sk_X509_CRL_push(crls, crl))
		return 0;
	X509_CRL_free(crl);
	return rc ? rc : SL_ENOMEM;
}

static int parse_block(const char *at, size_t len, STACK_OF(X509_CRL) * crls)
{
	BIO *bio = BIO_new_mem_buf(at, (int)len);
	int rc = bio ? push(crls, PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)) : SL_ENOMEM;

	BIO_free(bio);
	return rc;
}

/* Blocks of other kinds stay unread: a file may have the CA's certificate in it. */
static int parse_pem(const char *at, const char *end, STACK_OF(X509_CRL) * crls)
{
	int rc = 0;

	while (rc == 0 && (at = memmem(at, (size_t)(end - at), pem_begin, sizeof(pem_begin) - 1))) {
		rc = parse_block(at, (size_t)(end - at), crls);
		at += sizeof(pem_begin) - 1;
	}
	return rc;
}

static int parse_der(const uint8_t *data, size_t len, STACK_OF(X509_CRL) * crls)
{
	const uint8_t *at = data;
	int rc = 0;

	while (rc == 0 && at < data + len)
		rc = push(crls, d2i_X509_CRL(NULL, &at, (long)(data + len - at)));
	return rc;
}

static bool is_pem(const void *data, size_t len)
{
	return memmem(data, len, "-----BEGIN ", 11) != NULL;
}

static int parse(const void *data, size_t len, STACK_OF(X509_CRL) * crls)
{
	int rc = is_pem(data, len) ? parse_pem(data, (const char *)data + len, crls)
	                           : parse_der(data, len, crls);

	return rc == 0 && sk_X509_CRL_num(crls) == 0 ? SL_ENOENT : rc;
}

static int refuse(const char *name, int rc, struct pki_error *err)
{
	switch (rc) {
	case SL_ENOENT:
		return pki_error_set(err, rc, "name the file of the list, in PEM or DER",
		                     "%s holds no revocation list (CRL)", name);
	case SL_ELIMIT:
		return pki_error_set(err, rc, "split the file", "%s: more than %d revocation lists",
		                     name, PKI_CRLS_MAX);
	case SL_EUNSUPPORTED:
		return pki_error_set(err, rc, "name the complete list of the CA itself",
		                     "%s: a list of changes, of some reasons or for other issuers "
		                     "is not in this build",
		                     name);
	default:
		return pki_error_set_openssl(err, rc,
		                             "it has to be a revocation list (CRL) in PEM or DER",
		                             "%s: a revocation list cannot be read", name);
	}
}

int pki_crls_parse(const char *name, const void *data, size_t len, STACK_OF(X509_CRL) * *ret_crls,
                   struct pki_error *err)
{
	STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
	int rc = SL_ENOMEM;

	ERR_clear_error();
	if (crls)
		rc = len <= PKI_FILE_MAX ? parse(data, len, crls) : SL_ELIMIT;
	if (rc == 0) {
		*ret_crls = crls;
		return 0;
	}
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	rc = refuse(name, rc, err);
	ERR_clear_error();
	return rc;
}

int pki_crls_load(const char *path, STACK_OF(X509_CRL) * *ret_crls, struct pki_error *err)
{
	struct pki_file file;
	int rc = pki_file_read(path, false, &file, err);

	if (rc == SL_ELIMIT)
		return pki_error_set(
		        err, rc, "leave it out, or have the CA split it (RFC 5280 section 5.2.5)",
		        "%s: more than %d MiB of revocation lists", path,
		        PKI_FILE_MAX / (1024 * 1024));
	if (rc != 0)
		return rc;
	rc = pki_crls_parse(path, file.data, file.len, ret_crls, err);
	pki_file_fini(&file);
	return rc;
}

/* ---- the image and stores ---------------------------------------------------------------- */

int pki_crls_write_der(STACK_OF(X509_CRL) * crls, struct buf *out)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < sk_X509_CRL_num(crls); i++) {
		unsigned char *der = NULL;
		int len = i2d_X509_CRL(sk_X509_CRL_value(crls, i), &der);

		rc = len > 0 ? buf_add(out, der, (size_t)len) : SL_ECRYPTO;
		OPENSSL_free(der);
	}
	ERR_clear_error();
	return rc;
}

int pki_store_add_crls(X509_STORE *store, const char *name, const void *der, size_t len,
                       struct pki_error *err)
{
	STACK_OF(X509_CRL) *crls = NULL;
	int rc = pki_crls_parse(name, der, len, &crls, err);

	if (rc != 0)
		return rc;
	for (int i = 0; rc == 0 && i < sk_X509_CRL_num(crls); i++)
		if (!X509_STORE_add_crl(store, sk_X509_CRL_value(crls, i)))
			rc = pki_error_set_openssl(err, SL_ENOMEM, "",
			                           "%s: a revocation list cannot be stored", name);
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	return rc;
}

/* ---- what there is to say ---------------------------------------------------------------- */

/* Without a nextUpdate it never ends, as OpenSSL has it. */
static enum pki_crl_state state_in_time(const X509_CRL *crl, int64_t now)
{
	time_t at = (time_t)now;
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

	if (X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &at) > 0)
		return PKI_CRL_NOT_YET_VALID;
	return next && X509_cmp_time(next, &at) < 0 ? PKI_CRL_EXPIRED : PKI_CRL_GOOD;
}

static bool is_signed_by(X509_CRL *crl, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return key && X509_CRL_verify(crl, key) == 1;
}

static enum pki_crl_state state_of_issuer(X509_CRL *crl, X509_STORE *store)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
	enum pki_crl_state state = PKI_CRL_UNKNOWN_ISSUER;

	for (int i = 0; state != PKI_CRL_GOOD && i < sk_X509_OBJECT_num(objects); i++) {
		X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));

		if (cert &&
		    X509_NAME_cmp(X509_get_subject_name(cert), X509_CRL_get_issuer(crl)) == 0)
			state = is_signed_by(crl, cert) ? PKI_CRL_GOOD : PKI_CRL_OTHER_KEY;
	}
	return state;
}

enum pki_crl_state pki_crl_state(X509_CRL *crl, X509_STORE *store, int64_t now)
{
	enum pki_crl_state state = state_in_time(crl, now);

	if (state == PKI_CRL_GOOD)
		state = state_of_issuer(crl, store);
	ERR_clear_error();
	return state;
}
