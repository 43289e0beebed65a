/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/pki/key.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/smsd/object/desk.h"

#define CERT OBJECT_CERTIFICATE
#define CA   OBJECT_CA_CERTIFICATE

static int import_as(struct desk *d, enum object_kind kind, const struct certificate_import *import)
{
	json_t *made = NULL;
	int rc = kind == CA ? certificate_import_ca(&d->at, &place_actor, import, &made, d->problem)
	                    : certificate_import(&d->at, &place_actor, import, &made, d->problem);

	json_decref(made);
	return rc;
}

/* ---- what is taken ----------------------------------------------------------------------- */

static void a_chain_comes_apart_into_a_certificate_and_its_issuers(void **state)
{
	struct desk *d = *state;
	json_t *shown;

	assert_int_equal(desk_take(d, "web",
	                           desk_pem(d->leaf_key, NULL, d->leaf, d->root, d->middle, NULL),
	                           "web"),
	                 0);
	assert_int_equal(desk_count(d, CERT), 1);
	assert_int_equal(desk_count(d, CA), 2);
	assert_string_equal(desk_text(d, CERT, "web", "status"), "valid");
	assert_string_equal(desk_text(d, CA, "Desk Root", "status"), "valid");
	assert_string_equal(desk_text(d, CA, "Desk Middle", "issuer"), "CN=Desk Root");
	shown = desk_show(d, CERT, "web");
	assert_string_equal(json_string_value(json_object_get(shown, "subject")), "CN=a.test");
	assert_string_equal(json_string_value(json_array_get(json_object_get(shown, "names"), 1)),
	                    "*.b.test");
	assert_true(json_is_true(json_object_get(json_object_get(shown, "key"), "exportable")));
	assert_true(json_is_false(json_object_get(shown, "ca")));
	json_decref(shown);
	assert_int_equal(place_audited(d->place, "import", "web"), 1);
	assert_int_equal(place_audited(d->place, "import", "Desk Root"), 1);
}

static void issuers_that_are_here_are_not_made_again(void **state)
{
	struct desk *d = *state;

	assert_int_equal(
	        desk_take(d, "web", desk_pem(d->leaf_key, NULL, d->leaf, d->middle, NULL), "web"),
	        0);
	assert_int_equal(
	        desk_take(d, "mail",
	                  desk_pem(d->second_key, NULL, d->second, d->middle, d->root, NULL),
	                  "mail"),
	        0);
	assert_int_equal(desk_count(d, CA), 2);
}

static void an_issuer_whose_name_is_taken_gets_a_number(void **state)
{
	struct desk *d = *state;
	X509 *twin = make_ca(d->root_key, "Desk Root", NULL, NULL, -1, 50);

	assert_int_equal(
	        desk_take_ca(d, "Desk Root", desk_pem(NULL, NULL, twin, NULL), "Desk Root"), 0);
	assert_int_equal(desk_take(d, "web",
	                           desk_pem(d->leaf_key, NULL, d->leaf, d->middle, d->root, NULL),
	                           "web"),
	                 0);
	assert_string_equal(desk_text(d, CA, "Desk Root 2", "subject"), "CN=Desk Root");
	X509_free(twin);
}

static void several_of_one_file_go_by_base_name_and_alias(void **state)
{
	struct desk *d = *state;
	struct buf same = desk_pkcs12("secret", d->leaf_key, d->old, "x", d->middle_key, d->middle,
	                              "x", d->root);

	assert_int_equal(desk_take(d, "shop",
	                           desk_pkcs12("secret", d->leaf_key, d->leaf, "a: \xc3\xa4/b",
	                                       d->second_key, d->second, NULL, d->middle),
	                           "shop_a_ __b,shop_2"),
	                 0);
	assert_int_equal(desk_take(d, "y", same, "y_x,y_x_2"), 0);
}

static void a_certificate_without_its_chain_has_no_trust_anchor_until_it_comes(void **state)
{
	struct desk *d = *state;

	assert_int_equal(desk_take(d, "web", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "web"), 0);
	assert_string_equal(desk_text(d, CERT, "web", "status"), "no trust anchor");
	assert_int_equal(desk_take_ca(d, "m", desk_pem(NULL, NULL, d->middle, NULL), "m"), 0);
	assert_string_equal(desk_text(d, CERT, "web", "status"), "no trust anchor");
	assert_string_equal(desk_text(d, CA, "m", "status"), "no trust anchor");
	assert_int_equal(desk_take_ca(d, "r", desk_pem(NULL, NULL, d->root, NULL), "r"), 0);
	assert_string_equal(desk_text(d, CERT, "web", "status"), "valid");
	assert_string_equal(desk_text(d, CA, "m", "status"), "valid");
}

static void dates_are_told_as_they_are_now(void **state)
{
	struct desk *d = *state;
	X509 *later = make_cert(d->leaf_key, "l.test", NULL, d->root, d->root_key, 5, 20);

	assert_int_equal(desk_take(d, "old",
	                           desk_pem(d->leaf_key, NULL, d->old, d->middle, d->root, NULL),
	                           "old"),
	                 0);
	assert_int_equal(desk_take(d, "later", desk_pem(d->leaf_key, NULL, later, NULL), "later"),
	                 0);
	assert_string_equal(desk_text(d, CERT, "old", "status"), "expired");
	assert_string_equal(desk_text(d, CERT, "later", "status"), "not yet valid");
	place_wait(10 * 86400);
	assert_string_equal(desk_text(d, CERT, "later", "status"), "valid");
	X509_free(later);
}

static void ca_certificates_come_without_keys_and_with_numbers(void **state)
{
	struct desk *d = *state;
	struct buf p12 =
	        desk_pkcs12("secret", d->middle_key, d->middle, NULL, NULL, NULL, NULL, d->root);

	assert_int_equal(desk_take_ca(d, "corp",
	                              desk_pem(d->root_key, NULL, d->root, d->root, NULL), "corp"),
	                 0);
	assert_int_equal(place_audited(d->place, "import", "corp"), 1);
	assert_int_equal(desk_take_ca(d, "all", p12, ""), SL_EEXIST);
	desk_refused(d, SL_EEXIST, SL_EEXIST, "/file",
	             "this certificate is here already, under the name \"corp\"");
	assert_int_equal(desk_count(d, CA), 1);
	assert_int_equal(desk_take_ca(d, "two", desk_pem(NULL, NULL, d->middle, d->foreign, NULL),
	                              "two 1,two 2"),
	                 0);
}

static void keys_are_in_the_vault_only(void **state)
{
	struct desk *d = *state;
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(d->leaf_key, &der);
	uint8_t id[VAULT_ID_SIZE];

	assert_int_equal(desk_take(d, "web", desk_pem(d->leaf_key, "secret", d->leaf, NULL), "web"),
	                 0);
	assert_int_equal(pki_key_id(d->leaf_key, id), 0);
	assert_int_equal(vault_check(d->vault, id), 0);
	assert_false(place_has_bytes(d->place, der + 7, 32));
	assert_false(place_has_text(d->place, "PRIVATE KEY"));
	assert_false(place_has_text(d->place, "nobody knows this"));
	assert_true(len > 39);
	OPENSSL_free(der);
}

/* ---- what is refused --------------------------------------------------------------------- */

static void names_are_those_that_a_device_takes(void **state)
{
	static char long64[] = "a123456789b123456789c123456789d123456789e123456789f123456789abcd";
	static char long65[] = "a123456789b123456789c123456789d123456789e123456789f123456789abcde";
	static char long128[129], long129[130];
	static const struct {
		enum object_kind kind;
		const char *name;
		const char *text; /* NULL: it is taken */
	} names[] = {
	        {CERT, "", "\"\" is not possible as a name"},
	        {CERT, " a", "\" a\" is not possible as a name"},
	        {CERT, "a ", "\"a \" is not possible as a name"},
	        {CERT, "a/b", "\"a/b\" is not possible as a name"},
	        {CERT, "a\nb", "is not possible as a name"},
	        {CERT, "\xc3\xa4", "is not possible as a name"},
	        {CERT, "*.a.test", "\"*.a.test\" is not possible as a name"},
	        {CERT, long129, "a name has at most 128 characters"},
	        {CERT, long128, NULL},
	        {CA, "ca", "the name \"ca\" is reserved"},
	        {CA, "a.b", "\"a.b\" is not possible as a name"},
	        {CA, long65, "a name has at most 64 characters"},
	        {CA, long64, NULL},
	};
	struct desk *d = *state;
	struct buf cert = desk_pem(d->leaf_key, NULL, d->leaf, NULL);
	struct buf ca = desk_pem(NULL, NULL, d->root, NULL);

	memset(long128, 'a', 128);
	memset(long129, 'a', 129);
	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
		const struct certificate_import import =
		        desk_import(names[i].name, names[i].kind == CA ? &ca : &cert, NULL, "");
		int rc = import_as(d, names[i].kind, &import);

		if (names[i].text)
			desk_refused(d, rc, SL_EINVAL, "/name", names[i].text);
		else
			assert_int_equal(rc, 0);
	}
	buf_fini(&cert);
	buf_fini(&ca);
}

static void files_that_are_wrong_are_refused_at_their_place(void **state)
{
	struct desk *d = *state;
	struct buf leaf = desk_pem(NULL, NULL, d->leaf, NULL);
	struct buf root = desk_pem(NULL, NULL, d->root, NULL);
	struct buf order = desk_pem(d->leaf_key, NULL, d->middle, d->leaf, NULL);
	struct buf strange = desk_pem(d->leaf_key, NULL, d->leaf, d->foreign, NULL);
	struct buf other = desk_pem(d->second_key, NULL, NULL);
	struct buf locked = desk_pem(d->leaf_key, "secret", NULL);
	struct buf p12 = desk_pkcs12("secret", d->leaf_key, d->leaf, NULL, NULL, NULL, NULL, NULL);
	struct buf empty = {0};
	struct buf junk = {.data = (uint8_t *)(uintptr_t) "junk", .len = 4};
	const struct {
		enum object_kind kind;
		const struct buf *file, *key;
		const char *password;
		int code;
		const char *pointer, *text;
	} wrong[] = {
	        {CERT, &empty, NULL, "", SL_EMALFORMED, "/file", "the file is empty"},
	        {CERT, &junk, NULL, "", SL_EMALFORMED, "/file", "a certificate cannot be read"},
	        {CERT, &leaf, NULL, "", SL_ENOENT, "/key",
	         "there is no private key for \"CN=a.test\""},
	        {CERT, &root, NULL, "", SL_ENOENT, "/key",
	         "\"CN=Desk Root\" is a CA certificate without a private key"},
	        {CERT, &leaf, &other, "", SL_EMISMATCH, "/key",
	         "the key file: this is not the key of the certificate the file"},
	        {CERT, &leaf, &locked, "", SL_EPERM, "/password",
	         "the key is encrypted, and no password is given"},
	        {CERT, &leaf, &locked, "guess", SL_EPERM, "/password",
	         "the password does not open this key"},
	        {CERT, &leaf, &junk, "", SL_EMALFORMED, "/key", "no private key can be read"},
	        {CERT, &p12, NULL, "guess", SL_EPERM, "/password",
	         "the password does not open this PKCS12 file"},
	        {CERT, &p12, &locked, "secret", SL_EINVAL, "/key",
	         "the key of a PKCS12 file is in that file"},
	        {CERT, &order, NULL, "", SL_EMISMATCH, "/file",
	         "the key is of the certificate number 2, which has to be the first"},
	        {CERT, &strange, NULL, "", SL_EMISMATCH, "/file",
	         "\"CN=Foreign: Root\" in the file is not of the chain of any certificate in it"},
	        {CA, &leaf, NULL, "", SL_EINVAL, "/file", "\"CN=a.test\" is no CA certificate"},
	        {CA, &p12, NULL, "secret", SL_EINVAL, "/file", "is no CA certificate"},
	        {CA, &junk, NULL, "", SL_EMALFORMED, "/file", "a certificate cannot be read"},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
		const struct certificate_import import =
		        desk_import("x", wrong[i].file, wrong[i].key, wrong[i].password);

		desk_refused(d, import_as(d, wrong[i].kind, &import), wrong[i].code,
		             wrong[i].pointer, wrong[i].text);
	}
	assert_int_equal(desk_count(d, CERT) + desk_count(d, CA), 0);
	buf_fini(&leaf);
	buf_fini(&root);
	buf_fini(&order);
	buf_fini(&strange);
	buf_fini(&other);
	buf_fini(&locked);
	buf_fini(&p12);
}

static void what_is_too_large_is_refused_before_it_is_read(void **state)
{
	struct desk *d = *state;
	static char password[CERTIFICATE_PASSWORD_MAX + 2], comment[OBJECT_COMMENT_MAX + 2];
	struct buf file = desk_pem(d->leaf_key, NULL, d->leaf, NULL);
	struct certificate_import import = desk_import("x", &file, NULL, "");

	memset(password, 'p', sizeof(password) - 1);
	memset(comment, 'c', sizeof(comment) - 1);
	import.file_len = CERTIFICATE_FILE_MAX + 1;
	desk_refused(d, import_as(d, CERT, &import), SL_ELIMIT, "/file", "larger than 4 MiB");
	import = desk_import("x", &file, &file, "");
	import.key_len = CERTIFICATE_FILE_MAX + 1;
	desk_refused(d, import_as(d, CERT, &import), SL_ELIMIT, "/key", "larger than 4 MiB");
	import = desk_import("x", &file, NULL, password);
	desk_refused(d, import_as(d, CERT, &import), SL_EINVAL, "/password", "at most 1023 bytes");
	import = desk_import("x", &file, NULL, "");
	import.comment = comment;
	desk_refused(d, import_as(d, CERT, &import), SL_EINVAL, "/comment", "at most 256 bytes");
	import.comment = "two\nlines";
	desk_refused(d, import_as(d, CERT, &import), SL_EINVAL, "/comment", "control character");
	comment[OBJECT_COMMENT_MAX] = '\0';
	password[CERTIFICATE_PASSWORD_MAX] = '\0';
	import.comment = comment;
	import.password = password;
	assert_int_equal(import_as(d, CERT, &import), 0);
	buf_fini(&file);
}

static void an_import_is_taken_whole_or_not_at_all(void **state)
{
	struct desk *d = *state;
	uint8_t id[VAULT_ID_SIZE];
	bool exportable;

	assert_int_equal(
	        desk_take(d, "shop_b", desk_pem(d->middle_key, NULL, d->middle, NULL), "shop_b"),
	        0);
	assert_int_equal(desk_take(d, "shop",
	                           desk_pkcs12("secret", d->leaf_key, d->leaf, "a", d->second_key,
	                                       d->second, "b", NULL),
	                           ""),
	                 SL_EEXIST);
	desk_refused(d, SL_EEXIST, SL_EEXIST, "/name", "there is a certificate \"shop_b\" already");
	assert_int_equal(desk_count(d, CERT), 1);
	assert_int_equal(pki_key_id(d->leaf_key, id), 0);
	assert_int_equal(vault_has(d->at.store, id, &exportable), SL_ENOENT);
}

static void the_same_certificate_twice_is_refused_by_the_name_it_has(void **state)
{
	struct desk *d = *state;

	assert_int_equal(desk_take(d, "web", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "web"), 0);
	desk_refused(d, desk_take(d, "other", desk_pem(d->leaf_key, NULL, d->leaf, NULL), ""),
	             SL_EEXIST, "/file",
	             "this certificate is here already, under the name \"web\"");
	desk_refused(d, desk_take(d, "web", desk_pem(d->second_key, NULL, d->second, NULL), ""),
	             SL_EEXIST, "/name", "there is a certificate \"web\" already");
}

static void more_ca_certificates_than_a_file_may_have_are_refused(void **state)
{
	struct desk *d = *state;
	struct buf file;

	buf_init(&file, 1024 * 1024);
	for (int i = 0; i <= CERTIFICATE_IMPORT_MAX; i++) {
		X509 *ca = make_ca(d->root_key, "Many", NULL, NULL, -1, 100);

		assert_int_equal(pki_certificates_add_pem(ca, NULL, &file), 0);
		X509_free(ca);
	}
	desk_refused(d, desk_take_ca(d, "many", file, ""), SL_ELIMIT, "/file",
	             "the file has more than 256 certificates");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_chain_comes_apart_into_a_certificate_and_its_issuers),
	        TEST(issuers_that_are_here_are_not_made_again),
	        TEST(an_issuer_whose_name_is_taken_gets_a_number),
	        TEST(several_of_one_file_go_by_base_name_and_alias),
	        TEST(a_certificate_without_its_chain_has_no_trust_anchor_until_it_comes),
	        TEST(dates_are_told_as_they_are_now),
	        TEST(ca_certificates_come_without_keys_and_with_numbers),
	        TEST(keys_are_in_the_vault_only),
	        TEST(names_are_those_that_a_device_takes),
	        TEST(files_that_are_wrong_are_refused_at_their_place),
	        TEST(what_is_too_large_is_refused_before_it_is_read),
	        TEST(an_import_is_taken_whole_or_not_at_all),
	        TEST(the_same_certificate_twice_is_refused_by_the_name_it_has),
	        TEST(more_ca_certificates_than_a_file_may_have_are_refused),
	};

	return RUN_TESTS(tests);
}
