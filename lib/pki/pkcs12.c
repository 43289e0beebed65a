/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PKCS12 (RFC 7292). PKCS12_parse() would decrypt the key for everybody; here the bags are walked,
 * so that a process that needs certificates only never has the key in its memory.
 */
#include "lib/pki/pkcs12_priv.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/err.h"

enum { NESTING_MAX = 4, BAGS_MAX = 1024 };

struct walk {
	const char *password;
	STACK_OF(X509) * certs;
	ASN1_OCTET_STRING *cert_ids[BAGS_MAX]; /* localKeyID of each certificate, or NULL */
	bool key_seen;                         /* the first key counts */
	ASN1_OCTET_STRING *key_id;
	EVP_PKEY *key; /* only if wanted */
	bool want_key;
	size_t bags;
};

static PKCS12 *parse(const void *data, size_t len)
{
	const unsigned char *at = data;
	PKCS12 *p12 = d2i_PKCS12(NULL, &at, (long)len);

	ERR_clear_error();
	return p12;
}

int pkcs12_detect(const void *data, size_t len)
{
	PKCS12 *p12 = parse(data, len);

	PKCS12_free(p12);
	return p12 != NULL;
}

/* An empty password is written in two ways, and files of both kinds are about. */
static int check_mac(const char *name, PKCS12 *p12, const char **password, struct pki_error *err)
{
	if (!PKCS12_mac_present(p12))
		return 0;
	if (PKCS12_verify_mac(p12, *password, -1))
		return 0;
	if ((*password)[0] == '\0' && PKCS12_verify_mac(p12, NULL, 0)) {
		*password = NULL;
		return 0;
	}
	return pki_error_set_openssl(err, SL_EPERM, "check the first line of its password_file",
	                             "%s: the password does not open this PKCS12 file", name);
}

static ASN1_OCTET_STRING *local_key_id(const PKCS12_SAFEBAG *bag)
{
	const ASN1_TYPE *id = PKCS12_SAFEBAG_get0_attr(bag, NID_localKeyID);

	return id && id->type == V_ASN1_OCTET_STRING ? id->value.octet_string : NULL;
}

static int walk_key(struct walk *w, PKCS12_SAFEBAG *bag)
{
	PKCS8_PRIV_KEY_INFO *info;

	if (w->key_seen)
		return 0;
	w->key_seen = true;
	if (local_key_id(bag))
		w->key_id = ASN1_OCTET_STRING_dup(local_key_id(bag));
	if (!w->want_key)
		return 0;
	if (PKCS12_SAFEBAG_get_nid(bag) == NID_keyBag) {
		w->key = EVP_PKCS82PKEY(PKCS12_SAFEBAG_get0_p8inf(bag));
		return w->key ? 0 : SL_EMALFORMED;
	}
	info = PKCS12_decrypt_skey(bag, w->password, -1);
	if (!info)
		return SL_ECRYPTO;
	w->key = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	return w->key ? 0 : SL_EMALFORMED;
}

static int walk_cert(struct walk *w, PKCS12_SAFEBAG *bag)
{
	ASN1_OCTET_STRING *id = local_key_id(bag);
	X509 *cert;

	if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
		return 0;
	cert = PKCS12_SAFEBAG_get1_cert(bag);
	if (!cert)
		return SL_EMALFORMED;
	if (!sk_X509_push(w->certs, cert)) {
		X509_free(cert);
		return SL_ENOMEM;
	}
	w->cert_ids[sk_X509_num(w->certs) - 1] = id ? ASN1_OCTET_STRING_dup(id) : NULL;
	return 0;
}

static int walk_bags(struct walk *w, const STACK_OF(PKCS12_SAFEBAG) * bags, int depth)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
		PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);

		if (++w->bags > BAGS_MAX || depth > NESTING_MAX)
			return SL_ELIMIT;
		switch (PKCS12_SAFEBAG_get_nid(bag)) {
		case NID_keyBag:
		case NID_pkcs8ShroudedKeyBag:
			rc = walk_key(w, bag);
			break;
		case NID_certBag:
			rc = walk_cert(w, bag);
			break;
		case NID_safeContentsBag:
			rc = walk_bags(w, PKCS12_SAFEBAG_get0_safes(bag), depth + 1);
			break;
		default:
			break;
		}
	}
	return rc;
}

static int walk_safe(struct walk *w, PKCS7 *safe)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	int rc;

	switch (OBJ_obj2nid(safe->type)) {
	case NID_pkcs7_data:
		bags = PKCS12_unpack_p7data(safe);
		break;
	case NID_pkcs7_encrypted:
		bags = PKCS12_unpack_p7encdata(safe, w->password, w->password ? -1 : 0);
		break;
	default:
		return 0;
	}
	if (!bags)
		return SL_ECRYPTO;
	rc = walk_bags(w, bags, 0);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return rc;
}

static int walk_file(struct walk *w, const char *name, const void *data, size_t len,
                     struct pki_error *err)
{
	PKCS12 *p12 = parse(data, len);
	STACK_OF(PKCS7) *safes = NULL;
	int rc;

	if (!p12)
		return pki_error_set(err, SL_EMALFORMED, "check the format", "%s is no PKCS12 file",
		                     name);
	rc = check_mac(name, p12, &w->password, err);
	if (rc != 0)
		goto out;
	safes = PKCS12_unpack_authsafes(p12);
	if (!safes)
		rc = SL_EMALFORMED;
	for (int i = 0; rc == 0 && i < sk_PKCS7_num(safes); i++)
		rc = walk_safe(w, sk_PKCS7_value(safes, i));
	if (rc != 0)
		(void)pki_error_set_openssl(
		        err, rc,
		        "check its password_file; a file with old algorithms has to be made again: "
		        "openssl pkcs12 -legacy, then openssl pkcs12 -export",
		        "%s: this PKCS12 file cannot be read", name);
out:
	sk_PKCS7_pop_free(safes, PKCS7_free);
	PKCS12_free(p12);
	return rc;
}

/* The certificate whose localKeyID is the key's goes to the front. */
static void leaf_first(struct walk *w)
{
	for (int i = 1; w->key_id && i < sk_X509_num(w->certs); i++) {
		X509 *cert;

		if (!w->cert_ids[i] || ASN1_OCTET_STRING_cmp(w->cert_ids[i], w->key_id) != 0)
			continue;
		cert = sk_X509_delete(w->certs, i);
		if (!sk_X509_insert(w->certs, cert, 0))
			X509_free(cert);
		return;
	}
}

static void walk_fini(struct walk *w)
{
	for (size_t i = 0; i < BAGS_MAX; i++)
		ASN1_OCTET_STRING_free(w->cert_ids[i]);
	ASN1_OCTET_STRING_free(w->key_id);
	sk_X509_pop_free(w->certs, X509_free);
	EVP_PKEY_free(w->key);
}

int pkcs12_certificates(const char *name, const void *data, size_t len, const char *password,
                        STACK_OF(X509) * *ret_certificates, struct pki_error *err)
{
	struct walk w = {.password = password, .certs = sk_X509_new_null()};
	int rc = w.certs ? walk_file(&w, name, data, len, err)
	                 : pki_error_set(err, SL_ENOMEM, "", "out of memory");

	if (rc == 0 && sk_X509_num(w.certs) == 0)
		rc = pki_error_set(err, SL_ENOENT, "export it with its certificate",
		                   "%s holds no certificate", name);
	if (rc == 0) {
		leaf_first(&w);
		*ret_certificates = w.certs;
		w.certs = NULL;
	}
	walk_fini(&w);
	return rc;
}

int pkcs12_key(const char *name, const void *data, size_t len, const char *password,
               EVP_PKEY **ret_key, struct pki_error *err)
{
	struct walk w = {.password = password, .certs = sk_X509_new_null(), .want_key = true};
	int rc = w.certs ? walk_file(&w, name, data, len, err)
	                 : pki_error_set(err, SL_ENOMEM, "", "out of memory");

	if (rc == 0 && !w.key)
		rc = pki_error_set(err, SL_ENOENT, "export it with its private key",
		                   "%s holds no private key", name);
	if (rc == 0) {
		*ret_key = w.key;
		w.key = NULL;
	}
	walk_fini(&w);
	return rc;
}
