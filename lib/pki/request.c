/* SPDX-License-Identifier: Apache-2.0 */
/* Signing requests: made, and signed. */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/base/err.h"
#include "lib/pki/ca.h"
#include "lib/pki/ca_priv.h"
#include "lib/pki/cert.h"
#include "lib/pki/part_priv.h"
#include "lib/pki/subject_priv.h"

/* ---- making ------------------------------------------------------------------------------ */

static int push_extension(STACK_OF(X509_EXTENSION) * list, int nid, bool critical, void *value)
{
	X509_EXTENSION *extension = X509V3_EXT_i2d(nid, critical, value);

	if (extension && sk_X509_EXTENSION_push(list, extension))
		return 0;
	X509_EXTENSION_free(extension);
	return SL_ENOMEM;
}

static int push_ca(STACK_OF(X509_EXTENSION) * list)
{
	BASIC_CONSTRAINTS *basic = BASIC_CONSTRAINTS_new();
	int rc = SL_ENOMEM;

	if (basic) {
		basic->ca = 0xff;
		rc = push_extension(list, NID_basic_constraints, true, basic);
	}
	BASIC_CONSTRAINTS_free(basic);
	return rc;
}

static int add_extensions(X509_REQ *request, GENERAL_NAMES *names, bool ca)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	int rc = list ? 0 : SL_ENOMEM;

	if (rc == 0 && names)
		rc = push_extension(list, NID_subject_alt_name, false, names);
	if (rc == 0 && ca)
		rc = push_ca(list);
	if (rc == 0 && sk_X509_EXTENSION_num(list) > 0 && !X509_REQ_add_extensions(request, list))
		rc = SL_ENOMEM;
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return rc;
}

static int fill_in(const struct pki_subject *subject, EVP_PKEY *key, bool ca, X509_REQ *request,
                   struct pki_error *err)
{
	GENERAL_NAMES *names = NULL;
	int rc = subject_fill_name(subject, X509_REQ_get_subject_name(request), err);

	if (rc == 0)
		rc = subject_alt_names(subject, &names, err);
	if (rc != 0)
		return rc;
	if (!X509_REQ_set_version(request, X509_REQ_VERSION_1) ||
	    !X509_REQ_set_pubkey(request, key) || add_extensions(request, names, ca) != 0 ||
	    X509_REQ_sign(request, key, part_digest_for(key)) <= 0)
		rc = pki_error_set_openssl(err, SL_ECRYPTO, "", "the request cannot be made");
	GENERAL_NAMES_free(names);
	return rc;
}

int pki_request_make(const struct pki_subject *subject, EVP_PKEY *key, bool ca,
                     X509_REQ **ret_request, struct pki_error *err)
{
	X509_REQ *request = X509_REQ_new();
	int rc;

	ERR_clear_error();
	if (!request)
		return pki_error_set(err, SL_ENOMEM, "", "out of memory");
	rc = fill_in(subject, key, ca, request, err);
	if (rc != 0) {
		X509_REQ_free(request);
		return rc;
	}
	*ret_request = request;
	return 0;
}

/* ---- signing ----------------------------------------------------------------------------- */

/* The request's extensions on a certificate that is never signed: what reads certificates reads
 * them there. */
static int to_certificate(X509_REQ *request, X509 **ret_cert)
{
	STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(request);
	X509 *cert = X509_new();
	int ok = cert && X509_set_version(cert, X509_VERSION_3) &&
	         X509_set_subject_name(cert, X509_REQ_get_subject_name(request)) &&
	         X509_set_pubkey(cert, X509_REQ_get0_pubkey(request));

	for (int i = 0; ok && i < sk_X509_EXTENSION_num(list); i++)
		ok = X509_add_ext(cert, sk_X509_EXTENSION_value(list, i), -1);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	if (!ok) {
		X509_free(cert);
		return SL_ENOMEM;
	}
	*ret_cert = cert;
	return 0;
}

bool pki_request_is_ca(X509_REQ *request)
{
	BASIC_CONSTRAINTS *basic = NULL;
	X509 *cert;
	bool ca = false;

	if (to_certificate(request, &cert) == 0) {
		basic = X509_get_ext_d2i(cert, NID_basic_constraints, NULL, NULL);
		ca = basic && basic->ca;
		X509_free(cert);
	}
	BASIC_CONSTRAINTS_free(basic);
	ERR_clear_error();
	return ca;
}

/* Turns what was asked for, with its dates, into a CA below the issuer. */
static int sign_ca(const struct pki_issuer *issuer, X509 *asked, X509 **ret_cert)
{
	X509 *cert = X509_new();
	int rc = SL_ENOMEM;

	if (cert && X509_set_version(cert, X509_VERSION_3) &&
	    X509_set_subject_name(cert, X509_get_subject_name(asked)) &&
	    X509_set_pubkey(cert, X509_get0_pubkey(asked)) &&
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer->certificate)) &&
	    X509_set1_notBefore(cert, X509_get0_notBefore(asked)) &&
	    X509_set1_notAfter(cert, X509_get0_notAfter(asked)))
		rc = part_set_serial(cert);
	if (rc == 0)
		rc = ca_add_usage(cert, false);
	if (rc == 0)
		rc = part_add_key_ids(cert, issuer->certificate);
	if (rc == 0 && X509_sign(cert, issuer->key, part_digest_for(issuer->key)) <= 0)
		rc = SL_ECRYPTO;
	if (rc != 0) {
		X509_free(cert);
		return rc;
	}
	*ret_cert = cert;
	return 0;
}

static int sign_leaf(const struct pki_issuer *issuer, X509 *asked, X509 **ret_cert)
{
	struct pki_template t;
	X509 *leaf = NULL;
	X509 *cert = NULL;
	int rc = pki_template_read(asked, &t);

	if (rc != 0)
		return rc;
	rc = pki_forge(issuer, &t, X509_get0_pubkey(asked), &leaf);
	pki_template_fini(&t);
	if (rc == 0) {
		cert = X509_dup(leaf); /* read again, for callers that look at its key */
		rc = cert ? 0 : SL_ENOMEM;
	}
	X509_free(leaf);
	if (rc == 0)
		*ret_cert = cert;
	return rc;
}

int pki_request_key(X509_REQ *request, EVP_PKEY **ret_key, struct pki_error *err)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(request);

	ERR_clear_error();
	if (!key || X509_REQ_verify(request, key) != 1)
		return pki_error_set_openssl(err, SL_EMISMATCH, "have it made anew",
		                             "the request is not signed with its own key");
	*ret_key = key;
	return 0;
}

int ca_check_issuer(const struct pki_issuer *issuer, bool ca, int64_t now, struct pki_error *err)
{
	int rc = pki_issuer_check(issuer->certificate, now);

	if (rc == SL_EREFUSED)
		return pki_error_set(err, rc, "make a new one with tps pki make-ca",
		                     "the issuer is expired or not yet valid");
	if (rc != 0)
		return pki_error_set(err, rc, "name a CA that may sign certificates",
		                     "the issuer is no CA");
	if (ca && X509_get_pathlen(issuer->certificate) == 0)
		return pki_error_set(err, SL_EINVAL,
		                     "sign with a root, as tps pki make-ca --root makes it",
		                     "the issuer may not issue CAs (its path length is 0)");
	return 0;
}

int pki_request_sign(const struct pki_issuer *issuer, X509_REQ *request, unsigned days, int64_t now,
                     X509 **ret_certificate, struct pki_error *err)
{
	bool ca = pki_request_is_ca(request);
	X509 *asked = NULL;
	EVP_PKEY *key;
	int rc = pki_request_key(request, &key, err);

	if (rc == 0)
		rc = ca_check_issuer(issuer, ca, now, err);
	if (rc == 0 && to_certificate(request, &asked) != 0)
		rc = pki_error_set_openssl(err, SL_EMALFORMED, "have it made anew",
		                           "the request cannot be read");
	if (rc == 0)
		rc = ca_set_days(asked, days, now, err);
	if (rc == 0) {
		rc = ca ? sign_ca(issuer, asked, ret_certificate)
		        : sign_leaf(issuer, asked, ret_certificate);
		if (rc != 0)
			rc = pki_error_set_openssl(err, rc, "", "it cannot be signed: %s",
			                           err_text(rc));
	}
	X509_free(asked);
	return rc;
}
