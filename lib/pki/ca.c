/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and self-signed CAs. */
#include "lib/pki/ca.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/ca_priv.h"
#include "lib/pki/part_priv.h"
#include "lib/pki/subject_priv.h"

enum { DAY_S = 86400 };

/* ---- keys -------------------------------------------------------------------------------- */

const char *pki_key_type_name(enum pki_key_type type)
{
	static const char *const names[] = {
#define X(NAME, name) name,
	        PKI_KEY_TYPES(X)
#undef X
	};

	return (unsigned)type < SL_ARRAY_LEN(names) ? names[type] : NULL;
}

int pki_key_type_parse(const char *name, enum pki_key_type *ret_type)
{
	for (unsigned i = 0; i < PKI_KEY_TYPE_END; i++)
		if (strcmp(name, pki_key_type_name(i)) == 0) {
			*ret_type = i;
			return 0;
		}
	return SL_ENOENT;
}

static EVP_PKEY *make_key(enum pki_key_type type)
{
	switch (type) {
	case PKI_KEY_RSA_2048:
		return EVP_RSA_gen(2048);
	case PKI_KEY_RSA_3072:
		return EVP_RSA_gen(3072);
	case PKI_KEY_RSA_4096:
		return EVP_RSA_gen(4096);
	case PKI_KEY_P256:
		return EVP_EC_gen("P-256");
	case PKI_KEY_P384:
		return EVP_EC_gen("P-384");
	case PKI_KEY_TYPE_END:
		break;
	}
	return NULL;
}

int pki_key_make(enum pki_key_type type, EVP_PKEY **ret_key, struct pki_error *err)
{
	EVP_PKEY *key;

	ERR_clear_error();
	key = make_key(type);
	if (!key)
		return pki_error_set_openssl(err, SL_ECRYPTO, "", "a key cannot be made");
	*ret_key = key;
	return 0;
}

/* ---- certificates ------------------------------------------------------------------------ */

int ca_set_days(X509 *cert, unsigned days, int64_t now, struct pki_error *err)
{
	if (days < 1 || days > PKI_DAYS_MAX)
		return pki_error_set(err, SL_EINVAL, "use 1 to 36500",
		                     "a certificate cannot be valid for %u days", days);
	if (part_set_dates(cert, now - DAY_S, now + (int64_t)days * DAY_S) != 0)
		return pki_error_set(err, SL_ENOMEM, "", "out of memory");
	return 0;
}

/* basicConstraints and keyUsage in DER. */
int ca_add_usage(X509 *cert, bool issues_cas)
{
	static const uint8_t any_depth[] = {0x30, 0x03, 0x01, 0x01, 0xff};
	static const uint8_t depth_0[] = {0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x00};
	static const uint8_t sign[] = {0x03, 0x02, 0x01, 0x06}; /* keyCertSign, cRLSign */
	const uint8_t *basic = issues_cas ? any_depth : depth_0;
	size_t len = issues_cas ? sizeof(any_depth) : sizeof(depth_0);
	int rc = part_add_extension(cert, NID_basic_constraints, true, basic, len);

	return rc ? rc : part_add_extension(cert, NID_key_usage, true, sign, sizeof(sign));
}

static int add_extensions(X509 *cert, GENERAL_NAMES *names, bool issues_cas)
{
	int rc = ca_add_usage(cert, issues_cas);

	if (rc == 0 && names && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) != 1)
		rc = SL_ENOMEM;
	return rc ? rc : part_add_key_ids(cert, NULL);
}

static int fill_in(const struct pki_subject *subject, EVP_PKEY *key, bool issues_cas, X509 *cert,
                   struct pki_error *err)
{
	GENERAL_NAMES *names = NULL;
	int rc = subject_fill_name(subject, X509_get_subject_name(cert), err);

	if (rc == 0)
		rc = subject_alt_names(subject, &names, err);
	if (rc != 0)
		return rc;
	if (!X509_set_version(cert, X509_VERSION_3) || !X509_set_pubkey(cert, key) ||
	    !X509_set_issuer_name(cert, X509_get_subject_name(cert)) ||
	    part_set_serial(cert) != 0 || add_extensions(cert, names, issues_cas) != 0 ||
	    X509_sign(cert, key, part_digest_for(key)) <= 0)
		rc = pki_error_set_openssl(err, SL_ECRYPTO, "", "the certificate cannot be made");
	GENERAL_NAMES_free(names);
	return rc;
}

static int make_ca(const struct pki_subject *subject, enum pki_key_type type, unsigned days,
                   int64_t now, bool issues_cas, struct pki_issuer *ret_ca, struct pki_error *err)
{
	struct pki_issuer ca = {.certificate = X509_new()};
	int rc = ca.certificate ? 0 : pki_error_set(err, SL_ENOMEM, "", "out of memory");

	ERR_clear_error();
	if (rc == 0)
		rc = ca_set_days(ca.certificate, days, now, err);
	if (rc == 0)
		rc = pki_key_make(type, &ca.key, err);
	if (rc == 0)
		rc = fill_in(subject, ca.key, issues_cas, ca.certificate, err);
	if (rc != 0) {
		pki_issuer_fini(&ca);
		return rc;
	}
	*ret_ca = ca;
	return 0;
}

int pki_ca_make(const struct pki_subject *subject, enum pki_key_type type, unsigned days,
                int64_t now, struct pki_issuer *ret_ca, struct pki_error *err)
{
	return make_ca(subject, type, days, now, false, ret_ca, err);
}

int pki_root_make(const struct pki_subject *subject, enum pki_key_type type, unsigned days,
                  int64_t now, struct pki_issuer *ret_ca, struct pki_error *err)
{
	return make_ca(subject, type, days, now, true, ret_ca, err);
}

void pki_issuer_fini(struct pki_issuer *issuer)
{
	X509_free(issuer->certificate);
	EVP_PKEY_free(issuer->key);
	*issuer = (struct pki_issuer){0};
}
