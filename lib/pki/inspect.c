/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate says of itself: names, validity, subject. */
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/pki/cert.h"
#include "lib/pki/crl.h"

enum { LABEL_MAX = 63, DAY_S = 86400 };

/* ---- names ------------------------------------------------------------------------------- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Labels of 1 to 63 bytes with dots between. */
static bool is_dns_name(const char *name)
{
	size_t label = 0;

	for (; *name; name++) {
		if (*name == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (!is_label_char(*name) || ++label > LABEL_MAX) {
			return false;
		}
	}
	return label > 0;
}

int pki_name_normalise(const char *name, size_t len, bool wildcard, char ret_name[PKI_NAME_MAX])
{
	char copy[PKI_NAME_MAX];
	const char *rest = copy;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len >= PKI_NAME_MAX || memchr(name, '\0', len))
		return SL_EMALFORMED;
	for (size_t i = 0; i < len; i++)
		copy[i] = lower(name[i]);
	copy[len] = '\0';
	if (wildcard && strncmp(copy, "*.", 2) == 0)
		rest += 2;
	if (!is_dns_name(rest))
		return SL_EMALFORMED;
	memcpy(ret_name, copy, len + 1);
	return 0;
}

static size_t tell_name(const char *data, int len, pki_name_fn *fn, void *arg)
{
	char name[PKI_NAME_MAX];

	if (len <= 0 || pki_name_normalise(data, (size_t)len, true, name) != 0)
		return 0;
	fn(arg, name);
	return 1;
}

/* false: no DNS name in a subjectAltName at all, so the common name counts. */
static bool tell_alt_names(const X509 *cert, pki_name_fn *fn, void *arg, size_t *ret_count)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool any = false;

	*ret_count = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type != GEN_DNS)
			continue;
		any = true;
		*ret_count += tell_name((const char *)ASN1_STRING_get0_data(n->d.dNSName),
		                        ASN1_STRING_length(n->d.dNSName), fn, arg);
	}
	GENERAL_NAMES_free(names);
	return any;
}

static size_t tell_common_name(const X509 *cert, pki_name_fn *fn, void *arg)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	unsigned char *text = NULL;
	size_t count;
	int last = -1;
	int len;

	for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;)
		last = i;
	if (last < 0)
		return 0;
	len = ASN1_STRING_to_UTF8(&text,
	                          X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
	count = tell_name((const char *)text, len, fn, arg);
	OPENSSL_free(text);
	return count;
}

size_t pki_cert_names(const X509 *cert, pki_name_fn *fn, void *arg)
{
	size_t count;

	if (!tell_alt_names(cert, fn, arg, &count))
		count = tell_common_name(cert, fn, arg);
	ERR_clear_error();
	return count;
}

/* ---- validity ---------------------------------------------------------------------------- */

static int to_epoch(const ASN1_TIME *time, int64_t *ret_epoch)
{
	struct tm tm;

	if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
		return SL_EMALFORMED;
	*ret_epoch = timegm(&tm);
	return 0;
}

/* Whole days, rounded towards the past: half a day over is -1. */
static int whole_days(int64_t seconds)
{
	int64_t days = seconds / DAY_S - (seconds % DAY_S < 0);

	return (int)SL_MAX(SL_MIN(days, INT32_MAX), INT32_MIN);
}

int pki_cert_validity(const X509 *cert, int64_t now, struct pki_validity *ret_validity)
{
	struct pki_validity v = {.status = PKI_VALID};
	int rc = to_epoch(X509_get0_notBefore(cert), &v.not_before);

	if (rc == 0)
		rc = to_epoch(X509_get0_notAfter(cert), &v.not_after);
	ERR_clear_error();
	if (rc != 0)
		return rc;
	v.days_left = whole_days(v.not_after - now);
	if (now < v.not_before) {
		v.status = PKI_NOT_YET_VALID;
		v.days_until = whole_days(v.not_before - now);
	} else if (now > v.not_after) {
		v.status = PKI_EXPIRED;
	}
	*ret_validity = v;
	return 0;
}

int pki_expiry_step(const struct pki_validity *validity)
{
	static const int steps[] = {1, 7, 14, 30};

	if (validity->status == PKI_EXPIRED)
		return 0;
	for (size_t i = 0; i < SL_ARRAY_LEN(steps); i++)
		if (validity->days_left < steps[i])
			return steps[i];
	return -1;
}

const char *pki_status_name(enum pki_status status)
{
	static const char *const names[] = {"valid", "expired", "not yet valid"};

	return (unsigned)status < SL_ARRAY_LEN(names) ? names[status] : "?";
}

/* ---- texts ------------------------------------------------------------------------------- */

/* As much of it as there is room for, in whole characters of UTF-8. */
static size_t fit(const char *data, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)data[max] & 0xc0) == 0x80)
		max--;
	return max;
}

static char *name_text(const X509_NAME *name, char *text)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	long len = 0;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
		len = BIO_get_mem_data(bio, &data);
	(void)snprintf(text, PKI_SUBJECT_MAX, "%.*s",
	               data ? (int)fit(data, (size_t)len, PKI_SUBJECT_MAX - 1) : 0,
	               data ? data : "");
	BIO_free(bio);
	ERR_clear_error();
	return text;
}

char *pki_cert_subject(const X509 *cert, char text[PKI_SUBJECT_MAX])
{
	return name_text(X509_get_subject_name(cert), text);
}

char *pki_cert_issuer(const X509 *cert, char text[PKI_SUBJECT_MAX])
{
	return name_text(X509_get_issuer_name(cert), text);
}

char *pki_crl_issuer(const X509_CRL *crl, char text[PKI_SUBJECT_MAX])
{
	return name_text(X509_CRL_get_issuer(crl), text);
}

char *pki_cert_serial(const X509 *cert, char text[PKI_SERIAL_MAX])
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	const unsigned char *data = ASN1_STRING_get0_data(serial);
	int len = SL_MIN(ASN1_STRING_length(serial), (PKI_SERIAL_MAX - 1) / 2);

	(void)hex_text(data, (size_t)len, text);
	return text;
}
