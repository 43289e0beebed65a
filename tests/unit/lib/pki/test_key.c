/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/key.h"

#include <openssl/pem.h>
#include <string.h>

#include "lib/base/err.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/unit.h"

struct site {
	struct make_folder folder;
	EVP_PKEY *key;
	X509 *cert;
};

static int site_setup(void **state)
{
	static struct site site;

	make_folder_create(&site.folder);
	site.key = make_ec("P-256");
	site.cert = make_cert(site.key, "s.example", "s.example", NULL, NULL, 0, 10);
	make_cert_pem(make_path(&site.folder, "s.pem"), site.cert, NULL, 0644);
	make_key_pem(make_path(&site.folder, "s.key"), site.key, NULL, 0600);
	make_key_pem(make_path(&site.folder, "locked.key"), site.key, "secret", 0600);
	make_file(make_path(&site.folder, "password"), "secret\r\nmore", 12, 0600);
	make_file(make_path(&site.folder, "wrong"), "guess", 5, 0600);
	make_pkcs12(make_path(&site.folder, "s.p12"), site.key, site.cert, NULL, "secret", 0600);
	*state = &site;
	return 0;
}

static int site_teardown(void **state)
{
	struct site *site = *state;

	EVP_PKEY_free(site->key);
	X509_free(site->cert);
	make_folder_remove(&site->folder);
	return 0;
}

static int load(struct site *site, const char *key_file, const char *password_file,
                struct pki_error *err)
{
	char key_path[128];
	char password_path[128];
	struct pki_files files = {.certificate = make_path(&site->folder, "s.pem"),
	                          .private_key = key_path,
	                          .password_file = "",
	                          .chain = ""};
	EVP_PKEY *key = NULL;
	int rc;

	strcpy(key_path, make_path(&site->folder, key_file));
	if (password_file) {
		strcpy(password_path, make_path(&site->folder, password_file));
		files.password_file = password_path;
	}
	rc = pki_key_load(&files, site->cert, &key, err);
	if (rc == 0)
		assert_true(pki_key_matches(key, site->cert));
	EVP_PKEY_free(key);
	return rc;
}

static void plain_encrypted_and_pkcs12_keys_are_loaded(void **state)
{
	struct pki_error err;

	assert_int_equal(load(*state, "s.key", NULL, &err), 0);
	assert_int_equal(load(*state, "locked.key", "password", &err), 0);
	assert_int_equal(load(*state, "s.p12", "password", &err), 0);
}

static void der_keys_of_both_forms_are_loaded(void **state)
{
	struct site *site = *state;
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(site->key, &der);
	BIO *bio = BIO_new(BIO_s_mem());
	struct pki_error err;
	char *data;
	long size;

	make_file(make_path(&site->folder, "s.der"), der, (size_t)len, 0600);
	assert_true(i2d_PKCS8PrivateKey_bio(bio, site->key, EVP_aes_128_cbc(), "secret", 6, NULL,
	                                    NULL));
	size = BIO_get_mem_data(bio, &data);
	make_file(make_path(&site->folder, "locked.der"), data, (size_t)size, 0600);
	assert_int_equal(load(site, "s.der", NULL, &err), 0);
	assert_int_equal(load(site, "locked.der", "password", &err), 0);
	assert_int_equal(load(site, "locked.der", "wrong", &err), SL_EPERM);
	OPENSSL_free(der);
	BIO_free(bio);
}

static void a_wrong_or_missing_password_is_told_apart(void **state)
{
	struct pki_error err;

	assert_int_equal(load(*state, "locked.key", "wrong", &err), SL_EPERM);
	assert_non_null(strstr(err.text, "does not open"));
	assert_int_equal(load(*state, "locked.key", NULL, &err), SL_EPERM);
	assert_string_equal(err.remedy, "name a password_file");
	assert_int_equal(load(*state, "s.p12", "wrong", &err), SL_EPERM);
}

static void a_key_that_others_can_read_is_refused_with_the_remedy(void **state)
{
	static const unsigned modes[] = {0640, 0604, 0620, 0601};
	struct site *site = *state;
	struct pki_error err;

	for (size_t i = 0; i < SL_ARRAY_LEN(modes); i++) {
		make_key_pem(make_path(&site->folder, "open.key"), site->key, NULL, modes[i]);
		assert_int_equal(load(site, "open.key", NULL, &err), SL_EPERM);
		assert_non_null(strstr(err.remedy, "chmod 0600"));
		assert_non_null(strstr(err.remedy, "open.key"));
	}
	make_file(make_path(&site->folder, "open-password"), "secret", 6, 0644);
	assert_int_equal(load(site, "locked.key", "open-password", &err), SL_EPERM);
	assert_non_null(strstr(err.text, "open-password"));
}

static void a_key_of_another_certificate_is_refused(void **state)
{
	struct site *site = *state;
	EVP_PKEY *other = make_ec("P-256");
	struct pki_error err;

	make_key_pem(make_path(&site->folder, "other.key"), other, NULL, 0600);
	assert_int_equal(load(site, "other.key", NULL, &err), SL_EMISMATCH);
	assert_non_null(strstr(err.text, "other.key"));
	assert_non_null(strstr(err.text, "s.pem"));
	EVP_PKEY_free(other);
}

static void what_is_no_key_is_refused(void **state)
{
	struct site *site = *state;
	struct pki_error err;

	make_file(make_path(&site->folder, "junk"), "junk", 4, 0600);
	make_cert_pem(make_path(&site->folder, "cert.key"), site->cert, NULL, 0600);
	assert_int_equal(load(site, "junk", NULL, &err), SL_EMALFORMED);
	assert_int_equal(load(site, "cert.key", NULL, &err), SL_EMALFORMED);
	assert_int_equal(load(site, "none.key", NULL, &err), SL_ENOENT);
}

static void a_key_and_its_certificate_have_one_id(void **state)
{
	struct site *site = *state;
	EVP_PKEY *other = make_ec("P-256");
	uint8_t of_key[32], of_cert[32], of_other[32];

	assert_int_equal(pki_key_id(site->key, of_key), 0);
	assert_int_equal(pki_cert_key_id(site->cert, of_cert), 0);
	assert_int_equal(pki_key_id(other, of_other), 0);
	assert_memory_equal(of_key, of_cert, 32);
	assert_memory_not_equal(of_key, of_other, 32);
	EVP_PKEY_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(plain_encrypted_and_pkcs12_keys_are_loaded),
	        cmocka_unit_test(der_keys_of_both_forms_are_loaded),
	        cmocka_unit_test(a_wrong_or_missing_password_is_told_apart),
	        cmocka_unit_test(a_key_that_others_can_read_is_refused_with_the_remedy),
	        cmocka_unit_test(a_key_of_another_certificate_is_refused),
	        cmocka_unit_test(what_is_no_key_is_refused),
	        cmocka_unit_test(a_key_and_its_certificate_have_one_id),
	};

	return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
