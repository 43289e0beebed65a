/* SPDX-License-Identifier: Apache-2.0 */
/* Who of several certificates has which key, and who has only come along. */
#include "lib/pki/bundle.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/key.h"
#include "lib/pki/pkcs12_priv.h"

static bool is_ca(X509 *cert)
{
	bool ca = X509_check_ca(cert) == 1;

	ERR_clear_error();
	return ca;
}

/* Cut between two characters. */
static void set_alias(char to[PKI_ALIAS_MAX], const char *alias, size_t len)
{
	if (len >= PKI_ALIAS_MAX)
		for (len = PKI_ALIAS_MAX - 1;
		     len > 0 && ((unsigned char)alias[len] & 0xc0) == 0x80;)
			len--;
	memcpy(to, alias, len);
	to[len] = '\0';
}

static bool is_there(const struct pki_bundle *bundle, X509 *cert)
{
	for (size_t i = 0; i < bundle->count; i++)
		if (X509_cmp(bundle->entries[i].certificate, cert) == 0)
			return true;
	for (int i = 0; i < sk_X509_num(bundle->others); i++)
		if (X509_cmp(sk_X509_value(bundle->others, i), cert) == 0)
			return true;
	return false;
}

static int add_other(struct pki_bundle *bundle, X509 *cert)
{
	if (is_there(bundle, cert))
		return 0;
	if (sk_X509_num(bundle->others) >= PKI_BUNDLE_MAX)
		return SL_ELIMIT;
	return X509_add_cert(bundle->others, cert, X509_ADD_FLAG_UP_REF) ? 0 : SL_ENOMEM;
}

/* Adds an entry; `key` may be NULL and is counted up. */
static int add_entry(struct pki_bundle *bundle, X509 *cert, EVP_PKEY *key)
{
	struct pki_entry *to = &bundle->entries[bundle->count];
	const unsigned char *alias;
	int len = 0;

	if (is_there(bundle, cert))
		return 0;
	if (bundle->count == PKI_BUNDLE_MAX)
		return SL_ELIMIT;
	(void)X509_up_ref(cert);
	if (key)
		(void)EVP_PKEY_up_ref(key);
	to->certificate = cert;
	to->key = key;
	alias = X509_alias_get0(cert, &len);
	set_alias(to->alias, alias ? (const char *)alias : "", alias ? (size_t)len : 0);
	bundle->count++;
	return 0;
}

/* ---- PKCS12 ------------------------------------------------------------------------------ */

static const struct pkcs12_key *key_of(const struct pkcs12_content *content, const X509 *cert)
{
	for (size_t i = 0; i < content->keys_count; i++)
		if (pki_key_matches(content->keys[i].key, cert))
			return &content->keys[i];
	return NULL;
}

static int add_with_key(struct pki_bundle *bundle, X509 *cert, const struct pkcs12_key *key)
{
	size_t at = bundle->count;
	int rc = add_entry(bundle, cert, key->key);

	if (rc == 0 && bundle->count > at && bundle->entries[at].alias[0] == '\0' && key->alias)
		set_alias(bundle->entries[at].alias, key->alias, strlen(key->alias));
	return rc;
}

static int check_keys(const struct pkcs12_content *content, const char *name, struct pki_error *err)
{
	for (size_t i = 0; i < content->keys_count; i++) {
		bool found = false;

		for (int c = 0; !found && c < sk_X509_num(content->certs); c++)
			found = pki_key_matches(content->keys[i].key,
			                        sk_X509_value(content->certs, c));
		if (!found)
			return pki_error_set(err, SL_EMISMATCH,
			                     "export each key with its certificate",
			                     "%s: the key number %zu is of no certificate in the "
			                     "file",
			                     name, i + 1);
	}
	return 0;
}

static int sort_content(const struct pkcs12_content *content, struct pki_bundle *bundle)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < sk_X509_num(content->certs); i++) {
		X509 *cert = sk_X509_value(content->certs, i);
		const struct pkcs12_key *key = key_of(content, cert);

		if (key)
			rc = add_with_key(bundle, cert, key);
		else if (!is_ca(cert))
			rc = add_entry(bundle, cert, NULL);
	}
	if (rc == 0 && bundle->count == 0)
		rc = add_entry(bundle, sk_X509_value(content->certs, 0), NULL);
	for (int i = 0; rc == 0 && i < sk_X509_num(content->certs); i++)
		rc = add_other(bundle, sk_X509_value(content->certs, i));
	return rc;
}

static int limit_error(int rc, const char *name, struct pki_error *err)
{
	if (rc == SL_ELIMIT)
		return pki_error_set(err, rc, "import it in several files",
		                     "%s: more than %d certificates", name, PKI_BUNDLE_MAX);
	return rc ? pki_error_set(err, rc, "", "%s: %s", name, err_text(rc)) : 0;
}

static int read_pkcs12(const struct pki_bytes *bytes, const struct pki_bytes *key,
                       struct pki_bundle *bundle, struct pki_error *err)
{
	struct pkcs12_content content;
	int rc;

	if (key)
		return pki_error_set(err, SL_EINVAL, "leave the other file out",
		                     "%s: the key of a PKCS12 file is in that file", key->name);
	rc = pkcs12_content(bytes, &content, err);
	if (rc != 0)
		return rc;
	if (sk_X509_num(content.certs) == 0)
		rc = pki_error_set(err, SL_ENOENT, "export it with its certificate",
		                   "%s holds no certificate", bytes->name);
	if (rc == 0)
		rc = check_keys(&content, bytes->name, err);
	if (rc == 0)
		rc = limit_error(sort_content(&content, bundle), bytes->name, err);
	pkcs12_content_fini(&content);
	return rc;
}

/* ---- PEM and DER ------------------------------------------------------------------------- */

static bool has_key(const struct pki_bytes *bytes)
{
	return memmem(bytes->data, bytes->len, "PRIVATE KEY-----", 16) != NULL;
}

/* The key beside it, or within; *ret_key NULL: none. */
static int read_key(const struct pki_bytes *certificate, const struct pki_bytes *key,
                    EVP_PKEY **ret_key, struct pki_error *err)
{
	*ret_key = NULL;
	if (key)
		return pki_key_read(key, ret_key, err);
	return has_key(certificate) ? pki_key_read(certificate, ret_key, err) : 0;
}

/* Says which certificate the key is of, if it is of one of the file. */
static int check_first(STACK_OF(X509) * certs, const EVP_PKEY *key, const char *name,
                       const char *key_name, struct pki_error *err)
{
	for (int i = 1; i < sk_X509_num(certs); i++)
		if (!pki_key_matches(key, sk_X509_value(certs, 0)) &&
		    pki_key_matches(key, sk_X509_value(certs, i)))
			return pki_error_set(err, SL_EMISMATCH,
			                     "put the key's certificate first, those that issued "
			                     "it behind it",
			                     "%s: the key is of the certificate number %d, which "
			                     "has to be the first",
			                     name, i + 1);
	return pki_key_check(key, key_name, sk_X509_value(certs, 0), name, err);
}

static int read_plain(const struct pki_bytes *bytes, const struct pki_bytes *key,
                      struct pki_bundle *bundle, struct pki_error *err)
{
	STACK_OF(X509) *certs = NULL;
	EVP_PKEY *found = NULL;
	int rc = pki_certificates_read(bytes, &certs, err);

	if (rc == 0)
		rc = read_key(bytes, key, &found, err);
	if (rc == 0 && found)
		rc = check_first(certs, found, bytes->name, key ? key->name : bytes->name, err);
	if (rc == 0)
		rc = limit_error(add_entry(bundle, sk_X509_value(certs, 0), found), bytes->name,
		                 err);
	for (int i = 1; rc == 0 && i < sk_X509_num(certs); i++)
		rc = limit_error(add_other(bundle, sk_X509_value(certs, i)), bytes->name, err);
	EVP_PKEY_free(found);
	sk_X509_pop_free(certs, X509_free);
	return rc;
}

/* ---- the whole --------------------------------------------------------------------------- */

static int check_kinds(const struct pki_bundle *bundle, const char *name, struct pki_error *err)
{
	enum pki_key_kind kind;

	for (size_t i = 0; i < bundle->count; i++)
		if (pki_cert_key_kind(bundle->entries[i].certificate, &kind) != 0)
			return pki_error_set(
			        err, SL_EUNSUPPORTED,
			        "use RSA from 1024 bits on, or ECDSA on P-224 to P-521",
			        "%s: this kind of key is not taken", name);
	return 0;
}

int pki_bundle_read(const struct pki_bytes *certificate, const struct pki_bytes *key,
                    struct pki_bundle **ret_bundle, struct pki_error *err)
{
	struct pki_bundle *bundle = calloc(1, sizeof(*bundle));
	int rc = SL_ENOMEM;

	if (bundle)
		bundle->others = sk_X509_new_null();
	if (!bundle || !bundle->others)
		(void)pki_error_set(err, rc, "", "out of memory");
	else if (pkcs12_is_meant(certificate))
		rc = read_pkcs12(certificate, key, bundle, err);
	else
		rc = read_plain(certificate, key, bundle, err);
	if (rc == 0)
		rc = check_kinds(bundle, certificate->name, err);
	if (rc != 0) {
		pki_bundle_destroy(bundle);
		return rc;
	}
	*ret_bundle = bundle;
	return 0;
}

void pki_bundle_destroy(struct pki_bundle *bundle)
{
	if (!bundle)
		return;
	for (size_t i = 0; i < bundle->count; i++) {
		X509_free(bundle->entries[i].certificate);
		EVP_PKEY_free(bundle->entries[i].key);
	}
	sk_X509_pop_free(bundle->others, X509_free);
	free(bundle);
}

/* Each step is a certificate that was not met yet, so the walk ends. */
static void mark_chain(const struct pki_bundle *bundle, X509 *from, bool *met)
{
	for (X509 *at = from; at;) {
		X509 *issuer = pki_find_issuer(bundle->others, at);
		int i = issuer ? sk_X509_find(bundle->others, issuer) : -1;

		if (i < 0 || met[i])
			return;
		met[i] = true;
		at = issuer;
	}
}

X509 *pki_bundle_stranger(const struct pki_bundle *bundle)
{
	bool met[PKI_BUNDLE_MAX] = {false};

	for (size_t i = 0; i < bundle->count; i++)
		mark_chain(bundle, bundle->entries[i].certificate, met);
	for (int i = 0; i < sk_X509_num(bundle->others); i++)
		if (!met[i])
			return sk_X509_value(bundle->others, i);
	return NULL;
}
