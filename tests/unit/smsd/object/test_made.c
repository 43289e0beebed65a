/* SPDX-License-Identifier: Apache-2.0 */
/* Signing certificates, signing requests, and the answers to those. */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/pki/key.h"
#include "smsd/base/moment.h"
#include "tests/unit/smsd/object/desk.h"

#define CERT    OBJECT_CERTIFICATE
#define REQUEST OBJECT_SIGNING_REQUEST

static const char *const units[] = {"One", "Two"};
static const char *const dns[] = {"Proxy.Corp.test", "*.corp.test"};

static struct pki_subject whole_subject(void)
{
	return (struct pki_subject){.common_name = "Corp Inspection",
	                            .email = "tls@corp.test",
	                            .units = units,
	                            .units_count = 2,
	                            .organization = "Corp",
	                            .locality = "Town",
	                            .state = "State",
	                            .country = "NL",
	                            .dns = dns,
	                            .dns_count = 2,
	                            .user = "who@corp.test"};
}

static int make_signing(struct desk *d, const char *name, const struct pki_subject *subject,
                        unsigned days)
{
	return certificate_make_signing(&d->at, &place_actor, name, subject, PKI_KEY_P256, days,
	                                false, d->problem);
}

static int make_request(struct desk *d, const char *name, const struct pki_subject *subject,
                        bool ca)
{
	return certificate_make_request(&d->at, &place_actor, name, subject, PKI_KEY_P256, ca,
	                                false, d->problem);
}

static void a_signing_certificate_has_all_that_was_asked_and_its_key(void **state)
{
	const struct pki_subject subject = whole_subject();
	struct desk *d = *state;
	json_t *shown;
	const char *text;

	assert_int_equal(make_signing(d, "sign", &subject, 365), 0);
	shown = desk_show(d, CERT, "sign");
	text = json_string_value(json_object_get(shown, "subject"));
	assert_string_equal(text, "emailAddress=tls@corp.test,CN=Corp Inspection,OU=Two,OU=One,"
	                          "O=Corp,L=Town,ST=State,C=NL");
	assert_string_equal(json_string_value(json_object_get(shown, "status")), "valid");
	assert_true(json_is_true(json_object_get(shown, "ca")));
	assert_true(json_is_true(json_object_get(shown, "self_signed")));
	assert_in_range(json_integer_value(json_object_get(shown, "days_left")), 364, 365);
	assert_true(json_is_false(json_object_get(json_object_get(shown, "key"), "exportable")));
	json_decref(shown);
	assert_int_equal(place_audited(d->place, "make", "sign"), 1);
}

/* A text of `len` times a character. */
static const char *times(char c, size_t len)
{
	static char texts[32][256]; /* more than the table below has */
	static unsigned turn;
	char *text = texts[turn++ % SL_ARRAY_LEN(texts)];

	memset(text, c, len);
	text[len] = '\0';
	return text;
}

/* Each field at its limit and beyond it: what is refused is refused in words. */
static void each_field_has_its_limit(void **state)
{
	struct desk *d = *state;
	static const char *const bad_wild[] = {"a.*.test"};
	static const char *const inner_wild[] = {"a*.test"};
	static const char *const bare_wild[] = {"*"};
	static const char *const umlaut[] = {"\xc3\xa4.test"};
	char email128[160], email129[160];
	const char *unit64[] = {times('u', 64)}, *unit65[] = {times('u', 65)};
	const char *many_units[PKI_SUBJECT_UNITS_MAX + 1], *many_dns[PKI_SUBJECT_DNS_MAX + 1];
	const struct {
		struct pki_subject subject;
		const char *text; /* NULL: it is taken */
	} fields[] = {
	        {{.common_name = NULL}, "the common name is missing"},
	        {{.common_name = ""}, "the common name is missing"},
	        {{.common_name = times('c', 64)}, NULL},
	        {{.common_name = times('c', 65)}, "the common name '"},
	        {{.common_name = "a\nb"}, "the common name '"},
	        {{.common_name = "\xff"}, "the common name '"},
	        {{.common_name = "a", .organization = times('o', 64)}, NULL},
	        {{.common_name = "a", .organization = times('o', 65)}, "the organization '"},
	        {{.common_name = "a", .locality = times('l', 128)}, NULL},
	        {{.common_name = "a", .locality = times('l', 129)}, "the locality '"},
	        {{.common_name = "a", .state = times('s', 128)}, NULL},
	        {{.common_name = "a", .state = times('s', 129)}, "the state '"},
	        {{.common_name = "a", .units = unit64, .units_count = 1}, NULL},
	        {{.common_name = "a", .units = unit65, .units_count = 1},
	         "the organizational unit '"},
	        {{.common_name = "a", .units = many_units, .units_count = PKI_SUBJECT_UNITS_MAX},
	         NULL},
	        {{.common_name = "a",
	          .units = many_units,
	          .units_count = PKI_SUBJECT_UNITS_MAX + 1},
	         "more than 16 organizational units"},
	        {{.common_name = "a", .dns = many_dns, .dns_count = PKI_SUBJECT_DNS_MAX}, NULL},
	        {{.common_name = "a", .dns = many_dns, .dns_count = PKI_SUBJECT_DNS_MAX + 1},
	         "or 256 DNS names"},
	        {{.common_name = "a", .country = "NL"}, NULL},
	        {{.common_name = "a", .country = "N"}, "the country 'N'"},
	        {{.common_name = "a", .country = "nl"}, "the country 'nl'"},
	        {{.common_name = "a", .country = "NLD"}, "the country 'NLD'"},
	        {{.common_name = "a", .email = email128}, NULL},
	        {{.common_name = "a", .email = email129}, "the email '"},
	        {{.common_name = "a", .email = "nobody"}, "the email 'nobody' is no address"},
	        {{.common_name = "a", .user = "no body@a"}, "is no RFC 822 name"},
	        {{.common_name = "a", .dns = bad_wild, .dns_count = 1},
	         "'a.*.test' is no DNS name"},
	        {{.common_name = "a", .dns = inner_wild, .dns_count = 1},
	         "'a*.test' is no DNS name"},
	        {{.common_name = "a", .dns = bare_wild, .dns_count = 1}, "'*' is no DNS name"},
	        {{.common_name = "a", .dns = umlaut, .dns_count = 1}, "is no DNS name"},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(many_units); i++)
		many_units[i] = "unit";
	for (size_t i = 0; i < SL_ARRAY_LEN(many_dns); i++)
		many_dns[i] = "a.test";
	(void)snprintf(email128, sizeof(email128), "%s@corp.test", times('e', 118));
	(void)snprintf(email129, sizeof(email129), "%s@corp.test", times('e', 119));
	for (size_t i = 0; i < SL_ARRAY_LEN(fields); i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "n%zu", i);
		if (!fields[i].text) {
			assert_int_equal(make_signing(d, name, &fields[i].subject, 1), 0);
			assert_int_equal(make_request(d, name, &fields[i].subject, false), 0);
			continue;
		}
		desk_refused(d, make_signing(d, name, &fields[i].subject, 1), SL_EINVAL, "/subject",
		             fields[i].text);
		desk_refused(d, make_request(d, name, &fields[i].subject, false), SL_EINVAL,
		             "/subject", fields[i].text);
	}
}

static void days_and_names_have_their_limits_too(void **state)
{
	const struct pki_subject subject = {.common_name = "a"};
	struct desk *d = *state;

	desk_refused(d, make_signing(d, "a", &subject, 0), SL_EINVAL, "/subject",
	             "valid for 0 days");
	desk_refused(d, make_signing(d, "a", &subject, PKI_DAYS_MAX + 1), SL_EINVAL, "/subject",
	             "valid for 36501 days");
	desk_refused(d, make_signing(d, "a/b", &subject, 1), SL_EINVAL, "/name",
	             "is not possible as a name");
	desk_refused(d, make_request(d, "", &subject, false), SL_EINVAL, "/name",
	             "is not possible as a name");
	assert_int_equal(make_signing(d, "a", &subject, PKI_DAYS_MAX), 0);
	desk_refused(d, make_signing(d, "a", &subject, 1), SL_EEXIST, "/name",
	             "there is a certificate \"a\" already");
	assert_int_equal(desk_count(d, CERT), 1);
}

/* What the CA outside makes of a request that was exported. */
static struct buf answer(struct desk *d, const char *name)
{
	const struct pki_issuer issuer = {.certificate = d->root, .key = d->root_key};
	struct object object;
	struct buf file;
	struct pki_bytes bytes = {.name = "request", .password = ""};
	struct pki_error err;
	X509_REQ *request;
	X509 *cert;

	buf_init(&file, 65536);
	assert_int_equal(object_get(d->at.store, REQUEST, name, &object, d->problem), 0);
	assert_int_equal(certificate_export(&d->at, &place_actor, &object, CERTIFICATE_PEM, NULL,
	                                    &file, d->problem),
	                 0);
	object_fini(&object);
	assert_null(memmem(file.data, file.len, "PRIVATE", 7));
	bytes.data = file.data;
	bytes.len = file.len;
	assert_int_equal(pki_request_read(&bytes, &request, &err), 0);
	assert_int_equal(
	        pki_request_sign(&issuer, request, 90, moment_now_ms() / 1000, &cert, &err), 0);
	buf_fini(&file);
	assert_int_equal(pki_certificates_add_pem(cert, NULL, &file), 0);
	X509_REQ_free(request);
	X509_free(cert);
	return file;
}

static void an_answer_finds_its_key_by_itself(void **state)
{
	const struct pki_subject subject = {.common_name = "a.test", .dns = dns, .dns_count = 2};
	struct desk *d = *state;
	json_t *shown;

	assert_int_equal(make_request(d, "req", &subject, false), 0);
	assert_string_equal(desk_text(d, REQUEST, "req", "status"), "waiting for its certificate");
	shown = desk_show(d, REQUEST, "req");
	assert_string_equal(json_string_value(json_array_get(json_object_get(shown, "names"), 1)),
	                    "*.corp.test");
	json_decref(shown);
	assert_int_equal(desk_take(d, "web", answer(d, "req"), "web"), 0);
	assert_string_equal(desk_text(d, REQUEST, "req", "status"), "answered");
	assert_string_equal(desk_text(d, CERT, "web", "status"), "no trust anchor");
	assert_int_equal(certificate_delete(&d->at, &place_actor, REQUEST, "req", 1, d->problem),
	                 0);
	assert_string_equal(desk_text(d, CERT, "web", "status"), "no trust anchor");
	assert_int_equal(certificate_delete(&d->at, &place_actor, CERT, "web", 1, d->problem), 0);
}

static void a_key_goes_with_the_last_that_it_is_of(void **state)
{
	const struct pki_subject subject = {.common_name = "a.test"};
	struct desk *d = *state;
	struct buf file;

	assert_int_equal(make_request(d, "req", &subject, false), 0);
	file = answer(d, "req");
	assert_int_equal(certificate_delete(&d->at, &place_actor, REQUEST, "req", 1, d->problem),
	                 0);
	desk_refused(d, desk_take(d, "web", file, ""), SL_ENOENT, "/key",
	             "there is no private key for \"CN=a.test\"");
}

static void a_request_for_a_signing_certificate_gets_one(void **state)
{
	const struct pki_subject subject = {.common_name = "Corp Inspection"};
	struct desk *d = *state;
	json_t *shown;

	assert_int_equal(make_request(d, "req", &subject, true), 0);
	assert_int_equal(desk_take(d, "sign", answer(d, "req"), "sign"), 0);
	shown = desk_show(d, CERT, "sign");
	assert_true(json_is_true(json_object_get(shown, "ca")));
	assert_true(json_is_false(json_object_get(shown, "self_signed")));
	json_decref(shown);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_signing_certificate_has_all_that_was_asked_and_its_key),
	        TEST(each_field_has_its_limit),
	        TEST(days_and_names_have_their_limits_too),
	        TEST(an_answer_finds_its_key_by_itself),
	        TEST(a_key_goes_with_the_last_that_it_is_of),
	        TEST(a_request_for_a_signing_certificate_gets_one),
	};

	return RUN_TESTS(tests);
}
