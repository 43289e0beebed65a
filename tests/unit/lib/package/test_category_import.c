/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of names as people have them, and what becomes of lines that are none. */
#include "lib/package/category_import.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/lib/domain/sets.h"
#include "tests/unit/lib/pki/make.h"
#include "tests/unit/unit.h"

static struct make_folder folder;

static int setup(void **state)
{
	make_folder_create(&folder);
	return 0;
}

static int teardown(void **state)
{
	make_folder_remove(&folder);
	return 0;
}

static const char *list(const char *name, const char *text)
{
	const char *path = make_path(&folder, name);

	make_file(path, text, strlen(text), 0644);
	return path;
}

static struct category_import begin(void)
{
	return (struct category_import){.program = "test", .to = category_builder_create()};
}

static void a_table_gives_each_domain_its_categories(void **state)
{
	struct category_import import = begin();
	struct pki_error err;
	struct buf bytes;
	struct categories c;
	uint32_t number;

	assert_int_equal(category_import_csv(&import,
	                                     list("csv", "# ours\n"
	                                                 "@finance,Money, and banks\n"
	                                                 "bank.test,finance\r\n"
	                                                 "\"money.test\" , \"finance\",news\n"
	                                                 "*.times.test;news\n"
	                                                 "not one,news\n"
	                                                 "alone.test\n"
	                                                 "a.test,No/Name\n"
	                                                 "@news\n"),
	                                     &err),
	                 0);
	assert_int_equal(import.left_out, 4);
	c = sets_finish(import.to, &bytes);
	sets_name_is_in(&c, "www.bank.test", "finance;");
	sets_name_is_in(&c, "money.test", "finance;news;");
	sets_name_is_in(&c, "times.test", "news;");
	sets_name_is_in(&c, "alone.test", "");
	assert_int_equal(category_find(&c, "finance", &number), 0);
	assert_string_equal(category_title(&c, number), "Money, and banks");
	buf_fini(&bytes);
}

static void a_hosts_file_is_of_one_category(void **state)
{
	struct category_import import = begin();
	struct pki_error err;
	struct buf bytes;
	struct categories c;

	assert_int_equal(category_import_hosts(&import,
	                                       list("hosts", "127.0.0.1 localhost\n"
	                                                     "::1 ip6-localhost ip6-loopback\n"
	                                                     "0.0.0.0 ads.test\ttrack.test # x\n"
	                                                     "0.0.0.0 0.0.0.0\n"
	                                                     "bare.test\n"),
	                                       "ads", &err),
	                 0);
	assert_int_equal(import.left_out, 1);
	assert_int_equal(category_builder_count(import.to), 2);
	c = sets_finish(import.to, &bytes);
	sets_name_is_in(&c, "ads.test", "ads;");
	sets_name_is_in(&c, "x.track.test", "ads;");
	buf_fini(&bytes);
}

static void a_directory_of_ut1_has_a_category_a_folder_and_no_links(void **state)
{
	struct category_import import = begin();
	char path[300];
	struct pki_error err;
	struct buf bytes;
	struct categories c;
	uint32_t number;

	(void)snprintf(path, sizeof(path), "%s/ut1", folder.path);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(mkdir(make_path(&folder, "ut1/bank"), 0755), 0);
	assert_int_equal(mkdir(make_path(&folder, "ut1/games"), 0755), 0);
	assert_int_equal(mkdir(make_path(&folder, "ut1/urls_only"), 0755), 0);
	assert_int_equal(symlink("bank", make_path(&folder, "ut1/banque")), 0);
	(void)list("ut1/bank/domains", "a.test\n");
	(void)list("ut1/games/domains", "b.test\na.test\n192.0.2.1\n");
	(void)list("ut1/README", "text\n");
	assert_int_equal(category_import_ut1(&import, path, &err), 0);
	assert_int_equal(import.left_out, 0);
	c = sets_finish(import.to, &bytes);
	assert_int_equal(c.count, 2);
	assert_int_equal(category_find(&c, "banque", &number), SL_ENOENT);
	sets_name_is_in(&c, "a.test", "bank;games;");
	sets_name_is_in(&c, "b.test", "games;");
	sets_name_is_in(&c, "192.0.2.1", "games;");
	buf_fini(&bytes);
	(void)unlink(make_path(&folder, "ut1/bank/domains"));
	(void)unlink(make_path(&folder, "ut1/games/domains"));
	(void)unlink(make_path(&folder, "ut1/README"));
	(void)unlink(make_path(&folder, "ut1/banque"));
	(void)rmdir(make_path(&folder, "ut1/bank"));
	(void)rmdir(make_path(&folder, "ut1/games"));
	(void)rmdir(make_path(&folder, "ut1/urls_only"));
	(void)rmdir(path);
}

static void what_is_not_there_is_an_error(void **state)
{
	struct category_import import = begin();
	struct pki_error err;

	assert_int_equal(category_import_csv(&import, "/no/such", &err), SL_ENOENT);
	assert_int_equal(category_import_ut1(&import, "/no/such", &err), SL_ENOENT);
	assert_int_equal(category_import_csv(&import, "/", &err), SL_EINVAL);
	assert_int_equal(category_import_hosts(&import, list("h", ""), "No Name", &err), SL_EINVAL);
	category_builder_destroy(import.to);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_table_gives_each_domain_its_categories),
	        cmocka_unit_test(a_hosts_file_is_of_one_category),
	        cmocka_unit_test(a_directory_of_ut1_has_a_category_a_folder_and_no_links),
	        cmocka_unit_test(what_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
