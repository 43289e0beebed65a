/* SPDX-License-Identifier: Apache-2.0 */
/* One path from the leaf to a root, as OpenSSL builds it, and the fault that it has. */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "lib/pki/verify_priv.h"

/* ---- faults ------------------------------------------------------------------------------ */

enum pki_fault path_fault_of(int x509_error)
{
	static const struct {
		int error;
		enum pki_fault fault;
	} faults[] = {
	        {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, PKI_FAULT_SELF_SIGNED},
	        {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, PKI_FAULT_UNTRUSTED_ROOT},
	        {X509_V_ERR_CERT_UNTRUSTED, PKI_FAULT_UNTRUSTED_ROOT},
	        {X509_V_ERR_CERT_REJECTED, PKI_FAULT_UNTRUSTED_ROOT},
	        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, PKI_FAULT_UNKNOWN_ISSUER},
	        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, PKI_FAULT_UNKNOWN_ISSUER},
	        {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, PKI_FAULT_UNKNOWN_ISSUER},
	        {X509_V_ERR_CERT_CHAIN_TOO_LONG, PKI_FAULT_UNKNOWN_ISSUER},
	        {X509_V_ERR_SUBJECT_ISSUER_MISMATCH, PKI_FAULT_UNKNOWN_ISSUER},
	        {X509_V_ERR_AKID_SKID_MISMATCH, PKI_FAULT_UNKNOWN_ISSUER},
	        {X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH, PKI_FAULT_UNKNOWN_ISSUER},
	        {X509_V_ERR_CERT_SIGNATURE_FAILURE, PKI_FAULT_BAD_SIGNATURE},
	        {X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, PKI_FAULT_BAD_SIGNATURE},
	        {X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, PKI_FAULT_BAD_SIGNATURE},
	        {X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM, PKI_FAULT_BAD_SIGNATURE},
	        {X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH, PKI_FAULT_BAD_SIGNATURE},
	        {X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY, PKI_FAULT_BAD_SIGNATURE},
	        {X509_V_ERR_CERT_HAS_EXPIRED, PKI_FAULT_EXPIRED},
	        {X509_V_ERR_CERT_NOT_YET_VALID, PKI_FAULT_NOT_YET_VALID},
	        {X509_V_ERR_INVALID_CA, PKI_FAULT_NOT_A_CA},
	        {X509_V_ERR_KEYUSAGE_NO_CERTSIGN, PKI_FAULT_NOT_A_CA},
	        {X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA, PKI_FAULT_NOT_A_CA},
	        {X509_V_ERR_PATH_LENGTH_EXCEEDED, PKI_FAULT_PATH_LENGTH},
	        {X509_V_ERR_PERMITTED_VIOLATION, PKI_FAULT_NAME_CONSTRAINTS},
	        {X509_V_ERR_EXCLUDED_VIOLATION, PKI_FAULT_NAME_CONSTRAINTS},
	        {X509_V_ERR_SUBTREE_MINMAX, PKI_FAULT_NAME_CONSTRAINTS},
	        {X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, PKI_FAULT_NAME_CONSTRAINTS},
	        {X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, PKI_FAULT_NAME_CONSTRAINTS},
	        {X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, PKI_FAULT_NAME_CONSTRAINTS},
	        {X509_V_ERR_INVALID_PURPOSE, PKI_FAULT_PURPOSE},
	        {X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE, PKI_FAULT_PURPOSE},
	        {X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, PKI_FAULT_UNKNOWN_CRITICAL},
	        {X509_V_ERR_CERT_REVOKED, PKI_FAULT_REVOKED},
	        {X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, PKI_FAULT_MALFORMED},
	        {X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD, PKI_FAULT_MALFORMED},
	        {X509_V_ERR_INVALID_EXTENSION, PKI_FAULT_MALFORMED},
	        {X509_V_ERR_INVALID_POLICY_EXTENSION, PKI_FAULT_MALFORMED},
	        {X509_V_ERR_NO_ISSUER_PUBLIC_KEY, PKI_FAULT_MALFORMED},
	        {X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA, PKI_FAULT_MALFORMED},
	        {X509_V_ERR_EC_KEY_EXPLICIT_PARAMS, PKI_FAULT_MALFORMED},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(faults); i++)
		if (faults[i].error == x509_error)
			return faults[i].fault;
	return PKI_FAULT_OTHER;
}

/* Nothing is wrong with the certificate; what is known of its revocation is not enough. */
static bool is_of_crl(int x509_error)
{
	switch (x509_error) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
		return true;
	default:
		return false;
	}
}

static void note(struct path *path, enum pki_fault fault, int depth, int x509_error)
{
	path->fault = fault;
	path->depth = depth;
	path->x509_error = x509_error;
}

/* ---- one path ---------------------------------------------------------------------------- */

/* Dates are noted, the first of them, and verification goes on: what is invalid counts more. */
static int on_error(int ok, X509_STORE_CTX *ctx)
{
	struct path *path = X509_STORE_CTX_get_app_data(ctx);
	int error = X509_STORE_CTX_get_error(ctx);
	int depth = X509_STORE_CTX_get_error_depth(ctx);
	enum pki_fault fault;

	if (ok)
		return 1;
	if (is_of_crl(error)) {
		path->leaf_crl_missing = path->leaf_crl_missing || depth == 0;
		return 1;
	}
	fault = path_fault_of(error);
	if (pki_fault_kind(fault) != PKI_KIND_EXPIRED) {
		note(path, fault, depth, error);
		return 0;
	}
	if (path->fault == PKI_FAULT_NONE)
		note(path, fault, depth, error);
	return 1;
}

static bool is_last(const struct path *path, int depth)
{
	return depth + 1 == sk_X509_num(path->certs);
}

/* Keys of all, digests of all but the root, whose own signature nobody looks at. */
static void check_strength(struct path *path)
{
	for (int i = 0; i < sk_X509_num(path->certs); i++) {
		X509 *cert = sk_X509_value(path->certs, i);
		enum pki_fault fault = strength_of_key(cert);

		if (X509_get_extension_flags(cert) & EXFLAG_INVALID)
			fault = PKI_FAULT_MALFORMED;
		if (fault == PKI_FAULT_NONE && !is_last(path, i) && strength_is_weak_digest(cert))
			fault = PKI_FAULT_WEAK_DIGEST;
		if (fault != PKI_FAULT_NONE) {
			note(path, fault, i, X509_V_OK);
			return;
		}
	}
}

/* What cannot be verified for its digest has that fault, and no other. */
static void tell_digest(struct path *path)
{
	X509 *cert = sk_X509_value(path->certs, path->depth);

	if (path->fault == PKI_FAULT_BAD_SIGNATURE && cert && strength_is_weak_digest(cert))
		path->fault = PKI_FAULT_WEAK_DIGEST;
}

static bool set_up(const struct pki_verify *v, X509_STORE_CTX *ctx, STACK_OF(X509) * untrusted,
                   struct path *path)
{
	X509_VERIFY_PARAM *param;

	if (!X509_STORE_CTX_init(ctx, v->trust, v->leaf, untrusted) ||
	    !X509_STORE_CTX_set_default(ctx, "ssl_server"))
		return false;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)v->now);
	X509_VERIFY_PARAM_set_depth(param, VERIFY_DEPTH_MAX);
	X509_STORE_CTX_set_verify_cb(ctx, on_error);
	return X509_VERIFY_PARAM_set_flags(param,
	                                   X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) &&
	       X509_STORE_CTX_set_app_data(ctx, path);
}

static void note_crl(X509_CRL *crl, int64_t now, struct path *path)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
	struct tm tm;

	if (next && ASN1_TIME_to_tm(next, &tm) == 1 && timegm(&tm) > now)
		path->crl_until = SL_MIN(path->crl_until, timegm(&tm));
}

static void note_crls(X509_STORE_CTX *ctx, int64_t now, struct path *path)
{
	for (int i = 0; i < sk_X509_num(path->certs); i++) {
		X509_NAME *issuer = X509_get_issuer_name(sk_X509_value(path->certs, i));
		STACK_OF(X509_CRL) *crls = X509_STORE_CTX_get1_crls(ctx, issuer);

		for (int j = 0; j < sk_X509_CRL_num(crls); j++)
			note_crl(sk_X509_CRL_value(crls, j), now, path);
		sk_X509_CRL_pop_free(crls, X509_CRL_free);
	}
}

void path_verify(const struct pki_verify *v, STACK_OF(X509) * untrusted, STACK_OF(X509) * roots,
                 struct path *ret_path)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	struct path path = {.fault = PKI_FAULT_NONE, .crl_until = INT64_MAX};

	if (!ctx || !set_up(v, ctx, untrusted, &path)) {
		note(&path, PKI_FAULT_OTHER, 0, X509_V_ERR_OUT_OF_MEM);
		goto out;
	}
	if (roots)
		X509_STORE_CTX_set0_trusted_stack(ctx, roots);
	if (X509_verify_cert(ctx) <= 0 && path.fault == PKI_FAULT_NONE)
		note(&path, path_fault_of(X509_STORE_CTX_get_error(ctx)),
		     X509_STORE_CTX_get_error_depth(ctx), X509_STORE_CTX_get_error(ctx));
	path.certs = X509_STORE_CTX_get1_chain(ctx);
	note_crls(ctx, v->now, &path);
	tell_digest(&path);
	if (pki_fault_kind(path.fault) != PKI_KIND_INVALID)
		check_strength(&path);
out:
	X509_STORE_CTX_free(ctx);
	*ret_path = path;
}

/* Not to have a CRL is no fault, to be on one is. */
static int on_error_but_crl(int ok, X509_STORE_CTX *ctx)
{
	return ok || is_of_crl(X509_STORE_CTX_get_error(ctx));
}

bool pki_chain_leads_to(X509_STORE *trust, X509 *leaf, STACK_OF(X509) * chain)
{
	const unsigned long flags = X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN |
	                            X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool ok = false;

	if (ctx && X509_STORE_CTX_init(ctx, trust, leaf, chain)) {
		X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), flags);
		X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
		X509_STORE_CTX_set_verify_cb(ctx, on_error_but_crl);
		ok = X509_verify_cert(ctx) == 1;
	}
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

void path_fini(struct path *path)
{
	sk_X509_pop_free(path->certs, X509_free);
	path->certs = NULL;
}
