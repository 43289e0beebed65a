/* SPDX-License-Identifier: Apache-2.0 */
/* The revocation lists of trust stores on their way into an image. */
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/conf/image.h"
#include "lib/pki/crl.h"
#include "tests/unit/lib/conf/load.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/unit.h"

static struct make_folder folder;
static EVP_PKEY *key, *other;
static X509 *root, *stranger;

static void write_crl(const char *name, X509_CRL *crl)
{
	FILE *f = fopen(make_path(&folder, name), "w");

	assert_non_null(f);
	assert_int_equal(PEM_write_X509_CRL(f, crl), 1);
	assert_int_equal(fclose(f), 0);
	X509_CRL_free(crl);
}

static int setup(void **state)
{
	make_folder_create(&folder);
	key = make_ec("P-256");
	other = make_ec("P-256");
	root = make_ca(key, "Root", NULL, NULL, 0, 100);
	stranger = make_ca(other, "Stranger", NULL, NULL, 0, 100);
	make_cert_pem(make_path(&folder, "root.pem"), root, NULL, 0644);
	make_cert_pem(make_path(&folder, "stranger.pem"), stranger, NULL, 0644);
	write_crl("good.crl", make_crl(root, key, root, 1));
	write_crl("old.crl", make_crl(root, key, root, -1));
	write_crl("forged.crl", make_crl(root, other, root, 1));
	write_crl("stranger.crl", make_crl(stranger, other, root, 1));
	return 0;
}

static int teardown(void **state)
{
	X509_free(root);
	X509_free(stranger);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	make_folder_remove(&folder);
	return 0;
}

struct made {
	struct loaded l; /* errs and rc */
	struct conf_image_maker *maker;
};

/* Two trust stores: the root with these lists, and the default CAs (the stranger) with theirs. */
static struct made make(const char *first, const char *second)
{
	struct made m = {.maker = NULL};
	struct conf_document *doc;
	char yaml[4096];

	(void)snprintf(yaml, sizeof(yaml),
	               "version: 1\n"
	               "device: {default_ca_file: %s/stranger.pem}\n"
	               "ca_certificates: [{name: root, certificate: %s/root.pem}]\n"
	               "trust_stores:\n"
	               "  - name: one\n"
	               "    ca_certificates: [root]\n"
	               "    include_default_ca_certificates: false\n"
	               "    crls: [%s]\n"
	               "  - name: two\n"
	               "    crls: [%s]\n",
	               folder.path, folder.path, first, second);
	conf_errors_init(&m.l.errs);
	assert_int_equal(conf_load_yaml("t.yaml", yaml, strlen(yaml), &m.l.errs, &doc), 0);
	m.l.rc = conf_image_create(conf_document_root(doc), 1, &m.l.errs, &m.maker);
	conf_document_destroy(doc);
	return m;
}

static void unmake(struct made *m)
{
	conf_image_maker_destroy(m->maker);
	conf_errors_fini(&m->l.errs);
}

static const char *path(const char *name)
{
	static char text[8][512];
	static unsigned next;
	char *at = text[next++ % 8];

	(void)snprintf(at, sizeof(text[0]), "%s/%s", folder.path, name);
	return at;
}

static void lists_come_into_the_image_once_however_many_stores_name_them(void **state)
{
	struct made m = make(path("good.crl"), path("good.crl"));
	X509_STORE *store = X509_STORE_new();
	struct pki_error err;
	char name[600];
	const void *der, *ca;
	size_t len, ca_len;

	assert_int_equal(m.l.rc, 0);
	(void)snprintf(name, sizeof(name), CONF_SECTION_CRLS, path("good.crl"));
	assert_int_equal(conf_image_maker_section(m.maker, name, &der, &len), 0);
	assert_int_equal(pki_store_add_crls(store, "t", der, len, &err), 0);
	assert_int_equal(sk_X509_OBJECT_num(X509_STORE_get0_objects(store)), 1);
	/* A store that no policy names is made by workers all the same. */
	assert_int_equal(conf_image_maker_section(m.maker, CONF_SECTION_DEFAULT_CA, &ca, &ca_len),
	                 0);
	X509_STORE_free(store);
	unmake(&m);
}

static void what_there_is_to_say_of_a_list_is_a_notice_at_its_line(void **state)
{
	static const char *const texts[] = {"has expired", "not signed by the CA of that name",
	                                    "CN=Stranger\" is of no CA of this trust store"};
	struct made m;
	char lists[2048];

	(void)snprintf(lists, sizeof(lists), "%s, %s, %s, %s", path("good.crl"), path("old.crl"),
	               path("forged.crl"), path("stranger.crl"));
	m = make(lists, path("stranger.crl"));
	assert_int_equal(m.l.rc, 0);
	assert_int_equal(m.l.errs.count, SL_ARRAY_LEN(texts));
	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++) {
		char pointer[64];
		const struct conf_error *e;

		(void)snprintf(pointer, sizeof(pointer), "/trust_stores/0/crls/%zu", i + 1);
		e = error_at(&m.l, pointer, texts[i]);
		assert_non_null(e);
		assert_true(e->notice);
		assert_int_equal(e->line, 8);
		assert_true(e->remedy[0]);
	}
	unmake(&m);
}

static void a_file_that_is_no_list_is_refused_at_its_line_with_a_remedy(void **state)
{
	struct made m = make("/nonexistent/a.crl", path("root.pem"));
	const struct conf_error *missing, *other_file;

	assert_int_equal(m.l.rc, SL_ENOENT);
	assert_int_equal(m.l.errs.refusals, 2);
	missing = error_at(&m.l, "/trust_stores/0/crls/0", "/nonexistent/a.crl");
	other_file = error_at(&m.l, "/trust_stores/1/crls/0", "holds no revocation list");
	assert_non_null(missing);
	assert_int_equal(missing->line, 8);
	assert_true(missing->remedy[0]);
	assert_non_null(other_file);
	assert_int_equal(other_file->line, 10);
	assert_non_null(strstr(other_file->remedy, "PEM or DER"));
	unmake(&m);
}

/* One list with entries enough for this many bytes and a few more. */
static void write_large(const char *name, size_t bytes)
{
	X509_CRL *crl = make_crl(root, key, NULL, 1);
	ASN1_TIME *when = X509_time_adj_ex(NULL, -1, 0, NULL);
	unsigned char serial[16] = {0x40};
	unsigned char *der = NULL;
	int len;

	for (size_t i = 0; i < bytes / 35; i++) {
		X509_REVOKED *entry = X509_REVOKED_new();
		ASN1_INTEGER *number = ASN1_INTEGER_new();

		memcpy(serial + 8, &i, sizeof(i));
		assert_int_equal(ASN1_STRING_set(number, serial, sizeof(serial)), 1);
		assert_int_equal(X509_REVOKED_set_serialNumber(entry, number), 1);
		assert_int_equal(X509_REVOKED_set_revocationDate(entry, when), 1);
		assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
		ASN1_INTEGER_free(number);
	}
	assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
	len = i2d_X509_CRL(crl, &der);
	make_file(make_path(&folder, name), (char *)der, (size_t)len, 0644);
	OPENSSL_free(der);
	ASN1_TIME_free(when);
	X509_CRL_free(crl);
}

/* A file counts for each store that names it: each is a copy in every worker. */
static void more_than_workers_may_keep_is_refused(void **state)
{
	struct made m;
	char lists[2048];

	write_large("large.crl", 3U * 512 * 1024);
	m = make(path("large.crl"), path("large.crl"));
	assert_int_equal(m.l.rc, 0);
	unmake(&m);
	(void)snprintf(lists, sizeof(lists), "%s, %s", path("good.crl"), path("large.crl"));
	write_large("more.crl", 5U * 256 * 1024);
	m = make(lists, lists);
	assert_int_equal(m.l.rc, 0);
	unmake(&m);
	(void)snprintf(lists, sizeof(lists), "%s, %s", path("large.crl"), path("more.crl"));
	m = make(path("large.crl"), lists);
	assert_int_equal(m.l.rc, SL_ELIMIT);
	assert_non_null(error_at(&m.l, "/trust_stores/1/crls/1", "come to more than 4 MiB"));
	unmake(&m);
	write_large("too-large.crl", 9U * 1024 * 1024);
	m = make(path("too-large.crl"), "");
	assert_int_equal(m.l.rc, SL_ELIMIT);
	assert_non_null(error_at(&m.l, "/trust_stores/0/crls/0", "more than 8 MiB"));
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(lists_come_into_the_image_once_however_many_stores_name_them),
	        cmocka_unit_test(what_there_is_to_say_of_a_list_is_a_notice_at_its_line),
	        cmocka_unit_test(a_file_that_is_no_list_is_refused_at_its_line_with_a_remedy),
	        cmocka_unit_test(more_than_workers_may_keep_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
