/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making leaves. `keys` runs this with values that come from a worker, and through it from a
 * server outside: both are parsed to their last byte and made anew, nothing is passed through.
 */
#include "lib/pki/forge.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/base/err.h"
#include "lib/pki/alt_names_priv.h"
#include "lib/pki/cert.h"
#include "lib/pki/part_priv.h"
#include "lib/pki/subject_priv.h"

/* ---- issuers ----------------------------------------------------------------------------- */

/* A CA with an extended key usage issues for those uses only, for browsers at least. */
static bool may_issue_servers(X509 *ca)
{
	uint32_t usage = X509_get_extended_key_usage(ca);

	return X509_check_ca(ca) == 1 && (X509_get_key_usage(ca) & KU_KEY_CERT_SIGN) &&
	       (usage & (XKU_SSL_SERVER | XKU_ANYEKU));
}

int pki_issuer_check(const X509 *certificate, int64_t now)
{
	struct pki_validity validity;
	bool ok = may_issue_servers((X509 *)(uintptr_t)certificate);
	int rc = pki_cert_validity(certificate, now, &validity);

	ERR_clear_error();
	if (!ok || rc != 0)
		return SL_EINVAL;
	return validity.status == PKI_VALID ? 0 : SL_EREFUSED;
}

/* ---- the parts of a leaf ----------------------------------------------------------------- */

/*
 * Within the original's dates and the issuer's. Where these have no day in common (a site that
 * expired before our CA was made), the original's: its client should see that it expired.
 */
static int set_dates(X509 *leaf, const X509 *issuer, const struct pki_template *t)
{
	struct pki_validity v;
	int64_t from;
	int64_t to;

	if (pki_cert_validity(issuer, 0, &v) != 0)
		return SL_EINVAL;
	from = SL_MAX(t->not_before, v.not_before);
	to = SL_MIN(t->not_after, v.not_after);
	if (from > to) {
		from = t->not_before;
		to = t->not_after;
	}
	return part_set_dates(leaf, from, to);
}

/* Entry by entry, so that what was BER becomes DER. */
static int copy_subject(X509_NAME *to, const X509_NAME *from)
{
	int last = -1;

	for (int i = 0; i < X509_NAME_entry_count(from); i++) {
		X509_NAME_ENTRY *entry = X509_NAME_get_entry(from, i);
		int set = X509_NAME_ENTRY_set(entry);

		if (!X509_NAME_add_entry(to, entry, -1, set == last ? -1 : 0))
			return SL_ENOMEM;
		last = set;
	}
	return 0;
}

static int set_subject(X509 *leaf, const struct pki_template *t)
{
	const unsigned char *at = t->subject;
	X509_NAME *name;
	int rc = SL_EMALFORMED;

	if (t->subject_len > PKI_SUBJECT_DER_MAX)
		return SL_ELIMIT;
	if (t->subject_len == 0)
		return 0;
	name = d2i_X509_NAME(NULL, &at, (long)t->subject_len);
	if (name && at == t->subject + t->subject_len && subject_is_sound(name))
		rc = copy_subject(X509_get_subject_name(leaf), name);
	X509_NAME_free(name);
	return rc;
}

static int add_alt_names(X509 *leaf, const struct pki_template *t)
{
	bool critical = X509_NAME_entry_count(X509_get_subject_name(leaf)) == 0;
	struct reader names;
	struct alt_name name;

	if (t->alt_names_len > PKI_ALT_NAMES_DER_MAX)
		return SL_ELIMIT;
	if (t->alt_names_len == 0)
		return 0;
	if (alt_names_open(t->alt_names, t->alt_names_len, &names) != 0)
		return SL_EMALFORMED;
	while (alt_names_next(&names, &name))
		if (!alt_name_is_sound(&name))
			return SL_EMALFORMED;
	if (names.failed)
		return SL_EMALFORMED;
	return part_add_extension(leaf, NID_subject_alt_name, critical, t->alt_names,
	                          t->alt_names_len);
}

/* basicConstraints, keyUsage and extKeyUsage as they stand in every leaf, in DER. */
static int add_usage(X509 *leaf, const EVP_PKEY *key)
{
	static const uint8_t no_ca[] = {0x30, 0x00};
	static const uint8_t sign[] = {0x03, 0x02, 0x07, 0x80};
	static const uint8_t sign_encipher[] = {0x03, 0x02, 0x05, 0xa0};
	static const uint8_t server[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06,
	                                 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
	const uint8_t *usage = EVP_PKEY_is_a(key, "RSA") ? sign_encipher : sign;
	int rc = part_add_extension(leaf, NID_basic_constraints, true, no_ca, sizeof(no_ca));

	if (rc == 0)
		rc = part_add_extension(leaf, NID_key_usage, true, usage, sizeof(sign));
	if (rc == 0)
		rc = part_add_extension(leaf, NID_ext_key_usage, false, server, sizeof(server));
	return rc;
}

/* ---- the leaf ---------------------------------------------------------------------------- */

static int fill_in(X509 *leaf, const struct pki_issuer *issuer, const struct pki_template *t,
                   EVP_PKEY *key)
{
	int rc = part_set_serial(leaf);

	if (rc == 0)
		rc = set_dates(leaf, issuer->certificate, t);
	if (rc == 0)
		rc = set_subject(leaf, t);
	if (rc == 0)
		rc = part_set_key(leaf, key);
	if (rc == 0 && (!X509_set_version(leaf, X509_VERSION_3) ||
	                !X509_set_issuer_name(leaf, X509_get_subject_name(issuer->certificate))))
		rc = SL_ECRYPTO;
	if (rc == 0)
		rc = add_usage(leaf, key);
	if (rc == 0)
		rc = add_alt_names(leaf, t);
	if (rc == 0)
		rc = part_add_key_ids(leaf, issuer->certificate);
	return rc;
}

int pki_forge(const struct pki_issuer *issuer, const struct pki_template *t, EVP_PKEY *key,
              X509 **ret_leaf)
{
	X509 *leaf = X509_new();
	int rc = leaf ? fill_in(leaf, issuer, t, key) : SL_ENOMEM;

	if (rc == 0 && X509_sign(leaf, issuer->key, part_digest_for(issuer->key)) <= 0)
		rc = SL_ECRYPTO;
	if (rc == 0 && i2d_X509(leaf, NULL) > PKI_LEAF_DER_MAX)
		rc = SL_ELIMIT;
	ERR_clear_error();
	if (rc != 0) {
		X509_free(leaf);
		return rc;
	}
	*ret_leaf = leaf;
	return 0;
}
