/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates from bytes, and what those are that hold none. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/cert.h"
#include "lib/pki/file.h"
#include "lib/pki/pkcs12_priv.h"

enum { CERTIFICATES_MAX = 4096 };

static const char pem_begin[] = "-----BEGIN ";

static bool is_pem(const void *data, size_t len)
{
	return memmem(data, len, pem_begin, sizeof(pem_begin) - 1) != NULL;
}

/* ---- certificates ------------------------------------------------------------------------ */

/* Takes over `cert`. */
static int push(STACK_OF(X509) * certs, X509 *cert)
{
	if (sk_X509_num(certs) < CERTIFICATES_MAX && sk_X509_push(certs, cert))
		return 0;
	X509_free(cert);
	return SL_ELIMIT;
}

static bool begins_with(const char *at, size_t len, const char *text)
{
	return len >= strlen(text) && memcmp(at, text, strlen(text)) == 0;
}

static bool is_certificate_block(const char *at, size_t len)
{
	static const char *const begins[] = {"-----BEGIN CERTIFICATE-----",
	                                     "-----BEGIN X509 CERTIFICATE-----",
	                                     "-----BEGIN TRUSTED CERTIFICATE-----"};

	for (size_t i = 0; i < SL_ARRAY_LEN(begins); i++)
		if (begins_with(at, len, begins[i]))
			return true;
	return false;
}

static int parse_block(const char *at, size_t len, STACK_OF(X509) * certs)
{
	BIO *bio = BIO_new_mem_buf(at, (int)len);
	X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return cert ? push(certs, cert) : SL_EMALFORMED;
}

/*
 * OpenSSL's reader would decode blocks of other kinds, private keys among them, just to skip them;
 * so the blocks are found here, and it sees certificates only.
 */
static int parse_pem(const void *data, size_t len, STACK_OF(X509) * certs)
{
	const char *end = (const char *)data + len;
	const char *at = data;
	int rc = 0;

	while (rc == 0) {
		at = memmem(at, (size_t)(end - at), pem_begin, sizeof(pem_begin) - 1);
		if (!at)
			break;
		if (is_certificate_block(at, (size_t)(end - at)))
			rc = parse_block(at, (size_t)(end - at), certs);
		at += sizeof(pem_begin) - 1;
	}
	return rc;
}

static int parse_der(const void *data, size_t len, STACK_OF(X509) * certs)
{
	const unsigned char *at = data;
	X509 *cert = d2i_X509(NULL, &at, (long)len);

	return cert ? push(certs, cert) : SL_EMALFORMED;
}

/* ---- what it is instead ------------------------------------------------------------------ */

/* What else people hand in, by what stands behind "-----BEGIN ", and what they have to do. */
static const struct wrong {
	const char *label;
	const char *what;
	const char *remedy;
} wrong[] = {
        {"CERTIFICATE REQUEST-----", "a signing request",
         "have it signed, and bring the certificate"},
        {"NEW CERTIFICATE REQUEST-----", "a signing request",
         "have it signed, and bring the certificate"},
        {"PKCS7-----", "a PKCS7 file", "openssl pkcs7 -print_certs makes PEM of it"},
        {"X509 CRL-----", "a revocation list", "name the file of the certificate"},
        {"PUBLIC KEY-----", "a public key", "name the file of the certificate"},
        {"OPENSSH PRIVATE KEY-----", "a key of OpenSSH", "name the file of the certificate"},
};

static const struct wrong *wrong_label(const void *data, size_t len)
{
	const char *at = memmem(data, len, pem_begin, sizeof(pem_begin) - 1);
	size_t left = at ? len - (size_t)(at - (const char *)data) : 0;

	for (size_t i = 0; at && i < SL_ARRAY_LEN(wrong); i++)
		if (begins_with(at + sizeof(pem_begin) - 1, left - (sizeof(pem_begin) - 1),
		                wrong[i].label))
			return &wrong[i];
	return NULL;
}

static int none_error(const char *name, const void *data, size_t len, struct pki_error *err)
{
	const struct wrong *w = wrong_label(data, len);

	if (w)
		return pki_error_set(err, SL_ENOENT, w->remedy, "%s is %s and holds no certificate",
		                     name, w->what);
	return pki_error_set(err, SL_ENOENT, "name the file of the certificate, not of the key",
	                     "%s holds no certificate", name);
}

static int malformed_error(const char *name, const void *data, size_t len, struct pki_error *err)
{
	if (len == 0)
		return pki_error_set(err, SL_EMALFORMED, "name the file of the certificate",
		                     "%s is empty", name);
	if (!is_pem(data, len) && pkcs12_detect(data, len))
		return pki_error_set(err, SL_EMALFORMED, "choose the format PKCS12",
		                     "%s is a PKCS12 file, not PEM or DER", name);
	return pki_error_set_openssl(err, SL_EMALFORMED, "it has to be a certificate in PEM or DER",
	                             "%s: a certificate cannot be read", name);
}

int pki_certificates_parse(const char *name, const void *data, size_t len,
                           STACK_OF(X509) * *ret_certificates, struct pki_error *err)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	int rc = SL_ENOMEM;

	ERR_clear_error();
	if (certs && len > PKI_FILE_MAX)
		rc = SL_ELIMIT;
	else if (certs)
		rc = is_pem(data, len) ? parse_pem(data, len, certs) : parse_der(data, len, certs);
	if (rc == 0 && sk_X509_num(certs) == 0)
		rc = SL_ENOENT;
	if (rc == 0) {
		*ret_certificates = certs;
		return 0;
	}
	sk_X509_pop_free(certs, X509_free);
	if (rc == SL_ENOENT)
		return none_error(name, data, len, err);
	if (rc == SL_EMALFORMED)
		return malformed_error(name, data, len, err);
	return pki_error_set_openssl(err, rc, "bring fewer certificates",
	                             "%s: more than %d certificates or %d MiB", name,
	                             CERTIFICATES_MAX, PKI_FILE_MAX / (1024 * 1024));
}

int pki_certificates_read(const struct pki_bytes *bytes, STACK_OF(X509) * *ret_certificates,
                          struct pki_error *err)
{
	if (pkcs12_is_meant(bytes))
		return pkcs12_certificates(bytes, ret_certificates, err);
	return pki_certificates_parse(bytes->name, bytes->data, bytes->len, ret_certificates, err);
}
