/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PKCS12 (RFC 7292). PKCS12_parse() would decrypt the key for everybody; here the bags are walked,
 * so that a process that needs certificates only never has the key in its memory.
 */
#include "lib/pki/pkcs12_priv.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/pbe_priv.h"

enum { NESTING_MAX = 4, BAGS_MAX = 1024 };

struct walk {
	const char *password; /* NULL: the empty one in its other spelling */
	struct pkcs12_content content;
	ASN1_OCTET_STRING *cert_ids[BAGS_MAX]; /* localKeyID of each certificate, or NULL */
	ASN1_OCTET_STRING *key_id;             /* of the first key */
	size_t keys_seen;
	size_t keys_wanted; /* so many are decrypted, from the first on */
	size_t bags;
	uint64_t rounds_left; /* that its password may still cost */
};

static PKCS12 *parse(const void *data, size_t len)
{
	const unsigned char *at = data;
	PKCS12 *p12 = d2i_PKCS12(NULL, &at, (long)len);

	ERR_clear_error();
	return p12;
}

bool pkcs12_detect(const void *data, size_t len)
{
	PKCS12 *p12 = parse(data, len);

	PKCS12_free(p12);
	return p12 != NULL;
}

bool pkcs12_is_meant(const struct pki_bytes *bytes)
{
	if (bytes->format != PKI_FORMAT_AUTO)
		return bytes->format == PKI_FORMAT_PKCS12;
	return !memmem(bytes->data, bytes->len, "-----BEGIN ", 11) &&
	       pkcs12_detect(bytes->data, bytes->len);
}

/* ---- what a password is asked to do ------------------------------------------------------ */

static int count_rounds(struct walk *w, uint64_t rounds)
{
	if (rounds > w->rounds_left)
		return SL_EREFUSED;
	w->rounds_left -= rounds;
	return 0;
}

static int count_mac_rounds(struct walk *w, const PKCS12 *p12)
{
	const ASN1_INTEGER *iterations = NULL;
	uint64_t rounds = 1;

	PKCS12_get0_mac(NULL, NULL, NULL, &iterations, p12);
	if (iterations && ASN1_INTEGER_get_uint64(&rounds, iterations) != 1)
		rounds = UINT64_MAX;
	return count_rounds(w, rounds);
}

/* An empty password is written in two ways, and files of both kinds are about. */
static int check_mac(struct walk *w, PKCS12 *p12)
{
	int rc;

	if (!PKCS12_mac_present(p12))
		return 0;
	rc = count_mac_rounds(w, p12);
	if (rc != 0 || PKCS12_verify_mac(p12, w->password, -1))
		return rc;
	if (w->password[0] != '\0' || !PKCS12_verify_mac(p12, NULL, 0))
		return SL_EPERM;
	w->password = NULL;
	return 0;
}

/* ---- the bags ---------------------------------------------------------------------------- */

static ASN1_OCTET_STRING *local_key_id(const PKCS12_SAFEBAG *bag)
{
	const ASN1_TYPE *id = PKCS12_SAFEBAG_get0_attr(bag, NID_localKeyID);

	return id && id->type == V_ASN1_OCTET_STRING ? id->value.octet_string : NULL;
}

static int decrypt_key(struct walk *w, PKCS12_SAFEBAG *bag, EVP_PKEY **ret_key)
{
	PKCS8_PRIV_KEY_INFO *info;
	const X509_ALGOR *algorithm = NULL;
	int rc;

	if (PKCS12_SAFEBAG_get_nid(bag) == NID_keyBag) {
		*ret_key = EVP_PKCS82PKEY(PKCS12_SAFEBAG_get0_p8inf(bag));
		return *ret_key ? 0 : SL_EMALFORMED;
	}
	X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, NULL);
	rc = count_rounds(w, pbe_rounds(algorithm));
	if (rc != 0)
		return rc;
	info = PKCS12_decrypt_skey(bag, w->password, -1);
	if (!info)
		return SL_ECRYPTO;
	*ret_key = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	return *ret_key ? 0 : SL_EMALFORMED;
}

static int walk_key(struct walk *w, PKCS12_SAFEBAG *bag)
{
	struct pkcs12_content *c = &w->content;
	struct pkcs12_key *to = &c->keys[c->keys_count];
	int rc;

	if (w->keys_seen++ == 0 && local_key_id(bag))
		w->key_id = ASN1_OCTET_STRING_dup(local_key_id(bag));
	if (w->keys_seen > w->keys_wanted)
		return w->keys_wanted == PKI_BUNDLE_MAX ? SL_ELIMIT : 0;
	rc = decrypt_key(w, bag, &to->key);
	if (rc != 0)
		return rc;
	to->alias = PKCS12_get_friendlyname(bag);
	c->keys_count++;
	return 0;
}

static void take_alias(PKCS12_SAFEBAG *bag, X509 *cert)
{
	char *alias = PKCS12_get_friendlyname(bag);

	if (alias)
		(void)X509_alias_set1(cert, (const unsigned char *)alias, (int)strlen(alias));
	OPENSSL_free(alias);
}

static int walk_cert(struct walk *w, PKCS12_SAFEBAG *bag)
{
	ASN1_OCTET_STRING *id = local_key_id(bag);
	STACK_OF(X509) *certs = w->content.certs;
	X509 *cert;

	if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
		return 0;
	cert = PKCS12_SAFEBAG_get1_cert(bag);
	if (!cert)
		return SL_EMALFORMED;
	if (!sk_X509_push(certs, cert)) {
		X509_free(cert);
		return SL_ENOMEM;
	}
	take_alias(bag, cert);
	w->cert_ids[sk_X509_num(certs) - 1] = id ? ASN1_OCTET_STRING_dup(id) : NULL;
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

static int unpack_encrypted(struct walk *w, PKCS7 *safe, STACK_OF(PKCS12_SAFEBAG) * *ret_bags)
{
	const PKCS7_ENC_CONTENT *content = safe->d.encrypted ? safe->d.encrypted->enc_data : NULL;
	int rc = content && content->algorithm ? count_rounds(w, pbe_rounds(content->algorithm))
	                                       : SL_EMALFORMED;

	if (rc == 0)
		*ret_bags = PKCS12_unpack_p7encdata(safe, w->password, w->password ? -1 : 0);
	return rc;
}

static int walk_safe(struct walk *w, PKCS7 *safe)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	int rc = 0;

	switch (OBJ_obj2nid(safe->type)) {
	case NID_pkcs7_data:
		bags = PKCS12_unpack_p7data(safe);
		break;
	case NID_pkcs7_encrypted:
		rc = unpack_encrypted(w, safe, &bags);
		break;
	default:
		return 0;
	}
	if (rc == 0 && !bags)
		rc = SL_ECRYPTO;
	if (rc == 0)
		rc = walk_bags(w, bags, 0);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return rc;
}

static int walk_authsafes(struct walk *w, PKCS12 *p12)
{
	STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
	int rc = safes ? 0 : SL_EMALFORMED;

	for (int i = 0; rc == 0 && i < sk_PKCS7_num(safes); i++)
		rc = walk_safe(w, sk_PKCS7_value(safes, i));
	sk_PKCS7_pop_free(safes, PKCS7_free);
	return rc;
}

/* ---- the file ---------------------------------------------------------------------------- */

static int report(const struct pki_bytes *b, int code, struct pki_error *err)
{
	switch (code) {
	case SL_EPERM:
		return pki_error_set_openssl(
		        err, code, b->password[0] ? "check its password" : "give its password",
		        "%s: the password does not open this PKCS12 file", b->name);
	case SL_EREFUSED:
		ERR_clear_error();
		return pki_error_set(
		        err, code,
		        "export it with fewer rounds: openssl pkcs12 -export -iter 100000",
		        "%s: it asks for more than %" PRIu64 " rounds of its password", b->name,
		        pbe_rounds_max(b));
	case SL_ELIMIT:
		ERR_clear_error();
		return pki_error_set(err, code, "export it in several files",
		                     "%s: too many keys or certificates in one PKCS12 file",
		                     b->name);
	default:
		return pki_error_set_openssl(
		        err, code,
		        "check its password; a file with old algorithms has to be made again: "
		        "openssl pkcs12 -legacy, then openssl pkcs12 -export",
		        "%s: this PKCS12 file cannot be read", b->name);
	}
}

static int walk_file(struct walk *w, const struct pki_bytes *bytes, struct pki_error *err)
{
	PKCS12 *p12 = parse(bytes->data, bytes->len);
	int rc;

	if (!p12)
		return pki_error_set(err, SL_EMALFORMED, "check the format: it may be PEM or DER",
		                     "%s is no PKCS12 file", bytes->name);
	rc = check_mac(w, p12);
	if (rc == 0)
		rc = walk_authsafes(w, p12);
	PKCS12_free(p12);
	if (rc != 0)
		return report(bytes, rc, err);
	ERR_clear_error();
	return 0;
}

/* The certificate whose localKeyID is the first key's goes to the front. */
static void leaf_first(struct walk *w)
{
	STACK_OF(X509) *certs = w->content.certs;

	for (int i = 1; w->key_id && i < sk_X509_num(certs); i++) {
		X509 *cert;

		if (!w->cert_ids[i] || ASN1_OCTET_STRING_cmp(w->cert_ids[i], w->key_id) != 0)
			continue;
		cert = sk_X509_delete(certs, i);
		if (!sk_X509_insert(certs, cert, 0))
			X509_free(cert);
		return;
	}
}

static int walk_start(struct walk *w, const struct pki_bytes *bytes, size_t keys_wanted,
                      struct pki_error *err)
{
	*w = (struct walk){.password = bytes->password,
	                   .keys_wanted = keys_wanted,
	                   .rounds_left = pbe_rounds_max(bytes)};
	w->content.certs = sk_X509_new_null();
	return w->content.certs ? walk_file(w, bytes, err)
	                        : pki_error_set(err, SL_ENOMEM, "", "out of memory");
}

static void walk_fini(struct walk *w)
{
	for (size_t i = 0; i < BAGS_MAX; i++)
		ASN1_OCTET_STRING_free(w->cert_ids[i]);
	ASN1_OCTET_STRING_free(w->key_id);
	pkcs12_content_fini(&w->content);
}

void pkcs12_content_fini(struct pkcs12_content *content)
{
	sk_X509_pop_free(content->certs, X509_free);
	for (size_t i = 0; i < SL_ARRAY_LEN(content->keys); i++) {
		EVP_PKEY_free(content->keys[i].key);
		OPENSSL_free(content->keys[i].alias);
	}
	*content = (struct pkcs12_content){0};
}

int pkcs12_certificates(const struct pki_bytes *bytes, STACK_OF(X509) * *ret_certificates,
                        struct pki_error *err)
{
	struct walk w;
	int rc = walk_start(&w, bytes, 0, err);

	if (rc == 0 && sk_X509_num(w.content.certs) == 0)
		rc = pki_error_set(err, SL_ENOENT, "export it with its certificate",
		                   "%s holds no certificate", bytes->name);
	if (rc == 0) {
		leaf_first(&w);
		*ret_certificates = w.content.certs;
		w.content.certs = NULL;
	}
	walk_fini(&w);
	return rc;
}

int pkcs12_key(const struct pki_bytes *bytes, EVP_PKEY **ret_key, struct pki_error *err)
{
	struct walk w;
	int rc = walk_start(&w, bytes, 1, err);

	if (rc == 0 && w.content.keys_count == 0)
		rc = pki_error_set(err, SL_ENOENT, "export it with its private key",
		                   "%s holds no private key", bytes->name);
	if (rc == 0) {
		*ret_key = w.content.keys[0].key;
		w.content.keys[0].key = NULL;
	}
	walk_fini(&w);
	return rc;
}

int pkcs12_content(const struct pki_bytes *bytes, struct pkcs12_content *ret_content,
                   struct pki_error *err)
{
	struct walk w;
	int rc = walk_start(&w, bytes, PKI_BUNDLE_MAX, err);

	if (rc == 0) {
		*ret_content = w.content;
		w.content = (struct pkcs12_content){0};
	}
	walk_fini(&w);
	return rc;
}
