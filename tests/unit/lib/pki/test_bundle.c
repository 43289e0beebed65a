/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/pki/bundle.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/pki/ca.h"
#include "lib/pki/key.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/unit.h"

enum { OUT_MAX = 1024 * 1024, ROUNDS = 2048 };

/* A root, an intermediate, two leaves below it and a root of somebody else. */
struct site {
	EVP_PKEY *root_key, *middle_key, *leaf_key, *second_key;
	X509 *root, *middle, *leaf, *second, *foreign;
};

static int site_setup(void **state)
{
	static struct site s;

	s.root_key = make_ec("P-256");
	s.middle_key = make_ec("P-256");
	s.leaf_key = make_ec("P-256");
	s.second_key = make_ec("P-384");
	s.root = make_ca(s.root_key, "Root", NULL, NULL, -1, 100);
	s.middle = make_ca(s.middle_key, "Middle", s.root, s.root_key, -1, 100);
	s.leaf = make_cert(s.leaf_key, "a.test", "a.test", s.middle, s.middle_key, -1, 10);
	s.second = make_cert(s.second_key, "b.test", "b.test", s.middle, s.middle_key, -1, 10);
	s.foreign = make_ca(s.second_key, "Foreign", NULL, NULL, -1, 100);
	*state = &s;
	return 0;
}

static int site_teardown(void **state)
{
	struct site *s = *state;

	EVP_PKEY_free(s->root_key);
	EVP_PKEY_free(s->middle_key);
	EVP_PKEY_free(s->leaf_key);
	EVP_PKEY_free(s->second_key);
	X509_free(s->root);
	X509_free(s->middle);
	X509_free(s->leaf);
	X509_free(s->second);
	X509_free(s->foreign);
	return 0;
}

/* ---- bytes ------------------------------------------------------------------------------- */

static void add_cert(struct buf *out, X509 *cert)
{
	assert_int_equal(pki_certificates_add_pem(cert, NULL, out), 0);
}

static void add_bio(struct buf *out, BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	assert_int_equal(buf_add(out, data, (size_t)len), 0);
	BIO_free(bio);
}

/* PKCS8. */
static void add_key(struct buf *out, EVP_PKEY *key, const char *password)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	BIO *bio = BIO_new(BIO_s_mem());
	X509_SIG *sealed;

	assert_non_null(info);
	if (!password) {
		assert_true(PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info));
	} else {
		sealed = PKCS8_encrypt(-1, EVP_aes_128_cbc(), password, (int)strlen(password), NULL,
		                       0, ROUNDS, info);
		assert_non_null(sealed);
		assert_true(PEM_write_bio_PKCS8(bio, sealed));
		X509_SIG_free(sealed);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	add_bio(out, bio);
}

static struct pki_bytes bytes_of(const struct buf *b, const char *password)
{
	return (struct pki_bytes){
	        .name = "the file", .data = b->data, .len = b->len, .password = password};
}

/* Several keys and certificates in one file, as key stores of servers export them. */
struct p12 {
	STACK_OF(PKCS12_SAFEBAG) * bags;
	STACK_OF(PKCS7) * safes;
};

static void p12_start(struct p12 *p)
{
	*p = (struct p12){0};
}

static void p12_add_cert(struct p12 *p, X509 *cert, const char *alias)
{
	PKCS12_SAFEBAG *bag = PKCS12_add_cert(&p->bags, cert);

	assert_non_null(bag);
	if (alias)
		assert_true(PKCS12_add_friendlyname_utf8(bag, alias, -1));
}

static void p12_add_key(struct p12 *p, EVP_PKEY *key, const char *alias, const char *password,
                        int rounds)
{
	PKCS12_SAFEBAG *bag = PKCS12_add_key(&p->bags, key, 0, rounds, NID_aes_128_cbc, password);

	assert_non_null(bag);
	if (alias)
		assert_true(PKCS12_add_friendlyname_utf8(bag, alias, -1));
}

static void p12_end(struct p12 *p, const char *password, int mac_rounds, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	PKCS12 *p12;

	assert_true(PKCS12_add_safe(&p->safes, p->bags, -1, 0, NULL));
	p12 = PKCS12_add_safes(p->safes, 0);
	assert_non_null(p12);
	assert_true(!mac_rounds ||
	            PKCS12_set_mac(p12, password, -1, NULL, 0, mac_rounds, EVP_sha256()));
	assert_true(i2d_PKCS12_bio(bio, p12));
	add_bio(out, bio);
	PKCS12_free(p12);
	sk_PKCS7_pop_free(p->safes, PKCS7_free);
	sk_PKCS12_SAFEBAG_pop_free(p->bags, PKCS12_SAFEBAG_free);
}

static int read_one(const struct buf *file, const char *password, struct pki_bundle **ret,
                    struct pki_error *err)
{
	const struct pki_bytes b = bytes_of(file, password);

	return pki_bundle_read(&b, NULL, ret, err);
}

/* ---- what is taken ----------------------------------------------------------------------- */

static void pem_gives_the_first_certificate_its_key_and_the_rest(void **state)
{
	struct site *s = *state;
	struct pki_bundle *bundle;
	struct pki_error err;
	struct buf file;

	buf_init(&file, OUT_MAX);
	add_cert(&file, s->leaf);
	add_key(&file, s->leaf_key, NULL);
	add_cert(&file, s->middle);
	add_cert(&file, s->root);
	add_cert(&file, s->middle);
	assert_int_equal(read_one(&file, "", &bundle, &err), 0);
	assert_int_equal(bundle->count, 1);
	assert_int_equal(X509_cmp(bundle->entries[0].certificate, s->leaf), 0);
	assert_true(pki_key_matches(bundle->entries[0].key, s->leaf));
	assert_string_equal(bundle->entries[0].alias, "");
	assert_int_equal(sk_X509_num(bundle->others), 2);
	assert_null(pki_bundle_stranger(bundle));
	pki_bundle_destroy(bundle);
	buf_fini(&file);
}

static void a_key_beside_the_certificate_is_taken_in_every_form(void **state)
{
	struct site *s = *state;
	unsigned char *der = NULL;
	int len = i2d_PrivateKey(s->leaf_key, &der);
	struct buf cert, plain, locked, raw;
	const struct {
		const struct buf *key;
		const char *password;
	} keys[] = {{&plain, ""}, {&plain, "not needed"}, {&locked, "secret"}, {&raw, ""}};
	struct pki_bundle *bundle;
	struct pki_error err;

	buf_init(&cert, OUT_MAX);
	buf_init(&plain, OUT_MAX);
	buf_init(&locked, OUT_MAX);
	buf_init(&raw, OUT_MAX);
	assert_int_equal(pki_certificate_add_der(s->leaf, &cert), 0);
	add_key(&plain, s->leaf_key, NULL);
	add_key(&locked, s->leaf_key, "secret");
	assert_int_equal(buf_add(&raw, der, (size_t)len), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++) {
		const struct pki_bytes c = bytes_of(&cert, "");
		const struct pki_bytes k = bytes_of(keys[i].key, keys[i].password);

		assert_int_equal(pki_bundle_read(&c, &k, &bundle, &err), 0);
		assert_true(pki_key_matches(bundle->entries[0].key, s->leaf));
		pki_bundle_destroy(bundle);
	}
	OPENSSL_free(der);
	buf_fini(&cert);
	buf_fini(&plain);
	buf_fini(&locked);
	buf_fini(&raw);
}

static void a_certificate_alone_has_no_key(void **state)
{
	struct site *s = *state;
	struct pki_bundle *bundle;
	struct pki_error err;
	struct buf file;

	buf_init(&file, OUT_MAX);
	add_cert(&file, s->leaf);
	assert_int_equal(read_one(&file, "", &bundle, &err), 0);
	assert_int_equal(bundle->count, 1);
	assert_null(bundle->entries[0].key);
	pki_bundle_destroy(bundle);
	buf_fini(&file);
}

static void a_pkcs12_file_may_have_several_keys_each_with_its_alias(void **state)
{
	struct site *s = *state;
	struct pki_bundle *bundle;
	struct pki_error err;
	struct buf file;
	struct p12 p;

	buf_init(&file, OUT_MAX);
	p12_start(&p);
	p12_add_key(&p, s->second_key, "second", "secret", ROUNDS);
	p12_add_key(&p, s->leaf_key, "from the key", "secret", ROUNDS);
	p12_add_cert(&p, s->middle, NULL);
	p12_add_cert(&p, s->leaf, NULL);
	p12_add_cert(&p, s->second, "zw\xc3\xb6lf");
	p12_add_cert(&p, s->root, NULL);
	p12_end(&p, "secret", ROUNDS, &file);
	assert_int_equal(read_one(&file, "secret", &bundle, &err), 0);
	assert_int_equal(bundle->count, 2);
	assert_int_equal(X509_cmp(bundle->entries[0].certificate, s->leaf), 0);
	assert_string_equal(bundle->entries[0].alias, "from the key");
	assert_true(pki_key_matches(bundle->entries[0].key, s->leaf));
	assert_int_equal(X509_cmp(bundle->entries[1].certificate, s->second), 0);
	assert_string_equal(bundle->entries[1].alias, "zw\xc3\xb6lf");
	assert_true(pki_key_matches(bundle->entries[1].key, s->second));
	assert_int_equal(sk_X509_num(bundle->others), 2);
	pki_bundle_destroy(bundle);
	buf_fini(&file);
}

static void a_signing_certificate_with_its_key_is_an_entry_and_its_issuer_is_not(void **state)
{
	struct site *s = *state;
	struct pki_bundle *bundle;
	struct pki_error err;
	struct buf file;
	struct p12 p;

	buf_init(&file, OUT_MAX);
	p12_start(&p);
	p12_add_cert(&p, s->root, NULL);
	p12_add_cert(&p, s->middle, NULL);
	p12_add_key(&p, s->middle_key, NULL, "secret", ROUNDS);
	p12_end(&p, "secret", ROUNDS, &file);
	assert_int_equal(read_one(&file, "secret", &bundle, &err), 0);
	assert_int_equal(bundle->count, 1);
	assert_int_equal(X509_cmp(bundle->entries[0].certificate, s->middle), 0);
	assert_int_equal(sk_X509_num(bundle->others), 1);
	pki_bundle_destroy(bundle);
	buf_fini(&file);
}

static void a_long_alias_is_cut_between_two_characters(void **state)
{
	struct site *s = *state;
	char alias[2 * PKI_ALIAS_MAX + 1];
	struct pki_bundle *bundle;
	struct pki_error err;
	struct buf file;
	struct p12 p;

	for (size_t i = 0; i < sizeof(alias) - 1; i += 2)
		memcpy(alias + i, "\xc3\xa4", 2);
	alias[sizeof(alias) - 1] = '\0';
	buf_init(&file, OUT_MAX);
	p12_start(&p);
	p12_add_cert(&p, s->leaf, alias);
	p12_end(&p, "", ROUNDS, &file);
	assert_int_equal(read_one(&file, "", &bundle, &err), 0);
	assert_int_equal(strlen(bundle->entries[0].alias), PKI_ALIAS_MAX - 2);
	pki_bundle_destroy(bundle);
	buf_fini(&file);
}

static void a_certificate_outside_every_chain_is_found(void **state)
{
	struct site *s = *state;
	struct pki_bundle *bundle;
	struct pki_error err;
	struct buf file;

	buf_init(&file, OUT_MAX);
	add_cert(&file, s->leaf);
	add_cert(&file, s->root);
	add_cert(&file, s->foreign);
	add_cert(&file, s->middle);
	assert_int_equal(read_one(&file, "", &bundle, &err), 0);
	assert_int_equal(X509_cmp(pki_bundle_stranger(bundle), s->foreign), 0);
	pki_bundle_destroy(bundle);
	buf_fini(&file);
}

static void what_is_written_is_read_again(void **state)
{
	struct site *s = *state;
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct pki_bundle *bundle;
	struct pki_error err;
	struct buf file;

	assert_true(sk_X509_push(chain, s->middle));
	buf_init(&file, OUT_MAX);
	assert_int_equal(pki_pkcs12_add(s->leaf_key, s->leaf, chain, "shop", "secret", &file, &err),
	                 0);
	assert_int_equal(read_one(&file, "wrong", &bundle, &err), SL_EPERM);
	assert_int_equal(read_one(&file, "secret", &bundle, &err), 0);
	assert_int_equal(bundle->count, 1);
	assert_string_equal(bundle->entries[0].alias, "shop");
	assert_true(pki_key_matches(bundle->entries[0].key, s->leaf));
	assert_int_equal(sk_X509_num(bundle->others), 1);
	pki_bundle_destroy(bundle);
	sk_X509_free(chain);
	file.max = file.len;
	assert_int_equal(pki_pkcs12_add(s->leaf_key, s->leaf, NULL, "shop", "secret", &file, &err),
	                 SL_ELIMIT);
	buf_fini(&file);
}

/* ---- what is refused --------------------------------------------------------------------- */

static void refused(const struct buf *file, const struct buf *key, enum pki_format format,
                    const char *password, int code, const char *text, const char *remedy)
{
	struct pki_bytes c = bytes_of(file, password);
	struct pki_bytes k = {.name = "the key", .password = password};
	struct pki_bundle *bundle = NULL;
	struct pki_error err;
	int rc;

	c.format = format;
	if (key) {
		k.data = key->data;
		k.len = key->len;
	}
	rc = pki_bundle_read(&c, key ? &k : NULL, &bundle, &err);
	if (rc != code || !strstr(err.text, text) || strcmp(err.remedy, remedy) != 0)
		fail_msg("%s: wanted %d, got %d: \"%s\" (%s)", text, code, rc, err.text,
		         err.remedy);
	assert_null(bundle);
}

static void keys_that_do_not_fit_are_refused_in_words(void **state)
{
	struct site *s = *state;
	struct buf file, other, locked, mixed;

	buf_init(&file, OUT_MAX);
	buf_init(&other, OUT_MAX);
	buf_init(&locked, OUT_MAX);
	buf_init(&mixed, OUT_MAX);
	add_cert(&file, s->leaf);
	add_key(&other, s->second_key, NULL);
	add_key(&locked, s->leaf_key, "secret");
	refused(&file, &other, PKI_FORMAT_AUTO, "", SL_EMISMATCH,
	        "the key: this is not the key of the certificate the file",
	        "name the key that the certificate was made for");
	refused(&file, &locked, PKI_FORMAT_AUTO, "", SL_EPERM,
	        "the key: the key is encrypted, and no password is given", "give its password");
	refused(&file, &locked, PKI_FORMAT_AUTO, "guess", SL_EPERM,
	        "the key: the password does not open this key", "check its password");
	refused(&file, &file, PKI_FORMAT_AUTO, "", SL_EMALFORMED,
	        "the key: no private key can be read",
	        "name the file of the private key, in PEM or DER");
	add_cert(&mixed, s->middle);
	add_cert(&mixed, s->leaf);
	add_key(&mixed, s->leaf_key, NULL);
	refused(&mixed, NULL, PKI_FORMAT_AUTO, "", SL_EMISMATCH,
	        "the key is of the certificate number 2, which has to be the first",
	        "put the key's certificate first, those that issued it behind it");
	buf_fini(&file);
	buf_fini(&other);
	buf_fini(&locked);
	buf_fini(&mixed);
}

static void what_holds_no_certificate_is_refused_by_what_it_is(void **state)
{
	static const struct {
		const char *bytes;
		enum pki_format format;
		int code;
		const char *text, *remedy;
	} files[] = {
	        {"", PKI_FORMAT_AUTO, SL_EMALFORMED, "the file is empty",
	         "name the file of the certificate"},
	        {"junk", PKI_FORMAT_AUTO, SL_EMALFORMED, "a certificate cannot be read",
	         "it has to be a certificate in PEM or DER"},
	        {"junk", PKI_FORMAT_PKCS12, SL_EMALFORMED, "the file is no PKCS12 file",
	         "check the format: it may be PEM or DER"},
	        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", PKI_FORMAT_PEM,
	         SL_EMALFORMED, "a certificate cannot be read",
	         "it has to be a certificate in PEM or DER"},
	        {"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", PKI_FORMAT_PEM, SL_ENOENT,
	         "is a signing request and holds no certificate",
	         "have it signed, and bring the certificate"},
	        {"-----BEGIN PKCS7-----\nAAAA\n", PKI_FORMAT_AUTO, SL_ENOENT,
	         "is a PKCS7 file and holds no certificate",
	         "openssl pkcs7 -print_certs makes PEM of it"},
	        {"-----BEGIN X509 CRL-----\nAAAA\n", PKI_FORMAT_AUTO, SL_ENOENT,
	         "is a revocation list and holds no certificate",
	         "name the file of the certificate"},
	        {"-----BEGIN PUBLIC KEY-----\nAAAA\n", PKI_FORMAT_AUTO, SL_ENOENT,
	         "is a public key and holds no certificate", "name the file of the certificate"},
	        {"-----BEGIN PRIVATE KEY-----\nAAAA\n", PKI_FORMAT_AUTO, SL_ENOENT,
	         "holds no certificate", "name the file of the certificate, not of the key"},
	};

	for (size_t i = 0; i < SL_ARRAY_LEN(files); i++) {
		const struct buf b = {.data = (uint8_t *)(uintptr_t)files[i].bytes,
		                      .len = strlen(files[i].bytes)};

		refused(&b, NULL, files[i].format, "", files[i].code, files[i].text,
		        files[i].remedy);
	}
}

static void wrong_pkcs12_files_are_refused_in_words(void **state)
{
	struct site *s = *state;
	struct buf file, no_cert, key;
	struct p12 p;

	buf_init(&file, OUT_MAX);
	buf_init(&no_cert, OUT_MAX);
	buf_init(&key, OUT_MAX);
	add_key(&key, s->leaf_key, NULL);
	p12_start(&p);
	p12_add_key(&p, s->leaf_key, NULL, "secret", ROUNDS);
	p12_end(&p, "secret", ROUNDS, &no_cert);
	refused(&no_cert, NULL, PKI_FORMAT_AUTO, "secret", SL_ENOENT,
	        "the file holds no certificate", "export it with its certificate");
	p12_start(&p);
	p12_add_cert(&p, s->second, NULL);
	p12_add_key(&p, s->second_key, NULL, "secret", ROUNDS);
	p12_add_key(&p, s->leaf_key, NULL, "secret", ROUNDS);
	p12_end(&p, "secret", ROUNDS, &file);
	refused(&file, NULL, PKI_FORMAT_AUTO, "secret", SL_EMISMATCH,
	        "the key number 2 is of no certificate in the file",
	        "export each key with its certificate");
	refused(&file, NULL, PKI_FORMAT_AUTO, "", SL_EPERM,
	        "the password does not open this PKCS12 file", "give its password");
	refused(&file, NULL, PKI_FORMAT_AUTO, "guess", SL_EPERM,
	        "the password does not open this PKCS12 file", "check its password");
	refused(&file, NULL, PKI_FORMAT_PEM, "secret", SL_EMALFORMED,
	        "is a PKCS12 file, not PEM or DER", "choose the format PKCS12");
	refused(&file, &key, PKI_FORMAT_AUTO, "secret", SL_EINVAL,
	        "the key: the key of a PKCS12 file is in that file", "leave the other file out");
	for (size_t cut = 1; cut < file.len; cut += file.len / 16) {
		const struct buf half = {.data = file.data, .len = file.len - cut};

		refused(&half, NULL, PKI_FORMAT_PKCS12, "secret", SL_EMALFORMED,
		        "is no PKCS12 file", "check the format: it may be PEM or DER");
	}
	buf_fini(&file);
	buf_fini(&no_cert);
	buf_fini(&key);
}

/*
 * The work is asked for by the file alone: years of it must not be begun. Making such a file would
 * take as long, so a number that is in no other place of it is raised afterwards.
 */
enum { PATCHED_ROUNDS = 0x10000 };

static void raise_rounds(struct buf *file)
{
	static const uint8_t from[] = {0x02, 0x03, 0x01, 0x00, 0x00};
	static const uint8_t to[] = {0x02, 0x03, 0x7f, 0xff, 0xff};
	uint8_t *at = memmem(file->data, file->len, from, sizeof(from));

	assert_non_null(at);
	memcpy(at, to, sizeof(to));
}

static void add_stretched_key(struct buf *out, EVP_PKEY *key)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	X509_SIG *sealed =
	        PKCS8_encrypt(-1, EVP_aes_128_cbc(), "secret", 6, NULL, 0, PATCHED_ROUNDS, info);
	unsigned char *der = NULL;
	int len = i2d_X509_SIG(sealed, &der);

	assert_true(len > 0);
	assert_int_equal(buf_add(out, der, (size_t)len), 0);
	OPENSSL_free(der);
	X509_SIG_free(sealed);
	PKCS8_PRIV_KEY_INFO_free(info);
	raise_rounds(out);
}

static void a_password_that_is_stretched_for_ever_is_refused(void **state)
{
	struct site *s = *state;
	const char *rounds = "it asks for more than 8000000 rounds of its password";
	const char *p12_remedy = "export it with fewer rounds: openssl pkcs12 -export -iter 100000";
	struct buf file, cert;
	struct p12 p;

	buf_init(&file, OUT_MAX);
	buf_init(&cert, OUT_MAX);
	add_cert(&cert, s->leaf);
	add_stretched_key(&file, s->leaf_key);
	refused(&cert, &file, PKI_FORMAT_AUTO, "secret", SL_EREFUSED, rounds,
	        "encrypt it with fewer rounds: openssl pkcs8 -topk8 -iter 100000");
	buf_fini(&file);
	p12_start(&p);
	p12_add_cert(&p, s->leaf, NULL);
	p12_end(&p, "secret", PATCHED_ROUNDS, &file);
	raise_rounds(&file);
	refused(&file, NULL, PKI_FORMAT_AUTO, "secret", SL_EREFUSED, rounds, p12_remedy);
	buf_fini(&file);
	p12_start(&p);
	p12_add_key(&p, s->leaf_key, NULL, "secret", PATCHED_ROUNDS);
	p12_add_cert(&p, s->leaf, NULL);
	p12_end(&p, "secret", 0, &file);
	raise_rounds(&file);
	refused(&file, NULL, PKI_FORMAT_AUTO, "secret", SL_EREFUSED, rounds, p12_remedy);
	buf_fini(&file);
	buf_fini(&cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(pem_gives_the_first_certificate_its_key_and_the_rest),
	        cmocka_unit_test(a_key_beside_the_certificate_is_taken_in_every_form),
	        cmocka_unit_test(a_certificate_alone_has_no_key),
	        cmocka_unit_test(a_pkcs12_file_may_have_several_keys_each_with_its_alias),
	        cmocka_unit_test(
	                a_signing_certificate_with_its_key_is_an_entry_and_its_issuer_is_not),
	        cmocka_unit_test(a_long_alias_is_cut_between_two_characters),
	        cmocka_unit_test(a_certificate_outside_every_chain_is_found),
	        cmocka_unit_test(what_is_written_is_read_again),
	        cmocka_unit_test(keys_that_do_not_fit_are_refused_in_words),
	        cmocka_unit_test(what_holds_no_certificate_is_refused_by_what_it_is),
	        cmocka_unit_test(wrong_pkcs12_files_are_refused_in_words),
	        cmocka_unit_test(a_password_that_is_stretched_for_ever_is_refused),
	};

	return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
