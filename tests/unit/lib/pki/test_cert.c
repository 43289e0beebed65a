/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/cert.h"

#include <openssl/pem.h>
#include <string.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/unit.h"

struct names {
	char text[1024];
};

static void note_name(void *arg, const char *name)
{
	struct names *n = arg;

	strcat(n->text, name);
	strcat(n->text, " ");
}

static const char *names_of(const char *common_name, const char *alt_names, struct names *n)
{
	EVP_PKEY *key = make_ec("P-256");
	X509 *cert = make_cert(key, common_name, alt_names, NULL, NULL, 0, 1);

	n->text[0] = '\0';
	(void)pki_cert_names(cert, note_name, n);
	X509_free(cert);
	EVP_PKEY_free(key);
	return n->text;
}

static void alternative_names_count_and_the_common_name_only_without_them(void **state)
{
	struct names n;

	assert_string_equal(names_of("cn.example", "Shop.Example,*.shop.example.", &n),
	                    "shop.example *.shop.example ");
	assert_string_equal(names_of("CN.example", NULL, &n), "cn.example ");
	assert_string_equal(names_of("Some Company Ltd.", NULL, &n), "");
}

static void a_wildcard_that_is_not_the_whole_first_label_is_no_name(void **state)
{
	struct names n;

	assert_string_equal(names_of("x", "f*.example,a.*.example,*,*.,**.b,ok.example", &n),
	                    "ok.example ");
}

static void names_are_compared_in_one_form_and_bad_ones_refused(void **state)
{
	char name[PKI_NAME_MAX];
	char label[70];

	assert_int_equal(pki_name_normalise("ShOp.Example.", 13, false, name), 0);
	assert_string_equal(name, "shop.example");
	assert_int_equal(pki_name_normalise("*.a", 3, false, name), SL_EMALFORMED);
	assert_int_equal(pki_name_normalise("a..b", 4, true, name), SL_EMALFORMED);
	assert_int_equal(pki_name_normalise("a\0b", 3, true, name), SL_EMALFORMED);
	assert_int_equal(pki_name_normalise("", 0, true, name), SL_EMALFORMED);
	assert_int_equal(pki_name_normalise(".", 1, true, name), SL_EMALFORMED);
	memset(label, 'a', sizeof(label));
	assert_int_equal(pki_name_normalise(label, 63, true, name), 0);
	assert_int_equal(pki_name_normalise(label, 64, true, name), SL_EMALFORMED);
}

static struct pki_files files_of(const char *certificate)
{
	return (struct pki_files){
	        .certificate = certificate, .private_key = "", .password_file = "", .chain = ""};
}

static void a_chain_keeps_intermediates_in_order_and_leaves_the_root_out(void **state)
{
	EVP_PKEY *key = make_ec("P-256");
	X509 *root = make_cert(key, "Root", NULL, NULL, NULL, 0, 10);
	X509 *middle = make_cert(key, "Middle", NULL, root, key, 0, 10);
	X509 *leaf = make_cert(key, "a.example", "a.example", middle, key, 0, 10);
	struct make_folder folder;
	struct pki_chain *chain = NULL;
	struct pki_chain *again = NULL;
	struct pki_files files;
	struct pki_error err;
	struct buf pem;

	make_folder_create(&folder);
	make_cert_pem(make_path(&folder, "leaf.pem"), leaf, middle, 0644);
	make_cert_pem(make_path(&folder, "root.pem"), root, NULL, 0644);
	files = files_of(make_path(&folder, "leaf.pem"));
	files.chain = make_path(&folder, "root.pem");
	assert_int_equal(pki_chain_load(&files, &chain, &err), 0);
	assert_int_equal(chain->kind, PKI_ECDSA);
	assert_int_equal(X509_cmp(chain->leaf, leaf), 0);
	assert_int_equal(sk_X509_num(chain->intermediates), 1);
	assert_int_equal(X509_cmp(sk_X509_value(chain->intermediates, 0), middle), 0);

	buf_init(&pem, 65536);
	assert_int_equal(pki_chain_write_pem(chain, &pem), 0);
	assert_int_equal(pki_chain_parse("image", pem.data, pem.len, &again, &err), 0);
	assert_int_equal(X509_cmp(again->leaf, leaf), 0);
	assert_int_equal(sk_X509_num(again->intermediates), 1);
	assert_memory_equal(again->key_id, chain->key_id, 32);
	buf_fini(&pem);
	pki_chain_destroy(chain);
	pki_chain_destroy(again);
	X509_free(root);
	X509_free(middle);
	X509_free(leaf);
	EVP_PKEY_free(key);
	make_folder_remove(&folder);
}

static void a_chain_that_does_not_lead_on_is_seen(void **state)
{
	EVP_PKEY *key = make_ec("P-256");
	X509 *root = make_cert(key, "Root", NULL, NULL, NULL, 0, 10);
	X509 *middle = make_cert(key, "Middle", NULL, root, key, 0, 10);
	X509 *other = make_cert(key, "Other", NULL, root, key, 0, 10);
	X509 *leaf = make_cert(key, "a.example", "a.example", middle, key, 0, 10);
	struct pki_chain chain = {.leaf = leaf, .intermediates = sk_X509_new_null()};

	assert_false(pki_chain_is_broken(&chain));
	assert_true(sk_X509_push(chain.intermediates, middle));
	assert_false(pki_chain_is_broken(&chain));
	assert_true(sk_X509_unshift(chain.intermediates, other));
	assert_true(pki_chain_is_broken(&chain));
	sk_X509_free(chain.intermediates);
	X509_free(root);
	X509_free(middle);
	X509_free(other);
	X509_free(leaf);
	EVP_PKEY_free(key);
}

/* R62 */
static void a_chain_is_completed_from_cas_up_to_their_root(void **state)
{
	EVP_PKEY *key = make_ec("P-256"), *stranger = make_ec("P-256");
	X509 *root = make_ca(key, "Root", NULL, NULL, 0, 10);
	X509 *upper = make_ca(key, "Upper", root, key, 0, 10);
	X509 *lower = make_ca(key, "Lower", upper, key, 0, 10);
	X509 *namesake = make_ca(stranger, "Lower", NULL, NULL, 0, 10);
	X509 *leaf = make_cert(key, "a.example", "a.example", lower, key, 0, 10);
	struct pki_chain chain = {.leaf = leaf, .intermediates = sk_X509_new_null()};
	STACK_OF(X509) *cas = sk_X509_new_null();
	bool rooted = true;

	assert_int_equal(pki_chain_complete(&chain, NULL, &rooted), 0);
	assert_false(rooted);
	assert_true(sk_X509_push(cas, namesake) && sk_X509_push(cas, lower) &&
	            sk_X509_push(cas, leaf));
	assert_int_equal(pki_chain_complete(&chain, cas, &rooted), 0);
	assert_false(rooted);
	assert_int_equal(sk_X509_num(chain.intermediates), 1);
	assert_true(sk_X509_push(cas, root) && sk_X509_push(cas, upper));
	for (int again = 0; again < 2; again++) {
		rooted = false;
		assert_int_equal(pki_chain_complete(&chain, cas, &rooted), 0);
		assert_true(rooted);
		assert_int_equal(sk_X509_num(chain.intermediates), 2);
	}
	assert_ptr_equal(sk_X509_value(chain.intermediates, 0), lower);
	assert_ptr_equal(sk_X509_value(chain.intermediates, 1), upper);
	assert_false(pki_chain_is_broken(&chain));
	chain.leaf = root;
	sk_X509_pop_free(chain.intermediates, X509_free);
	chain.intermediates = sk_X509_new_null();
	assert_int_equal(pki_chain_complete(&chain, NULL, &rooted), 0);
	assert_true(rooted);
	sk_X509_free(chain.intermediates);
	sk_X509_free(cas);
	X509_free(root);
	X509_free(upper);
	X509_free(lower);
	X509_free(namesake);
	X509_free(leaf);
	EVP_PKEY_free(key);
	EVP_PKEY_free(stranger);
}

/* CAs that signed each other: a chain ends, and at a root when there is one. */
static void a_chain_that_goes_in_a_circle_ends(void **state)
{
	EVP_PKEY *key = make_ec("P-256");
	X509 *root = make_ca(key, "One", NULL, NULL, 0, 10);
	X509 *two = make_ca(key, "Two", root, key, 0, 10);
	X509 *one = make_ca(key, "One", two, key, 0, 10);
	X509 *leaf = make_cert(key, "a.example", "a.example", one, key, 0, 10);
	struct pki_chain chain = {.leaf = leaf, .intermediates = sk_X509_new_null()};
	STACK_OF(X509) *cas = sk_X509_new_null();
	bool rooted;

	assert_true(sk_X509_push(cas, one) && sk_X509_push(cas, two));
	assert_int_equal(pki_chain_complete(&chain, cas, &rooted), 0);
	assert_false(rooted);
	assert_int_equal(sk_X509_num(chain.intermediates), 2);
	assert_true(sk_X509_push(cas, root));
	assert_int_equal(pki_chain_complete(&chain, cas, &rooted), 0);
	assert_true(rooted);
	assert_int_equal(sk_X509_num(chain.intermediates), 2);
	sk_X509_pop_free(chain.intermediates, X509_free);
	sk_X509_free(cas);
	X509_free(root);
	X509_free(two);
	X509_free(one);
	X509_free(leaf);
	EVP_PKEY_free(key);
}

static void the_public_part_of_a_file_with_a_key_in_it_is_read_without_the_key(void **state)
{
	static const char broken_key[] =
	        "-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n";
	EVP_PKEY *key = make_ec("P-256");
	X509 *leaf = make_cert(key, "a.example", NULL, NULL, NULL, 0, 10);
	STACK_OF(X509) *certs = NULL;
	struct pki_error err;
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;

	assert_true(BIO_puts(bio, broken_key) > 0);
	assert_true(PEM_write_bio_X509(bio, leaf));
	assert_true(BIO_puts(bio, broken_key) > 0);
	len = BIO_get_mem_data(bio, &data);
	assert_int_equal(pki_certificates_parse("f", data, (size_t)len, &certs, &err), 0);
	assert_int_equal(sk_X509_num(certs), 1);
	sk_X509_pop_free(certs, X509_free);
	BIO_free(bio);
	X509_free(leaf);
	EVP_PKEY_free(key);
}

static void a_pkcs12_file_gives_its_leaf_first_without_its_key(void **state)
{
	EVP_PKEY *key = make_ec("P-384");
	EVP_PKEY *ca_key = make_ec("P-256");
	X509 *root = make_cert(ca_key, "Root", NULL, NULL, NULL, 0, 10);
	X509 *middle = make_cert(ca_key, "Middle", NULL, root, ca_key, 0, 10);
	X509 *leaf = make_cert(key, "p.example", "p.example", middle, ca_key, 0, 10);
	struct make_folder folder;
	struct pki_chain *chain = NULL;
	struct pki_files files;
	struct pki_error err;

	make_folder_create(&folder);
	make_pkcs12(make_path(&folder, "site.p12"), key, leaf, middle, "secret", 0600);
	make_file(make_path(&folder, "password"), "secret\n", 7, 0600);
	make_file(make_path(&folder, "wrong"), "other\n", 6, 0600);
	files = files_of(make_path(&folder, "site.p12"));
	files.password_file = make_path(&folder, "password");
	assert_int_equal(pki_chain_load(&files, &chain, &err), 0);
	assert_int_equal(X509_cmp(chain->leaf, leaf), 0);
	assert_int_equal(sk_X509_num(chain->intermediates), 1);
	pki_chain_destroy(chain);
	files.password_file = make_path(&folder, "wrong");
	assert_int_equal(pki_chain_load(&files, &chain, &err), SL_EPERM);
	assert_non_null(strstr(err.text, "password"));
	assert_non_null(strstr(err.remedy, "password_file"));
	X509_free(root);
	X509_free(middle);
	X509_free(leaf);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	make_folder_remove(&folder);
}

static void der_is_read_and_anything_else_is_refused_with_the_file_named(void **state)
{
	EVP_PKEY *key = make_rsa(2048);
	X509 *leaf = make_cert(key, "d.example", NULL, NULL, NULL, 0, 10);
	struct make_folder folder;
	struct pki_chain *chain = NULL;
	struct pki_files files;
	struct pki_error err;
	unsigned char *der = NULL;
	int len = i2d_X509(leaf, &der);

	make_folder_create(&folder);
	make_file(make_path(&folder, "d.der"), der, (size_t)len, 0644);
	make_file(make_path(&folder, "cut.der"), der, (size_t)len / 2, 0644);
	make_file(make_path(&folder, "empty"), "", 0, 0644);
	files = files_of(make_path(&folder, "d.der"));
	assert_int_equal(pki_chain_load(&files, &chain, &err), 0);
	assert_int_equal(chain->kind, PKI_RSA);
	pki_chain_destroy(chain);
	files = files_of(make_path(&folder, "cut.der"));
	assert_int_equal(pki_chain_load(&files, &chain, &err), SL_EMALFORMED);
	assert_non_null(strstr(err.text, "cut.der"));
	files = files_of(make_path(&folder, "empty"));
	assert_int_equal(pki_chain_load(&files, &chain, &err), SL_EMALFORMED);
	files = files_of(make_path(&folder, "none"));
	assert_int_equal(pki_chain_load(&files, &chain, &err), SL_ENOENT);
	files = files_of("/dev/zero");
	assert_int_equal(pki_chain_load(&files, &chain, &err), SL_EINVAL);
	OPENSSL_free(der);
	X509_free(leaf);
	EVP_PKEY_free(key);
	make_folder_remove(&folder);
}

static void keys_that_no_handshake_could_use_are_refused(void **state)
{
	EVP_PKEY *keys[] = {EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), make_ec("secp256k1"),
	                    make_rsa(512)};
	EVP_PKEY *signer = make_ec("P-256");
	enum pki_key_kind kind;

	for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++) {
		X509 *cert = make_cert(keys[i], "k", NULL, NULL, signer, 0, 1);

		assert_int_equal(pki_cert_key_kind(cert, &kind), SL_EUNSUPPORTED);
		X509_free(cert);
		EVP_PKEY_free(keys[i]);
	}
	EVP_PKEY_free(signer);
}

static struct pki_validity validity_of(EVP_PKEY *key, int from_day, int to_day)
{
	X509 *cert = make_cert(key, "v", NULL, NULL, NULL, from_day, to_day);
	struct pki_validity v;

	assert_int_equal(pki_cert_validity(cert, time(NULL) + 60, &v), 0);
	X509_free(cert);
	return v;
}

static void an_end_of_validity_is_announced_in_steps(void **state)
{
	static const struct {
		int from, to, days, step;
		enum pki_status status;
	} cases[] = {
	        {-1, 400, 399, -1, PKI_VALID},      {-1, 31, 30, -1, PKI_VALID},
	        {-1, 30, 29, 30, PKI_VALID},        {-1, 14, 13, 14, PKI_VALID},
	        {-1, 7, 6, 7, PKI_VALID},           {-1, 1, 0, 1, PKI_VALID},
	        {-9, 0, -1, 0, PKI_EXPIRED},        {-9, -3, -4, 0, PKI_EXPIRED},
	        {2, 90, 89, -1, PKI_NOT_YET_VALID},
	};
	EVP_PKEY *key = make_ec("P-256");

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct pki_validity v = validity_of(key, cases[i].from, cases[i].to);

		assert_int_equal(v.status, cases[i].status);
		assert_int_equal(v.days_left, cases[i].days);
		assert_int_equal(pki_expiry_step(&v), cases[i].step);
	}
	EVP_PKEY_free(key);
}

/* Four units of 64 characters of two bytes each, behind a common name of `lead` characters. */
static X509 *long_subject(size_t lead)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	char unit[129];

	for (size_t i = 0; i < 128; i += 2)
		memcpy(unit + i, "\xc3\xa4", 3);
	for (int i = 0; i < 4; i++)
		assert_true(X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_UTF8,
		                                       (unsigned char *)unit, -1, -1, 0));
	assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	                                       (const unsigned char *)"aa", (int)lead, -1, 0));
	return cert;
}

static void a_long_subject_is_cut_between_two_characters(void **state)
{
	for (size_t lead = 1; lead <= 2; lead++) {
		X509 *cert = long_subject(lead);
		char text[PKI_SUBJECT_MAX];
		size_t first = 0, second = 0;

		(void)pki_cert_subject(cert, text);
		assert_in_range(strlen(text), PKI_SUBJECT_MAX - 2, PKI_SUBJECT_MAX - 1);
		for (const char *c = text; *c; c++) {
			first += *c == '\xc3';
			second += *c == '\xa4';
		}
		assert_int_equal(first, second);
		X509_free(cert);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(alternative_names_count_and_the_common_name_only_without_them),
	        cmocka_unit_test(a_wildcard_that_is_not_the_whole_first_label_is_no_name),
	        cmocka_unit_test(names_are_compared_in_one_form_and_bad_ones_refused),
	        cmocka_unit_test(a_chain_keeps_intermediates_in_order_and_leaves_the_root_out),
	        cmocka_unit_test(a_chain_that_does_not_lead_on_is_seen),
	        cmocka_unit_test(a_chain_is_completed_from_cas_up_to_their_root),
	        cmocka_unit_test(a_chain_that_goes_in_a_circle_ends),
	        cmocka_unit_test(
	                the_public_part_of_a_file_with_a_key_in_it_is_read_without_the_key),
	        cmocka_unit_test(a_pkcs12_file_gives_its_leaf_first_without_its_key),
	        cmocka_unit_test(der_is_read_and_anything_else_is_refused_with_the_file_named),
	        cmocka_unit_test(keys_that_no_handshake_could_use_are_refused),
	        cmocka_unit_test(an_end_of_validity_is_announced_in_steps),
	        cmocka_unit_test(a_long_subject_is_cut_between_two_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
