/* SPDX-License-Identifier: Apache-2.0 */
/* Category packages on their way into an image: signatures, formats, what policies name. */
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/image.h"
#include "lib/domain/category.h"
#include "lib/package/package.h"
#include "tests/unit/lib/conf/load.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/unit.h"

static struct make_folder folder;
static EVP_PKEY *ours, *other;

static void write_public(const char *name, EVP_PKEY *key)
{
	FILE *f = fopen(make_path(&folder, name), "w");

	assert_int_equal(PEM_write_PUBKEY(f, key), 1);
	assert_int_equal(fclose(f), 0);
}

/* A package with one section of these bytes. */
static void write_package(const char *name, EVP_PKEY *key, enum package_kind kind,
                          const struct buf *bytes)
{
	struct package_info info = {.kind = kind, .name = "t", .version = "1"};
	const struct package_section section = {"categories", bytes->data, bytes->len};
	struct buf out;

	buf_init(&out, 1u << 20);
	assert_int_equal(package_write(&info, &section, 1, key, &out), 0);
	make_file(make_path(&folder, name), (char *)out.data, out.len, 0644);
	buf_fini(&out);
}

static int setup(void **state)
{
	struct category_builder *b = category_builder_create();
	struct buf bytes, junk;
	uint32_t finance;

	make_folder_create(&folder);
	ours = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	write_public("ours.pub", ours);
	write_public("other.pub", other);
	buf_init(&bytes, 1u << 20);
	buf_init(&junk, 1u << 20);
	assert_int_equal(category_builder_category(b, "finance", "", &finance), 0);
	assert_int_equal(category_builder_add(b, "bank.test", 9, finance), 0);
	assert_int_equal(category_builder_finish(b, &bytes), 0);
	assert_int_equal(buf_add(&junk, "junk", 4), 0);
	write_package("good", ours, PACKAGE_CATEGORIES, &bytes);
	write_package("filters", ours, PACKAGE_FILTERS, &bytes);
	write_package("junk", ours, PACKAGE_CATEGORIES, &junk);
	buf_fini(&bytes);
	buf_fini(&junk);
	category_builder_destroy(b);
	return 0;
}

static int teardown(void **state)
{
	EVP_PKEY_free(ours);
	EVP_PKEY_free(other);
	make_folder_remove(&folder);
	return 0;
}

struct made {
	struct conf_errors errs;
	struct conf_image_maker *maker;
	int rc;
};

/* A document whose device names this package and these keys, with two policies. */
static struct made make(const char *package, const char *keys)
{
	char yaml[2048];
	struct conf_document *doc;
	struct made m;

	(void)snprintf(
	        yaml, sizeof(yaml),
	        "version: 1\n"
	        "device: {category_package: %s/%s, package_keys: [%s]}\n" SEGMENT
	        "decryption_policies: [{name: p, categories: [finance, games]}, {name: q}]\n",
	        folder.path, package, keys);
	conf_errors_init(&m.errs);
	assert_int_equal(conf_load_yaml("t", yaml, strlen(yaml), &m.errs, &doc), 0);
	m.rc = conf_image_create(conf_document_root(doc), 1, &m.errs, &m.maker);
	conf_document_destroy(doc);
	return m;
}

static void unmake(struct made *m)
{
	if (m->rc == 0)
		conf_image_maker_destroy(m->maker);
	conf_errors_fini(&m->errs);
}

static char *key_path(const char *name)
{
	static char text[512];

	(void)snprintf(text, sizeof(text), "%s/%s", folder.path, name);
	return text;
}

static void says(const struct made *m, bool notice, const char *pointer, const char *part)
{
	for (size_t i = 0; i < m->errs.count; i++)
		if (m->errs.items[i].notice == notice &&
		    strcmp(m->errs.items[i].pointer, pointer) == 0 &&
		    strstr(m->errs.items[i].text, part))
			return;
	fail_msg("nothing at %s says: %s", pointer, part);
}

static void a_signed_package_comes_into_the_image_and_unknown_categories_are_noticed(void **state)
{
	struct made m = make("good", key_path("ours.pub"));
	struct categories c;
	struct domain_match match;
	const void *data;
	size_t len;

	assert_int_equal(m.rc, 0);
	assert_int_equal(conf_image_maker_section(m.maker, CONF_SECTION_CATEGORIES, &data, &len),
	                 0);
	assert_int_equal(categories_open(data, len, &c), 0);
	assert_true(categories_lookup(&c, "www.bank.test", 13, &match));
	assert_int_equal(m.errs.count, 1);
	says(&m, true, "/decryption_policies/0/categories",
	     "the category package has no category \"games\"");
	unmake(&m);
}

static void without_a_package_categories_are_noticed(void **state)
{
	struct loaded l;
	struct conf_image_maker *maker;

	l = load_yaml("version: 1\n" SEGMENT
	              "decryption_policies: [{name: p, categories: [finance]}, {name: q}]\n");
	assert_int_equal(l.rc, 0);
	assert_int_equal(conf_image_create(conf_document_root(l.doc), 1, &l.errs, &maker), 0);
	assert_non_null(error_at(&l, "/decryption_policies/0/categories",
	                         "there is no category package: the policy \"p\" decrypts all"));
	assert_null(error_at(&l, "/decryption_policies/1", ""));
	conf_image_maker_destroy(maker);
	unload(&l);
}

static const struct {
	const char *package, *key;
	int code;
	const char *pointer, *text;
} refusals[] = {
        {"good", "other.pub", SL_EPERM, "/device/category_package",
         "not signed by a key that is trusted"},
        {"filters", "ours.pub", SL_EMISMATCH, "/device/category_package",
         "holds filters, and not categories"},
        {"junk", "ours.pub", SL_EMALFORMED, "/device/category_package",
         "its categories are not taken"},
        {"ours.pub", "ours.pub", SL_EMALFORMED, "/device/category_package", "this is no package"},
        {"missing", "ours.pub", SL_ENOENT, "/device/category_package", "cannot be read"},
        {"good", "good", SL_EMALFORMED, "/device/package_keys", "no public key in PEM"},
};

static void what_is_not_signed_or_no_package_refuses_the_document(void **state)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(refusals); i++) {
		struct made m = make(refusals[i].package, key_path(refusals[i].key));

		assert_int_equal(m.rc, refusals[i].code);
		says(&m, false, refusals[i].pointer, refusals[i].text);
		unmake(&m);
	}
}

static void without_keys_no_package_is_taken(void **state)
{
	struct made m = make("good", "");

	assert_int_equal(m.rc, SL_EPERM);
	unmake(&m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                a_signed_package_comes_into_the_image_and_unknown_categories_are_noticed),
	        cmocka_unit_test(without_a_package_categories_are_noticed),
	        cmocka_unit_test(what_is_not_signed_or_no_package_refuses_the_document),
	        cmocka_unit_test(without_keys_no_package_is_taken),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
