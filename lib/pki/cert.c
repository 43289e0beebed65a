/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and chains from files and from PEM text, and back to PEM text. */
#include "lib/pki/cert.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/pki/file.h"
#include "lib/pki/pkcs12_priv.h"

enum { RSA_BITS_MIN = 1024, CERTIFICATES_MAX = 4096 };

static bool is_pem(const void *data, size_t len)
{
	return memmem(data, len, "-----BEGIN ", 11) != NULL;
}

/* ---- parsing ----------------------------------------------------------------------------- */

/* Takes over `cert`. */
static int push(STACK_OF(X509) * certs, X509 *cert)
{
	if (sk_X509_num(certs) < CERTIFICATES_MAX && sk_X509_push(certs, cert))
		return 0;
	X509_free(cert);
	return SL_ELIMIT;
}

static bool is_certificate_block(const char *at, size_t len)
{
	static const char *const begins[] = {"-----BEGIN CERTIFICATE-----",
	                                     "-----BEGIN X509 CERTIFICATE-----",
	                                     "-----BEGIN TRUSTED CERTIFICATE-----"};

	for (size_t i = 0; i < SL_ARRAY_LEN(begins); i++)
		if (len >= strlen(begins[i]) && memcmp(at, begins[i], strlen(begins[i])) == 0)
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
	static const char begin[] = "-----BEGIN ";
	const char *end = (const char *)data + len;
	const char *at = data;
	int rc = 0;

	while (rc == 0) {
		at = memmem(at, (size_t)(end - at), begin, sizeof(begin) - 1);
		if (!at)
			break;
		if (is_certificate_block(at, (size_t)(end - at)))
			rc = parse_block(at, (size_t)(end - at), certs);
		at += sizeof(begin) - 1;
	}
	return rc;
}

static int parse_der(const void *data, size_t len, STACK_OF(X509) * certs)
{
	const unsigned char *at = data;
	X509 *cert = d2i_X509(NULL, &at, (long)len);

	return cert ? push(certs, cert) : SL_EMALFORMED;
}

int pki_certificates_parse(const char *name, const void *data, size_t len,
                           STACK_OF(X509) * *ret_certificates, struct pki_error *err)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	int rc = SL_ENOMEM;

	ERR_clear_error();
	if (certs && len <= PKI_FILE_MAX)
		rc = is_pem(data, len) ? parse_pem(data, len, certs) : parse_der(data, len, certs);
	if (rc == 0 && sk_X509_num(certs) == 0)
		rc = SL_ENOENT;
	if (rc == 0) {
		*ret_certificates = certs;
		return 0;
	}
	sk_X509_pop_free(certs, X509_free);
	if (rc == SL_ENOENT)
		return pki_error_set(err, rc, "name the file of the certificate, not of the key",
		                     "%s holds no certificate", name);
	return pki_error_set_openssl(err, rc, "it has to be a certificate in PEM or DER",
	                             "%s: a certificate cannot be read", name);
}

/* ---- keys of certificates ---------------------------------------------------------------- */

static int key_kind(const EVP_PKEY *key, enum pki_key_kind *ret_kind)
{
	static const char *const curves[] = {"secp224r1", "prime256v1", "secp384r1", "secp521r1"};
	char group[64];

	if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= RSA_BITS_MIN) {
		*ret_kind = PKI_RSA;
		return 0;
	}
	if (!EVP_PKEY_is_a(key, "EC") ||
	    !EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
	                                    NULL))
		return SL_EUNSUPPORTED;
	for (size_t i = 0; i < SL_ARRAY_LEN(curves); i++)
		if (strcmp(group, curves[i]) == 0) {
			*ret_kind = PKI_ECDSA;
			return 0;
		}
	return SL_EUNSUPPORTED;
}

int pki_cert_key_kind(const X509 *cert, enum pki_key_kind *ret_kind)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	int rc = key ? key_kind(key, ret_kind) : SL_EUNSUPPORTED;

	ERR_clear_error();
	return rc;
}

int pki_cert_key_id(const X509 *cert, uint8_t ret_id[32])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	int ok = len > 0 && EVP_Digest(der, (size_t)len, ret_id, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	ERR_clear_error();
	return ok ? 0 : SL_ECRYPTO;
}

/* ---- chains ------------------------------------------------------------------------------ */

static bool is_self_signed(X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

/*
 * Moves what belongs behind the leaf out of `from`. Roots stay away: the other end has them or
 * does not trust them, and each certificate costs bytes and time in every handshake.
 */
static int take_intermediates(struct pki_chain *chain, STACK_OF(X509) * from, int first)
{
	for (int i = first; i < sk_X509_num(from); i++) {
		X509 *cert = sk_X509_value(from, i);

		if (is_self_signed(cert))
			continue;
		if (sk_X509_num(chain->intermediates) >= PKI_CHAIN_MAX)
			return SL_ELIMIT;
		if (!X509_up_ref(cert))
			return SL_ENOMEM;
		if (push(chain->intermediates, cert) != 0)
			return SL_ENOMEM;
	}
	return 0;
}

static int chain_from(const char *name, STACK_OF(X509) * certs, struct pki_chain **ret_chain,
                      struct pki_error *err)
{
	struct pki_chain *chain = calloc(1, sizeof(*chain));
	int rc = SL_ENOMEM;

	if (chain)
		chain->intermediates = sk_X509_new_null();
	if (!chain || !chain->intermediates)
		goto out;
	chain->leaf = sk_X509_value(certs, 0);
	(void)X509_up_ref(chain->leaf);
	rc = pki_cert_key_kind(chain->leaf, &chain->kind);
	if (rc == 0)
		rc = pki_cert_key_id(chain->leaf, chain->key_id);
	if (rc == 0)
		rc = take_intermediates(chain, certs, 1);
out:
	if (rc == 0) {
		*ret_chain = chain;
		return 0;
	}
	pki_chain_destroy(chain);
	if (rc == SL_EUNSUPPORTED)
		return pki_error_set(err, rc,
		                     "use RSA from 1024 bits on, or ECDSA on P-224 to P-521",
		                     "%s: this kind of key is not taken", name);
	if (rc == SL_ELIMIT)
		return pki_error_set(err, rc, "leave out what does not belong to the chain",
		                     "%s: more than %d intermediates", name, PKI_CHAIN_MAX);
	return pki_error_set(err, rc, "", "%s: %s", name, err_text(rc));
}

static int load_pkcs12(const struct pki_files *files, const struct pki_file *file,
                       STACK_OF(X509) * *ret_certs, struct pki_error *err)
{
	char password[PKI_PASSWORD_MAX];
	int rc = pki_password_read(files->password_file, password, err);

	if (rc == 0)
		rc = pkcs12_certificates(files->certificate, file->data, file->len, password,
		                         ret_certs, err);
	OPENSSL_cleanse(password, sizeof(password));
	return rc;
}

static int load_leaf(const struct pki_files *files, STACK_OF(X509) * *ret_certs,
                     struct pki_error *err)
{
	struct pki_file file;
	int rc = pki_file_read(files->certificate, false, &file, err);

	if (rc != 0)
		return rc;
	if (files->format == PKI_FORMAT_PKCS12 ||
	    (files->format == PKI_FORMAT_AUTO && !is_pem(file.data, file.len) &&
	     pkcs12_detect(file.data, file.len)))
		rc = load_pkcs12(files, &file, ret_certs, err);
	else
		rc = pki_certificates_parse(files->certificate, file.data, file.len, ret_certs,
		                            err);
	pki_file_fini(&file);
	return rc;
}

/* All certificates of a public file; *ret_certs is the caller's to pop_free. */
static int load_certificates(const char *path, STACK_OF(X509) * *ret_certs, struct pki_error *err)
{
	struct pki_file file;
	int rc = pki_file_read(path, false, &file, err);

	if (rc != 0)
		return rc;
	rc = pki_certificates_parse(path, file.data, file.len, ret_certs, err);
	pki_file_fini(&file);
	return rc;
}

static int load_more(const char *path, struct pki_chain *chain, struct pki_error *err)
{
	STACK_OF(X509) *certs = NULL;
	int rc = load_certificates(path, &certs, err);

	if (rc != 0)
		return rc;
	rc = take_intermediates(chain, certs, 0);
	sk_X509_pop_free(certs, X509_free);
	if (rc != 0)
		return pki_error_set(err, rc, "leave out what does not belong to the chain",
		                     "%s: more than %d intermediates", path, PKI_CHAIN_MAX);
	return 0;
}

int pki_chain_load(const struct pki_files *files, struct pki_chain **ret_chain,
                   struct pki_error *err)
{
	STACK_OF(X509) *certs = NULL;
	struct pki_chain *chain = NULL;
	int rc = load_leaf(files, &certs, err);

	if (rc != 0)
		return rc;
	rc = chain_from(files->certificate, certs, &chain, err);
	sk_X509_pop_free(certs, X509_free);
	if (rc == 0 && files->chain[0] != '\0')
		rc = load_more(files->chain, chain, err);
	if (rc != 0) {
		pki_chain_destroy(chain);
		return rc;
	}
	*ret_chain = chain;
	return 0;
}

int pki_chain_parse(const char *name, const void *pem, size_t len, struct pki_chain **ret_chain,
                    struct pki_error *err)
{
	STACK_OF(X509) *certs = NULL;
	int rc = pki_certificates_parse(name, pem, len, &certs, err);

	if (rc != 0)
		return rc;
	rc = chain_from(name, certs, ret_chain, err);
	sk_X509_pop_free(certs, X509_free);
	return rc;
}

void pki_chain_destroy(struct pki_chain *chain)
{
	if (!chain)
		return;
	X509_free(chain->leaf);
	sk_X509_pop_free(chain->intermediates, X509_free);
	free(chain);
}

bool pki_chain_is_broken(const struct pki_chain *chain)
{
	X509 *below = chain->leaf;

	for (int i = 0; i < sk_X509_num(chain->intermediates); i++) {
		X509 *above = sk_X509_value(chain->intermediates, i);
		bool issued = X509_check_issued(above, below) == X509_V_OK;

		ERR_clear_error();
		if (!issued)
			return true;
		below = above;
	}
	return false;
}

/* ---- writing and stores ------------------------------------------------------------------ */

static int write_pem(BIO *bio, struct buf *out)
{
	char *text;
	long len = BIO_get_mem_data(bio, &text);

	return len < 0 ? SL_ENOMEM : buf_add(out, text, (size_t)len);
}

static int write_certificates(X509 *leaf, STACK_OF(X509) * certs, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int rc = bio ? 0 : SL_ENOMEM;

	if (rc == 0 && leaf && !PEM_write_bio_X509(bio, leaf))
		rc = SL_ECRYPTO;
	for (int i = 0; rc == 0 && i < sk_X509_num(certs); i++)
		if (!PEM_write_bio_X509(bio, sk_X509_value(certs, i)))
			rc = SL_ECRYPTO;
	if (rc == 0)
		rc = write_pem(bio, out);
	BIO_free(bio);
	ERR_clear_error();
	return rc;
}

int pki_chain_write_pem(const struct pki_chain *chain, struct buf *out)
{
	return write_certificates(chain->leaf, chain->intermediates, out);
}

int pki_certificates_load_pem(const char *path, struct buf *out, struct pki_error *err)
{
	STACK_OF(X509) *certs = NULL;
	int rc = load_certificates(path, &certs, err);

	if (rc != 0)
		return rc;
	rc = write_certificates(NULL, certs, out);
	sk_X509_pop_free(certs, X509_free);
	if (rc != 0)
		return pki_error_set(err, rc, "", "%s: %s", path, err_text(rc));
	return 0;
}

int pki_store_add_pem(X509_STORE *store, const char *name, const void *pem, size_t len,
                      size_t *ret_count, struct pki_error *err)
{
	STACK_OF(X509) *certs = NULL;
	int rc = pki_certificates_parse(name, pem, len, &certs, err);
	size_t count = 0;

	if (rc != 0)
		return rc;
	for (int i = 0; rc == 0 && i < sk_X509_num(certs); i++, count++)
		if (!X509_STORE_add_cert(store, sk_X509_value(certs, i)))
			rc = pki_error_set_openssl(err, SL_ENOMEM, "",
			                           "%s: a certificate cannot be stored", name);
	sk_X509_pop_free(certs, X509_free);
	if (rc == 0 && ret_count)
		*ret_count = count;
	return rc;
}
