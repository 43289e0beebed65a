/* SPDX-License-Identifier: Apache-2.0 */
/* One verdict on what a server shows, from all that looks at it. */
#include "lib/pki/verify.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/pki/cert.h"
#include "lib/pki/subject_priv.h"
#include "lib/pki/verify_priv.h"

/* ---- the table --------------------------------------------------------------------------- */

static const struct fault_row {
	const char *name;
	const char *text;
	enum pki_fault_kind kind;
} rows[PKI_FAULT_END] = {
        [PKI_FAULT_NONE] = {"none", "it verifies", PKI_KIND_NONE},
#define X(NAME, name, kind, text) [PKI_FAULT_##NAME] = {#name, text, PKI_KIND_##kind},
#include "lib/pki/fault.def"
#undef X
};

static const struct fault_row *row_of(enum pki_fault fault)
{
	return &rows[(unsigned)fault < PKI_FAULT_END ? fault : PKI_FAULT_OTHER];
}

const char *pki_fault_name(enum pki_fault fault)
{
	return row_of(fault)->name;
}

const char *pki_fault_text(enum pki_fault fault)
{
	return row_of(fault)->text;
}

enum pki_fault_kind pki_fault_kind(enum pki_fault fault)
{
	return row_of(fault)->kind;
}

/* ---- the parts --------------------------------------------------------------------------- */

static bool is_own(const struct pki_verify *v, const X509 *cert)
{
	uint8_t id[32];

	if (v->own_keys_count == 0 || pki_cert_key_id(cert, id) != 0)
		return false;
	for (size_t i = 0; i < v->own_keys_count; i++)
		if (memcmp(v->own_keys[i], id, sizeof(id)) == 0)
			return true;
	return false;
}

/* Where the first stands that has one of our keys, -1: nowhere. */
static int find_own(const struct pki_verify *v, STACK_OF(X509) * certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (is_own(v, sk_X509_value(certs, i)))
			return i;
	return -1;
}

static int find_short(const struct pki_verify *v, STACK_OF(X509) * certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (strength_is_short(sk_X509_value(certs, i), v->minimum_key_length))
			return i;
	return -1;
}

/* The verdict may change at `time`. */
static void until(const struct pki_verify *v, int64_t time, struct pki_verdict *verdict)
{
	if (time > v->now)
		verdict->until = SL_MIN(verdict->until, time);
}

static void tell(struct pki_verdict *verdict, enum pki_fault fault, int depth)
{
	verdict->fault = fault;
	verdict->depth = depth;
	verdict->x509_error = X509_V_OK;
}

/* What is wrong with what was shown, whatever path there is. */
static bool check_shown(const struct pki_verify *v, STACK_OF(X509) * shown,
                        struct pki_verdict *verdict)
{
	bool malformed = (X509_get_extension_flags(v->leaf) & EXFLAG_INVALID) ||
	                 subject_has_nul(X509_get_subject_name(v->leaf));

	if (find_own(v, shown) >= 0)
		tell(verdict, PKI_FAULT_OWN_CERTIFICATE, find_own(v, shown));
	else
		tell(verdict, malformed ? PKI_FAULT_MALFORMED : names_check_shape(v->leaf), 0);
	return verdict->fault == PKI_FAULT_NONE;
}

static bool is_invalid(const struct path *path)
{
	return pki_fault_kind(path->fault) == PKI_KIND_INVALID;
}

/* OpenSSL passes over issuers that it cannot read, as if they were not there. */
static int find_malformed(STACK_OF(X509) * certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (X509_get_extension_flags(sk_X509_value(certs, i)) & EXFLAG_INVALID)
			return i;
	return -1;
}

static void tell_path(const struct path *path, STACK_OF(X509) * shown, struct pki_verdict *verdict)
{
	int malformed = find_malformed(shown);

	if (path->fault == PKI_FAULT_UNKNOWN_ISSUER && malformed > 0) {
		tell(verdict, PKI_FAULT_MALFORMED, malformed);
		return;
	}
	verdict->fault = path->fault;
	verdict->depth = path->depth;
	verdict->x509_error = path->x509_error;
}

static enum staple read_staple(const struct pki_verify *v, const struct path *path,
                               struct pki_verdict *verdict)
{
	X509 *issuer = sk_X509_value(path->certs, 1);
	int64_t next = 0;
	enum staple staple = issuer ? staple_read(v, issuer, &next) : STAPLE_NONE;

	until(v, next, verdict);
	return staple;
}

/* In the order in which faults are told: all that is invalid, then dates, then what is unknown. */
static void judge(const struct pki_verify *v, STACK_OF(X509) * shown, const struct path *path,
                  struct pki_verdict *verdict)
{
	int own = find_own(v, path->certs);
	int too_short = find_short(v, shown);
	enum staple staple = STAPLE_NONE;

	if (!is_invalid(path))
		staple = read_staple(v, path, verdict);
	if (own >= 0)
		tell(verdict, PKI_FAULT_OWN_CERTIFICATE, own);
	else if (is_invalid(path))
		tell_path(path, shown, verdict);
	else if (too_short >= 0)
		tell(verdict, PKI_FAULT_SHORT_KEY, too_short);
	else if (v->name[0] != '\0' && !names_match(v->leaf, v->name))
		tell(verdict, PKI_FAULT_NAME_MISMATCH, 0);
	else if (staple == STAPLE_REVOKED)
		tell(verdict, PKI_FAULT_REVOKED, 0);
	else if (path->fault != PKI_FAULT_NONE)
		tell_path(path, shown, verdict);
	else if (v->revocation_required && path->leaf_crl_missing && staple != STAPLE_GOOD)
		tell(verdict, PKI_FAULT_REVOCATION_UNKNOWN, 0);
	else
		tell(verdict, PKI_FAULT_NONE, 0);
}

static void until_dates(const struct pki_verify *v, STACK_OF(X509) * certs,
                        struct pki_verdict *verdict)
{
	struct pki_validity validity;

	for (int i = 0; i < sk_X509_num(certs); i++) {
		if (pki_cert_validity(sk_X509_value(certs, i), v->now, &validity) != 0)
			continue;
		until(v, validity.not_before, verdict);
		until(v, validity.not_after, verdict);
	}
}

/* ---- the verdict ------------------------------------------------------------------------- */

/* The leaf and what was shown behind it, within bounds; nothing is counted. */
static STACK_OF(X509) * list_shown(const struct pki_verify *v)
{
	STACK_OF(X509) *shown = sk_X509_new_null();
	bool ok = shown && sk_X509_push(shown, v->leaf);

	for (int i = 0; ok && i < sk_X509_num(v->chain) && i < VERIFY_SHOWN_MAX; i++)
		ok = sk_X509_push(shown, sk_X509_value(v->chain, i));
	if (ok)
		return shown;
	sk_X509_free(shown);
	return NULL;
}

void pki_verify_chain(const struct pki_verify *v, struct pki_verdict *ret)
{
	struct pki_verdict verdict = {.fault = PKI_FAULT_OTHER, .until = INT64_MAX};
	struct pki_verify at = *v;
	STACK_OF(X509) *shown = list_shown(v);
	struct path path;

	if (at.now == 0)
		at.now = time(NULL);
	if (shown && check_shown(&at, shown, &verdict)) {
		path_find(&at, shown, &path);
		judge(&at, shown, &path, &verdict);
		until(&at, path.crl_until, &verdict);
		until_dates(&at, path.certs, &verdict);
		path_fini(&path);
	}
	if (shown)
		until_dates(&at, shown, &verdict);
	sk_X509_free(shown);
	ERR_clear_error();
	*ret = verdict;
}

/* ---- prints ------------------------------------------------------------------------------ */

static int add_to_print(EVP_MD_CTX *ctx, X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	int ok = len > 0 && EVP_DigestUpdate(ctx, der, (size_t)len) == 1;

	OPENSSL_free(der);
	return ok ? 0 : SL_ECRYPTO;
}

int pki_chain_print(X509 *leaf, STACK_OF(X509) * chain, uint8_t ret_print[PKI_PRINT_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 ? 0 : SL_ECRYPTO;

	if (rc == 0)
		rc = add_to_print(ctx, leaf);
	for (int i = 0; rc == 0 && i < sk_X509_num(chain); i++)
		rc = add_to_print(ctx, sk_X509_value(chain, i));
	if (rc == 0 && EVP_DigestFinal_ex(ctx, ret_print, NULL) != 1)
		rc = SL_ECRYPTO;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}
