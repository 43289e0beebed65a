/* SPDX-License-Identifier: Apache-2.0 */
/* Subjects: whether one from outside is sound, and one made of what an administrator typed. */
#include "lib/pki/subject_priv.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/pki/cert.h"

enum value { VALUE_TEXT, VALUE_NUL, VALUE_UNREADABLE };

static enum value look_at(const ASN1_STRING *value)
{
	unsigned char *text = NULL;
	int len = ASN1_STRING_to_UTF8(&text, value);
	bool nul = len > 0 && memchr(text, '\0', (size_t)len);

	OPENSSL_free(text);
	if (len < 0)
		return VALUE_UNREADABLE;
	return nul ? VALUE_NUL : VALUE_TEXT;
}

static bool has(const X509_NAME *subject, enum value what)
{
	for (int i = 0; i < X509_NAME_entry_count(subject); i++)
		if (look_at(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i))) == what)
			return true;
	return false;
}

bool subject_has_nul(const X509_NAME *subject)
{
	return has(subject, VALUE_NUL);
}

bool subject_is_sound(const X509_NAME *subject)
{
	return !has(subject, VALUE_NUL) && !has(subject, VALUE_UNREADABLE);
}

/* ---- the name ---------------------------------------------------------------------------- */

static bool is_given(const char *value)
{
	return value && value[0] != '\0';
}

static bool is_text(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	return true;
}

/* Somebody at a place, in ASCII. */
static bool is_address(const char *value)
{
	const char *at = strchr(value, '@');

	for (const char *c = value; *c; c++)
		if (*c <= ' ' || *c >= 0x7f)
			return false;
	return at && at != value && at[1] != '\0';
}

/* OpenSSL holds values to the bounds of X.520, which are in characters. */
static int add_value(X509_NAME *name, int nid, const char *what, const char *value,
                     struct pki_error *err)
{
	if (!is_given(value))
		return 0;
	if (!is_text(value) ||
	    !X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)value,
	                                (int)strnlen(value, 1024), -1, 0))
		return pki_error_set_openssl(err, SL_EINVAL, "shorten it, and use UTF-8 text only",
		                             "the %s '%.80s' is not possible", what, value);
	return 0;
}

static bool is_country(const char *c)
{
	return strlen(c) == 2 && c[0] >= 'A' && c[0] <= 'Z' && c[1] >= 'A' && c[1] <= 'Z';
}

static int check_subject(const struct pki_subject *s, struct pki_error *err)
{
	if (!is_given(s->common_name))
		return pki_error_set(err, SL_EINVAL, "give one", "the common name is missing");
	if (is_given(s->country) && !is_country(s->country))
		return pki_error_set(err, SL_EINVAL,
		                     "use the two capital letters of ISO 3166, as NL",
		                     "the country '%.80s' is not possible", s->country);
	if (is_given(s->email) && !is_address(s->email))
		return pki_error_set(err, SL_EINVAL, "write it as name@domain, in ASCII",
		                     "the email '%.80s' is no address", s->email);
	if (is_given(s->user) && !is_address(s->user))
		return pki_error_set(err, SL_EINVAL, "write it as name@domain, in ASCII",
		                     "the user '%.80s' is no RFC 822 name", s->user);
	if (s->units_count > PKI_SUBJECT_UNITS_MAX || s->dns_count > PKI_SUBJECT_DNS_MAX)
		return pki_error_set(err, SL_EINVAL, "leave some out",
		                     "more than %d organizational units or %d DNS names",
		                     PKI_SUBJECT_UNITS_MAX, PKI_SUBJECT_DNS_MAX);
	return 0;
}

/* From the country down to the common name, as directories write it. */
int subject_fill_name(const struct pki_subject *s, X509_NAME *name, struct pki_error *err)
{
	int rc = check_subject(s, err);

	if (rc == 0)
		rc = add_value(name, NID_countryName, "country", s->country, err);
	if (rc == 0)
		rc = add_value(name, NID_stateOrProvinceName, "state", s->state, err);
	if (rc == 0)
		rc = add_value(name, NID_localityName, "locality", s->locality, err);
	if (rc == 0)
		rc = add_value(name, NID_organizationName, "organization", s->organization, err);
	for (size_t i = 0; rc == 0 && i < s->units_count; i++)
		rc = add_value(name, NID_organizationalUnitName, "organizational unit", s->units[i],
		               err);
	if (rc == 0)
		rc = add_value(name, NID_commonName, "common name", s->common_name, err);
	if (rc == 0)
		rc = add_value(name, NID_pkcs9_emailAddress, "email", s->email, err);
	return rc;
}

/* ---- alternative names ------------------------------------------------------------------- */

static int push_name(GENERAL_NAMES *names, int type, const char *text)
{
	GENERAL_NAME *n = GENERAL_NAME_new();
	ASN1_IA5STRING *value = ASN1_IA5STRING_new();

	if (!n || !value || !ASN1_STRING_set(value, text, -1)) {
		GENERAL_NAME_free(n);
		ASN1_IA5STRING_free(value);
		return SL_ENOMEM;
	}
	GENERAL_NAME_set0_value(n, type, value);
	if (sk_GENERAL_NAME_push(names, n))
		return 0;
	GENERAL_NAME_free(n);
	return SL_ENOMEM;
}

static int push_dns(GENERAL_NAMES *names, const char *text, struct pki_error *err)
{
	char name[PKI_NAME_MAX];

	if (pki_name_normalise(text, strnlen(text, PKI_NAME_MAX + 1), true, name) != 0)
		return pki_error_set(err, SL_EINVAL,
		                     "write it as www.a.test or *.a.test, international names in "
		                     "their xn-- form",
		                     "'%.80s' is no DNS name", text);
	return push_name(names, GEN_DNS, name) ? pki_error_set(err, SL_ENOMEM, "", "out of memory")
	                                       : 0;
}

int subject_alt_names(const struct pki_subject *s, GENERAL_NAMES **ret_names, struct pki_error *err)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	int rc = names ? 0 : pki_error_set(err, SL_ENOMEM, "", "out of memory");

	for (size_t i = 0; rc == 0 && i < s->dns_count; i++)
		rc = push_dns(names, s->dns[i], err);
	if (rc == 0 && is_given(s->user) && push_name(names, GEN_EMAIL, s->user) != 0)
		rc = pki_error_set(err, SL_ENOMEM, "", "out of memory");
	if (rc != 0 || sk_GENERAL_NAME_num(names) == 0) {
		GENERAL_NAMES_free(names);
		names = NULL;
	}
	if (rc == 0)
		*ret_names = names;
	return rc;
}
