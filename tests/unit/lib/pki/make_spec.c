/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates with extensions, good and bad ones, and what is said of their revocation. */
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/lib/pki/make.h"

#define MUST(what)                                                                                 \
	do {                                                                                       \
		if (!(what))                                                                       \
			abort();                                                                   \
	} while (0)

enum { DAY = 86400 };

void make_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	int at;

	X509V3_set_ctx(&ctx, issuer ? issuer : cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	MUST(extension);
	while ((at = X509_get_ext_by_NID(cert, nid, -1)) >= 0)
		X509_EXTENSION_free(X509_delete_ext(cert, at));
	MUST(X509_add_ext(cert, extension, -1));
	X509_EXTENSION_free(extension);
}

void make_sign(X509 *cert, EVP_PKEY *issuer_key, const EVP_MD *md)
{
	MUST(X509_sign(cert, issuer_key, md) > 0);
}

static void extend(X509 *cert, const struct make_spec *s, int nid, const char *value)
{
	if (value && value[0] != '\0')
		make_extension(cert, s->issuer, nid, value);
}

static const char * or (const char *value, const char *otherwise)
{
	return value ? value : otherwise;
}

static void add_extensions(X509 *cert, const struct make_spec *s)
{
	const char *basic = or (s->basic, "critical,CA:FALSE");
	bool ca = strstr(basic, "CA:TRUE");

	extend(cert, s, NID_basic_constraints, basic);
	extend(cert, s, NID_key_usage,
	       or (s->usage, ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature"));
	extend(cert, s, NID_ext_key_usage, or (s->extended, ca ? "" : "serverAuth"));
	extend(cert, s, NID_subject_alt_name, s->names);
	extend(cert, s, NID_name_constraints, s->constraints);
	if (s->no_key_ids)
		return;
	extend(cert, s, NID_subject_key_identifier, "hash");
	if (s->issuer && X509_get0_subject_key_id(s->issuer))
		extend(cert, s, NID_authority_key_identifier, "keyid");
}

static void set_subject(X509 *cert, const char *common_name)
{
	X509_NAME *name = X509_NAME_new();

	MUST(name);
	if (common_name)
		MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		                                (const unsigned char *)common_name, -1, -1, 0));
	MUST(X509_set_subject_name(cert, name));
	X509_NAME_free(name);
}

X509 *make_from(const struct make_spec *spec)
{
	static long serial = 65536;
	X509 *cert = X509_new();
	bool dated = spec->from || spec->to;

	MUST(cert);
	MUST(X509_set_version(cert, spec->version_1 ? X509_VERSION_1 : X509_VERSION_3));
	MUST(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++));
	MUST(X509_time_adj_ex(X509_getm_notBefore(cert), dated ? spec->from : -1, 0, NULL));
	MUST(X509_time_adj_ex(X509_getm_notAfter(cert), dated ? spec->to : 30, 0, NULL));
	MUST(X509_set_pubkey(cert, spec->key));
	set_subject(cert, spec->common_name);
	MUST(X509_set_issuer_name(cert, X509_get_subject_name(spec->issuer ? spec->issuer : cert)));
	if (!spec->version_1)
		add_extensions(cert, spec);
	make_sign(cert, spec->issuer ? spec->issuer_key : spec->key,
	          spec->md ? spec->md : EVP_sha256());
	return cert;
}

X509 *make_ca(EVP_PKEY *key, const char *common_name, X509 *issuer, EVP_PKEY *issuer_key,
              int from_day, int to_day)
{
	return make_from(&(struct make_spec){.common_name = common_name,
	                                     .key = key,
	                                     .issuer = issuer,
	                                     .issuer_key = issuer_key,
	                                     .from = from_day,
	                                     .to = to_day,
	                                     .basic = "critical,CA:TRUE"});
}

void make_many_names(X509 *cert, unsigned count)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	char text[64];

	for (unsigned i = 0; i < count; i++) {
		GENERAL_NAME *n = GENERAL_NAME_new();
		ASN1_IA5STRING *name = ASN1_IA5STRING_new();

		(void)snprintf(text, sizeof(text), "n%u.many.test", i);
		MUST(ASN1_STRING_set(name, text, -1));
		GENERAL_NAME_set0_value(n, GEN_DNS, name);
		MUST(sk_GENERAL_NAME_push(list, n));
	}
	MUST(X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, X509V3_ADD_REPLACE));
	GENERAL_NAMES_free(list);
}

X509 *make_patched(X509 *cert, const void *from, const void *to, size_t len)
{
	unsigned char *der = NULL;
	int der_len = i2d_X509(cert, &der);
	const unsigned char *at = der;
	X509 *patched;
	bool any = false;

	for (unsigned char *p = der; (p = memmem(p, (size_t)(der + der_len - p), from, len));) {
		memcpy(p, to, len);
		any = true;
	}
	MUST(any);
	patched = d2i_X509(NULL, &at, der_len);
	MUST(patched);
	OPENSSL_free(der);
	return patched;
}

/* ---- revocation -------------------------------------------------------------------------- */

X509_CRL *make_crl(X509 *issuer, EVP_PKEY *issuer_key, X509 *revoked, int to_day)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = X509_time_adj_ex(NULL, -1, 0, NULL);
	ASN1_TIME *to = X509_time_adj_ex(NULL, to_day, 0, NULL);
	X509_REVOKED *entry;

	MUST(crl && from && to);
	MUST(X509_CRL_set_version(crl, X509_CRL_VERSION_2));
	MUST(X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)));
	MUST(X509_CRL_set1_lastUpdate(crl, from) && X509_CRL_set1_nextUpdate(crl, to));
	if (revoked) {
		entry = X509_REVOKED_new();
		MUST(entry);
		MUST(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked)));
		MUST(X509_REVOKED_set_revocationDate(entry, from));
		MUST(X509_CRL_add0_revoked(crl, entry));
	}
	MUST(X509_CRL_sign(crl, issuer_key, EVP_sha256()) > 0);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return crl;
}

uint8_t *make_staple(X509 *cert, X509 *issuer, X509 *signer, EVP_PKEY *signer_key, int status,
                     int to_day, size_t *ret_len)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), cert, issuer);
	ASN1_TIME *from = X509_gmtime_adj(NULL, -2 * DAY);
	ASN1_TIME *to = X509_gmtime_adj(NULL, (long)to_day * DAY);
	unsigned long flags = X509_cmp(signer, issuer) == 0 ? OCSP_NOCERTS : 0;
	OCSP_RESPONSE *response;
	unsigned char *der = NULL;
	int len;
	uint8_t *copy;

	MUST(basic && id && from && to);
	MUST(OCSP_basic_add1_status(basic, id, status, 0, from, from, to));
	MUST(OCSP_basic_sign(basic, signer, signer_key, EVP_sha256(), NULL, flags));
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	MUST(response);
	len = i2d_OCSP_RESPONSE(response, &der);
	MUST(len > 0 && (copy = malloc((size_t)len)));
	memcpy(copy, der, (size_t)len);
	*ret_len = (size_t)len;
	OPENSSL_free(der);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return copy;
}
