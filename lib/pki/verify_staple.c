/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stapled OCSP response (RFC 6960). The signer is the leaf's issuer or a certificate that the
 * issuer made for it: both are looked at here, since the path to the issuer is known already.
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "lib/pki/cert.h"
#include "lib/pki/verify_priv.h"

enum {
	CLOCKS_APART_S = 300,
	AGE_MAX_S = 7 * 86400, /* of a response that does not say until when it holds */
	SIGNERS_MAX = 4,       /* looked at of those that a response brings along */
};

static bool to_seconds(const ASN1_GENERALIZEDTIME *time, int64_t *ret_seconds)
{
	struct tm tm;

	if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	*ret_seconds = timegm(&tm);
	return true;
}

static bool is_signed_by(OCSP_BASICRESP *response, X509 *signer)
{
	STACK_OF(X509) *signers = sk_X509_new_null();
	bool ok = signers && sk_X509_push(signers, signer) &&
	          OCSP_basic_verify(response, signers, NULL, OCSP_NOINTERN | OCSP_NOVERIFY) == 1;

	sk_X509_free(signers);
	return ok;
}

/* Made by the issuer for OCSP, and in its time (RFC 6960 section 4.2.2.2). */
static bool is_delegate(const struct pki_verify *v, X509 *issuer, X509 *signer)
{
	struct pki_validity validity;
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return key && X509_check_issued(issuer, signer) == X509_V_OK &&
	       (X509_get_extension_flags(signer) & EXFLAG_XKUSAGE) &&
	       (X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) &&
	       pki_cert_validity(signer, v->now, &validity) == 0 && validity.status == PKI_VALID &&
	       !strength_is_weak_digest(signer) && X509_verify(signer, key) == 1;
}

static bool is_authentic(const struct pki_verify *v, X509 *issuer, OCSP_BASICRESP *response)
{
	const STACK_OF(X509) *certs = OCSP_resp_get0_certs(response);

	if (is_signed_by(response, issuer))
		return true;
	for (int i = 0; i < sk_X509_num(certs) && i < SIGNERS_MAX; i++) {
		X509 *signer = sk_X509_value(certs, i);

		if (is_delegate(v, issuer, signer) && is_signed_by(response, signer))
			return true;
	}
	return false;
}

/* `this` to `next` hold now; *ret_until is when they no longer will. */
static bool holds_now(const struct pki_verify *v, const ASN1_GENERALIZEDTIME *this_update,
                      const ASN1_GENERALIZEDTIME *next_update, int64_t *ret_until)
{
	int64_t from;
	int64_t to;

	if (!to_seconds(this_update, &from))
		return false;
	to = from + AGE_MAX_S;
	if (next_update && !to_seconds(next_update, &to))
		return false;
	*ret_until = to;
	return from <= v->now + CLOCKS_APART_S && to >= v->now - CLOCKS_APART_S;
}

/* Responders name a certificate by a digest of their choice. */
static int find_status(const struct pki_verify *v, X509 *issuer, OCSP_BASICRESP *response,
                       ASN1_GENERALIZEDTIME **this_update, ASN1_GENERALIZEDTIME **next_update)
{
	const EVP_MD *const digests[] = {EVP_sha1(), EVP_sha256()};
	int status = V_OCSP_CERTSTATUS_UNKNOWN;
	bool found = false;

	for (size_t i = 0; !found && i < SL_ARRAY_LEN(digests); i++) {
		OCSP_CERTID *id = OCSP_cert_to_id(digests[i], v->leaf, issuer);

		found = id && OCSP_resp_find_status(response, id, &status, NULL, NULL, this_update,
		                                    next_update) == 1;
		OCSP_CERTID_free(id);
	}
	return found ? status : V_OCSP_CERTSTATUS_UNKNOWN;
}

static enum staple read_response(const struct pki_verify *v, X509 *issuer, OCSP_BASICRESP *response,
                                 int64_t *ret_until)
{
	ASN1_GENERALIZEDTIME *this_update = NULL;
	ASN1_GENERALIZEDTIME *next_update = NULL;
	int status = find_status(v, issuer, response, &this_update, &next_update);
	int64_t until;

	if (status == V_OCSP_CERTSTATUS_UNKNOWN ||
	    !holds_now(v, this_update, next_update, &until) || !is_authentic(v, issuer, response))
		return STAPLE_NONE;
	*ret_until = until;
	return status == V_OCSP_CERTSTATUS_REVOKED ? STAPLE_REVOKED : STAPLE_GOOD;
}

enum staple staple_read(const struct pki_verify *v, X509 *issuer, int64_t *ret_until)
{
	const unsigned char *at = v->staple;
	OCSP_RESPONSE *response;
	OCSP_BASICRESP *basic = NULL;
	enum staple staple = STAPLE_NONE;

	if (!v->staple || v->staple_len == 0 || v->staple_len > VERIFY_STAPLE_MAX)
		return STAPLE_NONE;
	response = d2i_OCSP_RESPONSE(NULL, &at, (long)v->staple_len);
	if (response && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
		basic = OCSP_response_get1_basic(response);
	if (basic)
		staple = read_response(v, issuer, basic, ret_until);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	return staple;
}
