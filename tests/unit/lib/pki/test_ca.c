/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/ca.h"

#include <fcntl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/pki/cert.h"
#include "lib/pki/file.h"
#include "lib/pki/key.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/unit.h"

enum { DAY = 86400 };

static const char *const units[] = {"Network", "Security"};
static const char *const dns[] = {"ca.a.test", "*.a.test"};
static const struct pki_subject everything = {
        .common_name = "Signing CA",
        .email = "pki@a.test",
        .units = units,
        .units_count = 2,
        .organization = "B\xc3\xbc"
                        "cher",
        .locality = "Delft",
        .state = "Zuid-Holland",
        .country = "NL",
        .dns = dns,
        .dns_count = 2,
        .user = "admin@a.test",
};

static struct pki_issuer make(const struct pki_subject *subject)
{
	struct pki_issuer ca;
	struct pki_error err;

	assert_int_equal(pki_ca_make(subject, PKI_KEY_P256, 10, time(NULL), &ca, &err), 0);
	return ca;
}

static struct pki_issuer make_root(void)
{
	const struct pki_subject subject = {.common_name = "Root"};
	struct pki_issuer ca;
	struct pki_error err;

	assert_int_equal(pki_root_make(&subject, PKI_KEY_P384, 10, time(NULL), &ca, &err), 0);
	return ca;
}

static void a_ca_has_what_was_asked_for_and_can_issue(void **state)
{
	struct pki_issuer ca = make(&everything);
	char text[PKI_SUBJECT_MAX];
	struct pki_validity v;

	assert_string_equal(pki_cert_subject(ca.certificate, text),
	                    "emailAddress=pki@a.test,CN=Signing CA,OU=Security,OU=Network,"
	                    "O=B\xc3\xbc"
	                    "cher,L=Delft,ST=Zuid-Holland,C=NL");
	assert_int_equal(pki_issuer_check(ca.certificate, time(NULL)), 0);
	assert_int_equal(X509_verify(ca.certificate, ca.key), 1);
	assert_int_equal(X509_get_pathlen(ca.certificate), 0);
	assert_int_equal(X509_get_key_usage(ca.certificate), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_int_equal(X509_check_host(ca.certificate, "x.a.test", 0, 0, NULL), 1);
	assert_int_equal(X509_check_email(ca.certificate, "admin@a.test", 0, 0), 1);
	assert_int_equal(pki_cert_validity(ca.certificate, time(NULL) - DAY + 600, &v), 0);
	assert_int_equal(v.status, PKI_VALID);
	assert_int_equal(pki_cert_validity(ca.certificate, time(NULL) + 10 * DAY - 600, &v), 0);
	assert_int_equal(v.status, PKI_VALID);
	assert_int_equal(pki_cert_validity(ca.certificate, time(NULL) + 10 * DAY + 600, &v), 0);
	assert_int_equal(v.status, PKI_EXPIRED);
	pki_issuer_fini(&ca);
}

static void each_type_of_key_has_a_name_and_is_made(void **state)
{
	const struct pki_subject subject = {.common_name = "CA"};
	static const struct {
		const char *name;
		int bits;
	} types[] = {{"rsa-2048", 2048}, {"p-256", 256}, {"p-384", 384}};
	enum pki_key_type type;
	struct pki_error err;

	for (size_t i = 0; i < SL_ARRAY_LEN(types); i++) {
		struct pki_issuer ca;

		assert_int_equal(pki_key_type_parse(types[i].name, &type), 0);
		assert_string_equal(pki_key_type_name(type), types[i].name);
		assert_int_equal(pki_ca_make(&subject, type, 10, time(NULL), &ca, &err), 0);
		assert_int_equal(EVP_PKEY_get_bits(ca.key), types[i].bits);
		pki_issuer_fini(&ca);
	}
	assert_int_equal(pki_key_type_parse("rsa-1024", &type), SL_ENOENT);
	assert_null(pki_key_type_name(PKI_KEY_TYPE_END));
}

static void assert_refused(const struct pki_subject *subject, const char *text)
{
	struct pki_issuer ca = {0};
	struct pki_error err;

	assert_int_equal(pki_ca_make(subject, PKI_KEY_P256, 10, 0, &ca, &err), SL_EINVAL);
	assert_non_null(strstr(err.text, text));
	assert_string_not_equal(err.remedy, "");
	assert_null(ca.certificate);
}

static void what_cannot_stand_in_a_certificate_is_refused_by_name(void **state)
{
	static const char *const bad_dns[] = {"a.*.test"};
	static const char *const umlaut[] = {"b\xc3\xbc"
	                                     "cher.test"};
	struct pki_issuer ca;
	struct pki_error err;

	assert_refused(&(struct pki_subject){.common_name = ""}, "common name");
	assert_refused(&(struct pki_subject){.organization = "A"}, "common name");
	assert_refused(&(struct pki_subject){.common_name = "A\nB"}, "common name");
	assert_refused(&(struct pki_subject){.common_name = "\xff"}, "common name");
	assert_refused(&(struct pki_subject){.common_name = "12345678901234567890123456789012"
	                                                    "345678901234567890123456789012345"},
	               "common name");
	assert_refused(&(struct pki_subject){.common_name = "A", .country = "nl"}, "country");
	assert_refused(&(struct pki_subject){.common_name = "A", .country = "NLD"}, "country");
	assert_refused(&(struct pki_subject){.common_name = "A", .email = "a.test"}, "email");
	assert_refused(&(struct pki_subject){.common_name = "A", .user = "a b@c"}, "user");
	assert_refused(&(struct pki_subject){.common_name = "A", .dns = bad_dns, .dns_count = 1},
	               "a.*.test");
	assert_refused(&(struct pki_subject){.common_name = "A", .dns = umlaut, .dns_count = 1},
	               "DNS name");
	assert_int_equal(pki_ca_make(&everything, PKI_KEY_P256, 0, 0, &ca, &err), SL_EINVAL);
	assert_int_equal(pki_ca_make(&everything, PKI_KEY_P256, PKI_DAYS_MAX + 1, 0, &ca, &err),
	                 SL_EINVAL);
}

static X509_REQ *request_of(EVP_PKEY *key, bool ca)
{
	X509_REQ *request = NULL;
	struct pki_error err;

	assert_int_equal(pki_request_make(&everything, key, ca, &request, &err), 0);
	return request;
}

static void a_signed_request_has_its_names_and_its_key(void **state)
{
	struct pki_issuer ca = make(&everything);
	EVP_PKEY *key = make_rsa(2048);
	X509_REQ *request = request_of(key, false);
	X509 *leaf = NULL;
	struct pki_error err;

	assert_false(pki_request_is_ca(request));
	assert_int_equal(pki_request_sign(&ca, request, 5, time(NULL), &leaf, &err), 0);
	assert_true(pki_key_matches(key, leaf));
	assert_int_equal(X509_check_host(leaf, "ca.a.test", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ca(leaf), 0);
	assert_int_equal(
	        X509_NAME_cmp(X509_get_subject_name(leaf), X509_REQ_get_subject_name(request)), 0);
	assert_int_equal(X509_verify(leaf, ca.key), 1);
	X509_free(leaf);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	pki_issuer_fini(&ca);
}

static void a_request_for_a_ca_is_signed_by_a_root_and_by_no_other(void **state)
{
	struct pki_issuer root = make_root();
	struct pki_issuer ca = make(&everything);
	EVP_PKEY *key = make_ec("P-256");
	X509_REQ *request = request_of(key, true);
	X509 *middle = NULL;
	struct pki_error err;

	assert_true(pki_request_is_ca(request));
	assert_int_equal(pki_request_sign(&ca, request, 5, time(NULL), &middle, &err), SL_EINVAL);
	assert_int_equal(pki_request_sign(&root, request, 5, time(NULL), &middle, &err), 0);
	assert_int_equal(pki_issuer_check(middle, time(NULL)), 0);
	assert_int_equal(X509_get_pathlen(middle), 0);
	assert_int_equal(X509_check_issued(root.certificate, middle), X509_V_OK);
	assert_int_equal(X509_verify(middle, root.key), 1);
	assert_int_equal(pki_request_sign(&root, request, 5, time(NULL) + 11 * DAY, &middle, &err),
	                 SL_EREFUSED);
	X509_free(middle);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	pki_issuer_fini(&ca);
	pki_issuer_fini(&root);
}

static void a_request_that_another_key_signed_is_refused(void **state)
{
	struct pki_issuer ca = make(&everything);
	EVP_PKEY *key = make_ec("P-256");
	X509_REQ *request = request_of(key, false);
	X509 *leaf = NULL;
	struct pki_error err;

	assert_true(X509_REQ_sign(request, ca.key, EVP_sha256()) > 0);
	assert_int_equal(pki_request_sign(&ca, request, 5, time(NULL), &leaf, &err), SL_EMISMATCH);
	assert_null(leaf);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	pki_issuer_fini(&ca);
}

static void keys_are_for_their_owner_and_nothing_is_written_over(void **state)
{
	struct make_folder folder;
	EVP_PKEY *key = make_ec("P-256");
	X509_REQ *request = request_of(key, false);
	X509_REQ *again = NULL;
	struct pki_error err;
	const char *path;
	struct stat st;

	make_folder_create(&folder);
	path = make_path(&folder, "a.key");
	assert_int_equal(pki_key_write(path, key, NULL, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(pki_key_write(path, key, NULL, &err), SL_EEXIST);
	assert_int_equal(pki_request_write(path, request, &err), SL_EEXIST);
	path = make_path(&folder, "a.csr");
	assert_int_equal(pki_request_write(path, request, &err), 0);
	assert_int_equal(pki_request_load(path, &again, &err), 0);
	assert_int_equal(X509_REQ_verify(again, key), 1);
	assert_int_equal(pki_request_load(make_path(&folder, "a.key"), &again, &err),
	                 SL_EMALFORMED);
	assert_int_equal(pki_key_write("/nonexistent/a.key", key, NULL, &err), SL_ESYS);
	X509_REQ_free(again);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	make_folder_remove(&folder);
}

static void an_encrypted_key_opens_with_its_password_only(void **state)
{
	struct make_folder folder;
	EVP_PKEY *key = make_ec("P-256");
	EVP_PKEY *again = NULL;
	struct pki_files files = {.private_key = "", .password_file = "", .chain = ""};
	struct pki_error err;

	make_folder_create(&folder);
	make_file(make_path(&folder, "password"), "secret\n", 7, 0600);
	assert_int_equal(pki_key_write(make_path(&folder, "a.key"), key, "secret", &err), 0);
	files.certificate = files.private_key = make_path(&folder, "a.key");
	assert_int_equal(pki_key_load(&files, NULL, &again, &err), SL_EPERM);
	files.password_file = make_path(&folder, "password");
	assert_int_equal(pki_key_load(&files, NULL, &again, &err), 0);
	assert_int_equal(EVP_PKEY_eq(key, again), 1);
	EVP_PKEY_free(again);
	EVP_PKEY_free(key);
	make_folder_remove(&folder);
}

static void a_ca_in_one_file_is_read_back_from_descriptors(void **state)
{
	struct make_folder folder;
	struct pki_issuer ca = make(&everything);
	struct pki_files files = {.private_key = "", .password_file = "", .chain = ""};
	struct pki_chain *chain = NULL;
	EVP_PKEY *key = NULL;
	struct pki_error err;
	int fd;

	make_folder_create(&folder);
	files.certificate = make_path(&folder, "ca.pem");
	fd = open(files.certificate, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pki_issuer_write_fd(&ca, fd, files.certificate, &err), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(pki_chain_load(&files, &chain, &err), 0);
	assert_int_equal(pki_key_load_fd(&files, fd, -1, chain->leaf, &key, &err), 0);
	assert_int_equal(X509_cmp(chain->leaf, ca.certificate), 0);
	assert_int_equal(EVP_PKEY_eq(key, ca.key), 1);
	assert_int_equal(close(fd), 0);
	EVP_PKEY_free(key);
	pki_chain_destroy(chain);
	pki_issuer_fini(&ca);
	make_folder_remove(&folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_ca_has_what_was_asked_for_and_can_issue),
	        cmocka_unit_test(each_type_of_key_has_a_name_and_is_made),
	        cmocka_unit_test(what_cannot_stand_in_a_certificate_is_refused_by_name),
	        cmocka_unit_test(a_signed_request_has_its_names_and_its_key),
	        cmocka_unit_test(a_request_for_a_ca_is_signed_by_a_root_and_by_no_other),
	        cmocka_unit_test(a_request_that_another_key_signed_is_refused),
	        cmocka_unit_test(keys_are_for_their_owner_and_nothing_is_written_over),
	        cmocka_unit_test(an_encrypted_key_opens_with_its_password_only),
	        cmocka_unit_test(a_ca_in_one_file_is_read_back_from_descriptors),
	};

	return RUN_TESTS(tests);
}
