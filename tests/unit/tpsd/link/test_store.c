/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/link/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/unit.h"

static struct {
	char dir[64];
	struct store *store;
} env;

static struct store_owner me(void)
{
	return (struct store_owner){.uid = geteuid(), .gid = getegid(), .readers = getegid()};
}

static int setup(void **state)
{
	const struct store_owner owner = me();

	(void)snprintf(env.dir, sizeof(env.dir), "/tmp/test_store.XXXXXX");
	assert_non_null(mkdtemp(env.dir));
	assert_int_equal(store_open(env.dir, &owner, &env.store), 0);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	store_close(env.store);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", env.dir);
	assert_int_equal(system(command), 0);
	return 0;
}

static mode_t mode_of(const char *name)
{
	char path[256];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/sms/%s", env.dir, name);
	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void a_small_file_is_replaced_whole_and_ours_alone(void **state)
{
	struct buf text;

	buf_init(&text, 8192);
	assert_int_equal(store_read(env.store, "state.json", &text), SL_ENOENT);
	assert_int_equal(store_write(env.store, "state.json", "one", 3), 0);
	assert_int_equal(store_write(env.store, "state.json", "three", 5), 0);
	assert_int_equal(store_read(env.store, "state.json", &text), 0);
	assert_string_equal(buf_text(&text), "three");
	assert_int_equal(mode_of("state.json"), 0600);
	assert_int_equal(mode_of("state.json.new"), 0);
	assert_int_equal(store_remove(env.store, "state.json"), 0);
	assert_int_equal(store_remove(env.store, "state.json"), 0);
	buf_fini(&text);
}

static void a_file_of_documents_has_its_name_when_it_is_whole(void **state)
{
	const uint8_t sha256[STORE_DIGEST] = {0xab, 1};
	char name[80];
	int fd;

	(void)snprintf(name, sizeof(name), "files/ab01%060d", 0);
	assert_false(store_has_file(env.store, sha256, 4));
	assert_int_equal(store_begin_file(env.store, sha256, &fd), 0);
	assert_int_equal(store_add_file(fd, "ab", 2), 0);
	assert_int_equal(store_add_file(fd, "cd", 2), 0);
	assert_false(store_has_file(env.store, sha256, 4));
	assert_int_equal(store_keep_file(env.store, sha256, fd), 0);
	(void)close(fd);
	assert_true(store_has_file(env.store, sha256, 4));
	assert_false(store_has_file(env.store, sha256, 5));
	assert_int_equal(mode_of(name), 0640);
	assert_int_equal(mode_of("files"), 02750);
}

static const uint8_t many[3][STORE_DIGEST] = {{0xab, 2}, {0xab, 3}, {0xab, 4}};

static void lay_two_of_three(void)
{
	assert_int_equal(store_lay_begin(env.store, many, 3), 0);
	assert_int_equal(store_lay(env.store, many[0], "ab", 2), 0);
	assert_int_equal(store_lay(env.store, many[1], "", 0), 0);
}

static void many_files_are_laid_down_together(void **state)
{
	char name[80];

	(void)snprintf(name, sizeof(name), "files/ab02%060d", 0);
	lay_two_of_three();
	assert_int_not_equal(mode_of("files.new"), 0);
	assert_int_equal(store_lay(env.store, many[2], "abc", 3), 0);
	assert_int_equal(store_lay_end(env.store), 0);
	assert_int_equal(mode_of("files.new"), 0);
	assert_true(store_has_file(env.store, many[0], 2));
	assert_true(store_has_file(env.store, many[1], 0));
	assert_true(store_has_file(env.store, many[2], 3));
	assert_int_equal(mode_of(name), 0640);
	/* There is no list any more: nothing to undo. */
	store_lay_undo(env.store);
	assert_true(store_has_file(env.store, many[0], 2));
}

/* Whoever has the host in hand may have an umask that nobody but root reads by. */
static void files_have_their_modes_under_any_umask(void **state)
{
	const struct store_owner owner = me();
	char name[80];

	(void)snprintf(name, sizeof(name), "files/ab02%060d", 0);
	store_close(env.store);
	(void)umask(0777);
	assert_int_equal(store_open(env.dir, &owner, &env.store), 0);
	lay_two_of_three();
	assert_int_equal(mode_of(name), 0640);
}

static void what_was_being_laid_down_goes_when_it_is_undone(void **state)
{
	const uint8_t other[STORE_DIGEST] = {0xab, 5};

	assert_int_equal(store_lay_begin(env.store, &other, 1), 0);
	assert_int_equal(store_lay(env.store, other, "abcd", 4), 0);
	assert_int_equal(store_lay_end(env.store), 0);
	lay_two_of_three();
	store_lay_undo(env.store);
	assert_false(store_has_file(env.store, many[0], 2));
	assert_false(store_has_file(env.store, many[1], 0));
	assert_true(store_has_file(env.store, other, 4));
	assert_int_equal(mode_of("files.new"), 0);
}

/* A kill, or a loss of power, that left names of files without their bytes. */
static void what_was_being_laid_down_is_gone_at_the_next_start(void **state)
{
	const struct store_owner owner = me();

	lay_two_of_three();
	store_close(env.store);
	assert_int_equal(store_open(env.dir, &owner, &env.store), 0);
	assert_false(store_has_file(env.store, many[0], 2));
	assert_false(store_has_file(env.store, many[1], 0));
	assert_int_equal(mode_of("files.new"), 0);
}

/* New files come after a look; what is looked for then is what was there. */
static void what_is_here_is_looked_up_once(void **state)
{
	const uint8_t later[STORE_DIGEST] = {0xab, 9};

	store_look(env.store);
	assert_false(store_has_file(env.store, many[0], 2));
	lay_two_of_three();
	assert_int_equal(store_lay_end(env.store), 0);
	store_look(env.store);
	assert_true(store_has_file(env.store, many[0], 2));
	assert_false(store_has_file(env.store, many[0], 3));
	assert_true(store_has_file(env.store, many[1], 0));
	assert_false(store_has_file(env.store, many[2], 3));
	assert_int_equal(store_lay_begin(env.store, &later, 1), 0);
	assert_int_equal(store_lay(env.store, later, "x", 1), 0);
	assert_int_equal(store_lay_end(env.store), 0);
	assert_false(store_has_file(env.store, later, 1));
	store_look(env.store);
	assert_true(store_has_file(env.store, later, 1));
}

static enum store_use use_of(void *arg, const char *name)
{
	return name[0] == 'a' ? STORE_NAMED : name[0] == 'd' ? STORE_WANTED : STORE_UNNAMED;
}

static bool is_young(const uint8_t sha256[STORE_DIGEST])
{
	char path[256];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/sms/files/%02x%062d", env.dir, sha256[0], 0);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mtime > 1000;
}

static void what_nothing_names_goes_when_it_is_old(void **state)
{
	const uint8_t kept[STORE_DIGEST] = {0xaa}, gone[STORE_DIGEST] = {0xbb},
	              young[STORE_DIGEST] = {0xcc}, wanted[STORE_DIGEST] = {0xdd};
	const uint8_t *const all[] = {kept, gone, young, wanted};
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	for (size_t i = 0; i < SL_ARRAY_LEN(all); i++) {
		int fd;

		assert_int_equal(store_begin_file(env.store, all[i], &fd), 0);
		assert_int_equal(store_keep_file(env.store, all[i], fd), 0);
		if (all[i] != young)
			assert_int_equal(futimens(fd, old), 0);
		(void)close(fd);
	}
	store_prune(env.store, 3600, use_of, NULL);
	assert_true(store_has_file(env.store, kept, 0));
	assert_true(is_young(kept));
	assert_false(is_young(wanted));
	assert_true(store_has_file(env.store, wanted, 0));
	assert_true(is_young(wanted));
	assert_false(store_has_file(env.store, gone, 0));
	assert_true(store_has_file(env.store, young, 0));
}

static void a_link_in_the_place_of_the_folder_is_not_followed(void **state)
{
	const struct store_owner owner = me();
	char dir[96], place[128];
	struct store *store;

	(void)snprintf(dir, sizeof(dir), "%s/other", env.dir);
	(void)snprintf(place, sizeof(place), "%s/sms", dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(symlink("/tmp", place), 0);
	assert_int_equal(store_open(dir, &owner, &store), SL_ESYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(a_small_file_is_replaced_whole_and_ours_alone,
	                                        setup, teardown),
	        cmocka_unit_test_setup_teardown(many_files_are_laid_down_together, setup, teardown),
	        cmocka_unit_test_setup_teardown(what_is_here_is_looked_up_once, setup, teardown),
	        cmocka_unit_test_setup_teardown(files_have_their_modes_under_any_umask, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(what_was_being_laid_down_goes_when_it_is_undone,
	                                        setup, teardown),
	        cmocka_unit_test_setup_teardown(what_was_being_laid_down_is_gone_at_the_next_start,
	                                        setup, teardown),
	        cmocka_unit_test_setup_teardown(a_file_of_documents_has_its_name_when_it_is_whole,
	                                        setup, teardown),
	        cmocka_unit_test_setup_teardown(what_nothing_names_goes_when_it_is_old, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(a_link_in_the_place_of_the_folder_is_not_followed,
	                                        setup, teardown),
	};

	return RUN_TESTS(tests);
}
