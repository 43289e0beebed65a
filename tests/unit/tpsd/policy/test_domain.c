/* SPDX-License-Identifier: Apache-2.0 */
/* What a decryption policy says of a name, from documents, files and categories in an image. */
#include "tpsd/policy/domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/image.h"
#include "lib/conf/node.h"
#include "lib/domain/category.h"
#include "tests/unit/unit.h"

#define DOCUMENT "version: 1\nsegments: [{name: wan, port_a: eth1, port_b: eth2}]\n"

struct made {
	struct conf_errors errs;
	struct conf_image_maker *maker;
	struct buf bytes;
	struct conf_image *image;
	int rc;
};

static void add(struct category_builder *b, uint32_t category, const char *name)
{
	assert_int_equal(category_builder_add(b, name, strlen(name), category), 0);
}

static void add_categories(struct conf_image_maker *maker)
{
	struct category_builder *b = category_builder_create();
	uint32_t finance, news, games;
	struct buf bytes;

	buf_init(&bytes, 1u << 20);
	assert_int_equal(category_builder_category(b, "finance", "", &finance), 0);
	assert_int_equal(category_builder_category(b, "news", "", &news), 0);
	assert_int_equal(category_builder_category(b, "games", "", &games), 0);
	add(b, finance, "bank.test");
	add(b, news, "money.test");
	add(b, finance, "money.test");
	add(b, games, "play.bank.test");
	assert_int_equal(category_builder_finish(b, &bytes), 0);
	assert_int_equal(conf_image_add(maker, CONF_SECTION_CATEGORIES, bytes.data, bytes.len), 0);
	buf_fini(&bytes);
	category_builder_destroy(b);
}

static struct made make(const char *yaml)
{
	struct conf_document *doc;
	struct made m;

	conf_errors_init(&m.errs);
	buf_init(&m.bytes, 1u << 24);
	assert_int_equal(conf_load_yaml("t.yaml", yaml, strlen(yaml), &m.errs, &doc), 0);
	m.rc = conf_image_create(conf_document_root(doc), 1, &m.errs, &m.maker);
	conf_document_destroy(doc);
	if (m.rc != 0)
		return m;
	add_categories(m.maker);
	assert_int_equal(conf_image_finish(m.maker, &m.bytes), 0);
	assert_int_equal(conf_image_open(m.bytes.data, m.bytes.len, &m.image), 0);
	return m;
}

static void unmake(struct made *m)
{
	if (m->rc == 0) {
		conf_image_close(m->image);
		conf_image_maker_destroy(m->maker);
	}
	buf_fini(&m->bytes);
	conf_errors_fini(&m->errs);
}

static struct decryption *open_policy(struct made *m, const char *name)
{
	struct config *c = conf_image_maker_config(m->maker);
	struct decryption *d;

	assert_int_equal(decryption_create(m->image, config_find_decryption_policy(c, name), &d),
	                 0);
	return d;
}

static void judges(const struct decryption *d, const char *name, enum domain_kind kind,
                   const char *text)
{
	struct domain_verdict v;

	decryption_judge(d, name, strlen(name), true, &v);
	assert_int_equal(v.kind, kind);
	assert_string_equal(v.text, text);
	assert_int_equal(domain_is_excepted(&v),
	                 kind == DOMAIN_EXCEPTED || kind == DOMAIN_CATEGORY);
}

/* R40: what is not licensed counts for nothing; the lists of domains go on. */
static void without_a_licence_categories_count_for_nothing(void **state)
{
	struct made m = make(DOCUMENT "decryption_policies: [{name: p, domains: [\"*.shop.test\"], "
	                              "categories: [finance]}]\n");
	struct decryption *d = open_policy(&m, "p");
	struct domain_verdict v;

	judges(d, "www.bank.test", DOMAIN_CATEGORY, "finance");
	decryption_judge(d, "www.bank.test", strlen("www.bank.test"), false, &v);
	assert_int_equal(v.kind, DOMAIN_DECRYPT);
	decryption_judge(d, "a.shop.test", strlen("a.shop.test"), false, &v);
	assert_int_equal(v.kind, DOMAIN_EXCEPTED);
	decryption_destroy(d);
	unmake(&m);
}

static void the_domain_list_comes_before_overrides_and_these_before_categories(void **state)
{
	struct made m =
	        make(DOCUMENT "decryption_policies: [{name: p, domains: [\"*.bank.test\"], "
	                      "category_overrides: [www.bank.test, bank.test, \"*.money.test\"], "
	                      "categories: [finance]}]\n");
	struct decryption *d = open_policy(&m, "p");

	judges(d, "www.bank.test", DOMAIN_EXCEPTED, "*.bank.test");
	judges(d, "bank.test", DOMAIN_OVERRIDE, "bank.test");
	judges(d, "www.money.test", DOMAIN_OVERRIDE, "*.money.test");
	judges(d, "MONEY.test.", DOMAIN_CATEGORY, "finance");
	judges(d, "else.test", DOMAIN_DECRYPT, "");
	judges(d, "", DOMAIN_DECRYPT, "");
	judges(NULL, "bank.test", DOMAIN_DECRYPT, "");
	decryption_destroy(d);
	unmake(&m);
}

static void all_categories_are_decrypted_by_default(void **state)
{
	struct made m = make(DOCUMENT "decryption_policies: [{name: p}, {name: q, categories: "
	                              "[news, unheard-of]}]\n");
	struct decryption *p = open_policy(&m, "p"), *q = open_policy(&m, "q");

	judges(p, "bank.test", DOMAIN_DECRYPT, "");
	judges(q, "bank.test", DOMAIN_DECRYPT, "");
	judges(q, "www.money.test", DOMAIN_CATEGORY, "news");
	decryption_destroy(p);
	decryption_destroy(q);
	unmake(&m);
}

static void the_most_specific_name_decides_on_categories(void **state)
{
	struct made m = make(DOCUMENT "decryption_policies: [{name: p, categories: [finance]}]\n");
	struct decryption *d = open_policy(&m, "p");

	judges(d, "www.bank.test", DOMAIN_CATEGORY, "finance");
	judges(d, "x.play.bank.test", DOMAIN_DECRYPT, "");
	decryption_destroy(d);
	unmake(&m);
}

static void the_policy_default_is_there_and_can_be_replaced(void **state)
{
	struct made there = make(DOCUMENT);
	struct made ours = make(DOCUMENT "decryption_policies: [{name: Default, domains: "
	                                 "[ours.test]}]\n");
	struct decryption *d = open_policy(&there, "Default"), *o = open_policy(&ours, "Default");

	judges(d, "1-courier.push.apple.com", DOMAIN_EXCEPTED, "*.push.apple.com");
	judges(d, "fe2.update.microsoft.com", DOMAIN_EXCEPTED, "*.update.microsoft.com");
	judges(d, "apple.com", DOMAIN_DECRYPT, "");
	judges(d, "ours.test", DOMAIN_DECRYPT, "");
	judges(o, "1-courier.push.apple.com", DOMAIN_DECRYPT, "");
	judges(o, "ours.test", DOMAIN_EXCEPTED, "ours.test");
	decryption_destroy(d);
	decryption_destroy(o);
	unmake(&there);
	unmake(&ours);
}

static void a_long_pattern_is_cut_in_the_verdict(void **state)
{
	char yaml[1024], name[254];
	struct domain_verdict v;
	struct decryption *d;
	struct made m;

	for (size_t i = 0; i < 253; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	name[253] = '\0';
	(void)snprintf(yaml, sizeof(yaml),
	               DOCUMENT "decryption_policies: [{name: p, domains: [%s]}]\n", name);
	m = make(yaml);
	d = open_policy(&m, "p");
	decryption_judge(d, name, 253, true, &v);
	assert_int_equal(v.kind, DOMAIN_EXCEPTED);
	assert_int_equal(strlen(v.text), DOMAIN_VERDICT_TEXT - 1);
	decryption_destroy(d);
	unmake(&m);
}

/* The worker closes the image when it has prepared a revision. */
static void a_policy_keeps_the_image_that_it_looks_into(void **state)
{
	struct made m = make(DOCUMENT "decryption_policies: [{name: p, domains: [a.test]}]\n");
	struct conf_image *image;
	struct decryption *d;
	int fd;

	assert_int_equal(conf_image_finish_fd(m.maker, &fd), 0);
	assert_int_equal(conf_image_open_fd(fd, &image), 0);
	assert_int_equal(
	        decryption_create(
	                image, config_find_decryption_policy(conf_image_maker_config(m.maker), "p"),
	                &d),
	        0);
	conf_image_close(image);
	(void)close(fd);
	judges(d, "a.test", DOMAIN_EXCEPTED, "a.test");
	decryption_destroy(d);
	unmake(&m);
}

static void damaged_sections_do_not_open(void **state)
{
	static const char *const sections[] = {"domains/p", "overrides/q", "categories"};
	static const char yaml[] = DOCUMENT
	        "decryption_policies: [{name: none, categories: [a]}, {name: p}, {name: q}]\n";
	struct conf_document *doc;

	for (size_t i = 0; i < SL_ARRAY_LEN(sections); i++) {
		static const char *const policies[] = {"p", "q", "none"};
		struct decryption *d;
		struct made m;

		conf_errors_init(&m.errs);
		buf_init(&m.bytes, 1u << 24);
		assert_int_equal(conf_load_yaml("t", yaml, strlen(yaml), &m.errs, &doc), 0);
		m.rc = conf_image_create(conf_document_root(doc), 1, &m.errs, &m.maker);
		conf_document_destroy(doc);
		assert_int_equal(m.rc, 0);
		assert_int_equal(conf_image_add(m.maker, sections[i], "nonsense", 8), 0);
		assert_int_equal(conf_image_finish(m.maker, &m.bytes), 0);
		assert_int_equal(conf_image_open(m.bytes.data, m.bytes.len, &m.image), 0);
		assert_int_equal(
		        decryption_create(m.image,
		                          config_find_decryption_policy(
		                                  conf_image_maker_config(m.maker), policies[i]),
		                          &d),
		        SL_EMALFORMED);
		unmake(&m);
	}
}

/* A list file of `content`; its path in `path`. */
static void write_list(char *path, const char *content)
{
	int fd;

	(void)strcpy(path, "/tmp/test-policy-domain-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	(void)close(fd);
}

static void files_add_to_the_lists_and_bad_lines_are_noticed(void **state)
{
	char path[64], yaml[512];
	struct decryption *d;
	struct made m;

	write_list(path, "# ours\n*.file.test\nnot \x01 one\nlast.test");
	(void)snprintf(yaml, sizeof(yaml),
	               DOCUMENT
	               "decryption_policies: [{name: p, domains: [inline.test], domains_file: %s, "
	               "category_overrides_file: %s}]\n",
	               path, path);
	m = make(yaml);
	assert_int_equal(m.rc, 0);
	d = open_policy(&m, "p");
	judges(d, "inline.test", DOMAIN_EXCEPTED, "inline.test");
	judges(d, "a.b.file.test", DOMAIN_EXCEPTED, "*.file.test");
	judges(d, "last.test", DOMAIN_EXCEPTED, "last.test");
	assert_int_equal(m.errs.count, 2);
	assert_true(m.errs.items[0].notice);
	assert_string_equal(m.errs.items[0].file, path);
	assert_int_equal(m.errs.items[0].line, 3);
	assert_non_null(strstr(m.errs.items[0].text, "\"not ? one\" is not a domain"));
	decryption_destroy(d);
	unmake(&m);
	(void)unlink(path);
}

static void of_many_bad_lines_some_are_listed_and_the_rest_counted(void **state)
{
	char path[64], yaml[512];
	struct buf text;
	struct made m;

	buf_init(&text, 1u << 20);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(buf_printf(&text, "http://%u/\n", i), 0);
	write_list(path, buf_text(&text));
	(void)snprintf(yaml, sizeof(yaml),
	               DOCUMENT "decryption_policies: [{name: p, domains_file: %s}]\n", path);
	m = make(yaml);
	assert_int_equal(m.rc, 0);
	assert_int_equal(m.errs.count, 201);
	assert_int_equal(m.errs.refusals, 0);
	for (size_t i = 0, found = 0; i <= m.errs.count; i++) {
		assert_true(i < m.errs.count || found == 1);
		found += i < m.errs.count && strstr(m.errs.items[i].text, "800 more lines");
	}
	unmake(&m);
	buf_fini(&text);
	(void)unlink(path);
}

static void a_file_that_is_missing_refuses(void **state)
{
	struct made m =
	        make(DOCUMENT "decryption_policies: [{name: p, domains_file: /no/such/list}]\n");

	assert_int_equal(m.rc, SL_ENOENT);
	assert_string_equal(m.errs.items[0].pointer, "/decryption_policies/0/domains_file");
	assert_non_null(strstr(m.errs.items[0].text, "/no/such/list: the list cannot be read"));
	unmake(&m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(without_a_licence_categories_count_for_nothing),
	        cmocka_unit_test(
	                the_domain_list_comes_before_overrides_and_these_before_categories),
	        cmocka_unit_test(all_categories_are_decrypted_by_default),
	        cmocka_unit_test(the_most_specific_name_decides_on_categories),
	        cmocka_unit_test(the_policy_default_is_there_and_can_be_replaced),
	        cmocka_unit_test(a_long_pattern_is_cut_in_the_verdict),
	        cmocka_unit_test(a_policy_keeps_the_image_that_it_looks_into),
	        cmocka_unit_test(damaged_sections_do_not_open),
	        cmocka_unit_test(files_add_to_the_lists_and_bad_lines_are_noticed),
	        cmocka_unit_test(of_many_bad_lines_some_are_listed_and_the_rest_counted),
	        cmocka_unit_test(a_file_that_is_missing_refuses),
	};

	return RUN_TESTS(tests);
}
