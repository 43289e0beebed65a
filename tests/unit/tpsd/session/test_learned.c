/* SPDX-License-Identifier: Apache-2.0 */
/* Destinations that are left alone for a while. */
#include "tpsd/session/learned.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/unit.h"

static struct learned *l;

static int create(void **state)
{
	l = learned_create();
	return l ? 0 : -1;
}

static int destroy(void **state)
{
	learned_destroy(l);
	return 0;
}

static enum reason find(uint32_t client, uint32_t server, uint16_t port, const char *sni,
                        uint64_t now_ns)
{
	struct addr c = addr_from_v4(client), s = addr_from_v4(server);
	const struct learned_key key = {client ? &c : NULL, &s, port, sni};

	return learned_find(l, &key, now_ns);
}

static void add(uint32_t client, uint32_t server, const char *sni, enum reason reason,
                uint64_t now_ns)
{
	struct addr c = addr_from_v4(client), s = addr_from_v4(server);
	const struct learned_key key = {client ? &c : NULL, &s, 443, sni};

	learned_add(l, &key, reason, now_ns);
}

static void an_entry_is_for_its_name_server_and_port_and_ends(void **state)
{
	add(0, 1, "a.test", REASON_CLIENT_CERTIFICATE, 1000);
	assert_int_equal(find(0, 1, 443, "A.TEST", 2000), REASON_CLIENT_CERTIFICATE);
	assert_int_equal(find(0, 1, 444, "a.test", 2000), REASON_NONE);
	assert_int_equal(find(0, 1, 443, "b.test", 2000), REASON_NONE);
	assert_int_equal(find(0, 2, 443, "a.test", 2000), REASON_NONE);
	assert_int_equal(
	        find(0, 1, 443, "a.test", 1000 + (LEARNED_LIFETIME_S + 1) * CLOCK_NS_PER_S),
	        REASON_NONE);
	assert_int_equal(learned_count(l), 0);
}

static void what_one_client_caused_is_its_own_and_what_several_did_is_the_site_s(void **state)
{
	for (uint32_t client = 1; client < LEARNED_CLIENTS; client++)
		for (int again = 0; again < 10; again++)
			add(client, 77, "a.test", REASON_CLIENT_ALERT, 1000);
	assert_int_equal(find(1, 77, 443, "a.test", 2000), REASON_CLIENT_ALERT);
	assert_int_equal(find(9, 77, 443, "a.test", 2000), REASON_NONE);
	assert_int_equal(find(0, 77, 443, "a.test", 2000), REASON_NONE);
	add(LEARNED_CLIENTS, 77, "a.test", REASON_CLIENT_ALERT, 1000);
	assert_int_equal(find(0, 77, 443, "a.test", 2000), REASON_CLIENT_ALERT);
	assert_int_equal(find(0, 77, 443, "b.test", 2000), REASON_NONE);
}

/* Whatever names one client goes through, others' entries, and those of all, stay. */
static void one_client_that_refuses_everything_makes_nobody_else_s_entries_go(void **state)
{
	char name[32];

	for (uint32_t other = 1000; other < 1500; other++)
		add(other, 1, "pinned.test", REASON_CLIENT_ALERT, other);
	add(0, 1, "asks.test", REASON_CLIENT_CERTIFICATE, 1);
	for (uint32_t i = 0; i < 2 * LEARNED_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%u.test", i);
		add(7, i % 3, name, REASON_CLIENT_ALERT, 2000 + i);
		assert_int_equal(find(7, i % 3, 443, name, 2000 + i), REASON_CLIENT_ALERT);
	}
	for (uint32_t other = 1000; other < 1500; other++)
		assert_int_equal(find(other, 1, 443, "pinned.test", 2000), REASON_CLIENT_ALERT);
	assert_int_equal(find(0, 1, 443, "asks.test", 2000), REASON_CLIENT_CERTIFICATE);
	/* 500 of the others, theirs and the site's count; that for all; the site's own. */
	assert_true(learned_count(l) <= 500 + 3 + LEARNED_CLIENT_MAX);
}

static void however_many_are_learned_the_table_stays_its_size(void **state)
{
	for (uint32_t i = 1; i < 4 * LEARNED_MAX; i++) {
		add(0, i, "", REASON_SERVER_SUITE, i);
		assert_int_equal(find(0, i, 443, "", i), REASON_SERVER_SUITE);
	}
	assert_true(learned_count(l) <= LEARNED_MAX);
	learned_clear(l, NULL);
	assert_int_equal(find(0, 1, 443, "", 0), REASON_NONE);
	assert_int_equal(learned_count(l), 0);
}

static void note(void *arg, const struct learned_entry *e)
{
	size_t *n = arg;

	assert_string_equal(e->sni, "b.test");
	++*n;
}

static void a_name_can_be_forgotten_and_the_rest_is_listed(void **state)
{
	size_t n = 0;

	add(0, 1, "a.test", REASON_SERVER_SUITE, 1000);
	add(5, 1, "b.test", REASON_CLIENT_ALERT, 1000);
	assert_int_equal(learned_clear(l, "A.test"), 1);
	learned_each(l, 2000, note, &n);
	assert_int_equal(n, 1);
}

static void another_revision_decides_anew_and_the_same_one_does_not(void **state)
{
	learned_begin(l, 7);
	add(0, 1, "a.test", REASON_SERVER_SUITE, 1000);
	learned_begin(l, 7);
	assert_int_equal(find(0, 1, 443, "a.test", 2000), REASON_SERVER_SUITE);
	learned_begin(l, 8);
	assert_int_equal(find(0, 1, 443, "a.test", 2000), REASON_NONE);
}

/* Workers are killed now and then; what one learned is known to all. */
static long shared_kib(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];
	long kib = -1;

	assert_non_null(status);
	while (fgets(line, sizeof(line), status))
		(void)sscanf(line, "RssShmem: %ld", &kib);
	(void)fclose(status);
	assert_true(kib >= 0);
	return kib;
}

/* It has room for thousands, and most boxes never learn one. */
static void a_table_in_which_nothing_is_takes_no_memory(void **state)
{
	struct learned *fresh = learned_create();
	long before = shared_kib();

	assert_non_null(fresh);
	learned_begin(fresh, 1);
	learned_begin(fresh, 2);
	learned_each(fresh, 0, note, NULL);
	assert_int_equal(learned_clear(fresh, NULL), 0);
	assert_true(shared_kib() - before < 64);
	learned_destroy(fresh);
}

static void the_table_is_shared_and_outlives_a_process_that_is_killed_in_it(void **state)
{
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0)
			for (uint32_t n = 0;; n++)
				add(0, 1000 + n % 64, "child.test", REASON_SERVER_SUITE, 1000);
		while (find(0, 1000, 443, "child.test", 2000) == REASON_NONE)
			usleep(100);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		add(0, 1, "a.test", REASON_SERVER_SUITE, 1000);
		assert_int_equal(find(0, 1, 443, "a.test", 2000), REASON_SERVER_SUITE);
		learned_clear(l, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_table_in_which_nothing_is_takes_no_memory),
	        cmocka_unit_test_setup_teardown(an_entry_is_for_its_name_server_and_port_and_ends,
	                                        create, destroy),
	        cmocka_unit_test_setup_teardown(
	                what_one_client_caused_is_its_own_and_what_several_did_is_the_site_s,
	                create, destroy),
	        cmocka_unit_test_setup_teardown(
	                one_client_that_refuses_everything_makes_nobody_else_s_entries_go, create,
	                destroy),
	        cmocka_unit_test_setup_teardown(however_many_are_learned_the_table_stays_its_size,
	                                        create, destroy),
	        cmocka_unit_test_setup_teardown(a_name_can_be_forgotten_and_the_rest_is_listed,
	                                        create, destroy),
	        cmocka_unit_test_setup_teardown(
	                another_revision_decides_anew_and_the_same_one_does_not, create, destroy),
	        cmocka_unit_test_setup_teardown(
	                the_table_is_shared_and_outlives_a_process_that_is_killed_in_it, create,
	                destroy),
	};

	return RUN_TESTS(tests);
}
