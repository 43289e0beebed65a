/* SPDX-License-Identifier: Apache-2.0 */
/* Chains from files and from bytes, and back to PEM text. */
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

enum { RSA_BITS_MIN = 1024 };

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
		if (!X509_add_cert(chain->intermediates, cert, X509_ADD_FLAG_UP_REF))
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

/*
 * Files stand on the form from bytes. The password is in a file of its own, whose name whoever
 * reads the error knows better than a password.
 */
static int read_file(const struct pki_files *files, struct pki_chain **ret_chain,
                     struct pki_error *err)
{
	char password[PKI_PASSWORD_MAX] = "";
	struct pki_file file;
	struct pki_bytes bytes = {
	        .name = files->certificate, .password = password, .format = files->format};
	int rc = pki_file_read(files->certificate, false, &file, err);

	if (rc != 0)
		return rc;
	bytes.data = file.data;
	bytes.len = file.len;
	if (pkcs12_is_meant(&bytes))
		rc = pki_password_read(files->password_file, password, err);
	if (rc == 0) {
		rc = pki_chain_read(&bytes, ret_chain, err);
		pki_password_remedy(err, rc, password);
	}
	OPENSSL_cleanse(password, sizeof(password));
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

int pki_chain_read(const struct pki_bytes *bytes, struct pki_chain **ret_chain,
                   struct pki_error *err)
{
	STACK_OF(X509) *certs = NULL;
	int rc = pki_certificates_read(bytes, &certs, err);

	if (rc != 0)
		return rc;
	rc = chain_from(bytes->name, certs, ret_chain, err);
	sk_X509_pop_free(certs, X509_free);
	return rc;
}

int pki_chain_load(const struct pki_files *files, struct pki_chain **ret_chain,
                   struct pki_error *err)
{
	struct pki_chain *chain = NULL;
	int rc = read_file(files, &chain, err);

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
	const struct pki_bytes bytes = {
	        .name = name, .data = pem, .len = len, .password = "", .format = PKI_FORMAT_PEM};

	return pki_chain_read(&bytes, ret_chain, err);
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

int pki_chain_write_pem(const struct pki_chain *chain, struct buf *out)
{
	return pki_certificates_add_pem(chain->leaf, chain->intermediates, out);
}

int pki_certificates_load_pem(const char *path, struct buf *out, struct pki_error *err)
{
	STACK_OF(X509) *certs = NULL;
	int rc = load_certificates(path, &certs, err);

	if (rc != 0)
		return rc;
	rc = pki_certificates_add_pem(NULL, certs, out);
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
