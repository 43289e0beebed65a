/* SPDX-License-Identifier: Apache-2.0 */
/* Limits at the wire: those of the revision that was committed last count from then on. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/event/counter.h"
#include "tests/unit/tpsd/flow/document.h"
#include "tpsd/flow/wire.h"

static struct counter_slab counters;
static struct proc proc = {.counters = &counters};
static struct wire *w;
static const struct flow some;

static int setup(void **state)
{
	proc.loop = loop_create();
	w = calloc(1, sizeof(*w));
	assert_true(proc.loop && w);
	w->proc = &proc;
	return 0;
}

static int teardown(void **state)
{
	config_put(w->config);
	limit_fini(w);
	free(w);
	loop_destroy(proc.loop);
	return 0;
}

static void commit(const char *limits)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "version: 1\nlimits: {%s}\n", limits);
	config_put(w->config);
	w->config = document_build(text);
	limit_configure(w);
	limit_tick(w);
}

static void a_commit_moves_the_bound_of_flows(void **state)
{
	w->flows_in_table = 1500;
	commit("flows: 2000");
	assert_true(limit_admits(w, &some));
	commit("flows: 1024");
	assert_false(limit_admits(w, &some));
	commit("flows: 1600"); /* within 10 % of it */
	assert_false(limit_admits(w, &some));
	commit("flows: 1048576");
	assert_true(limit_admits(w, &some));
}

static void a_commit_moves_the_bounds_of_what_is_held(void **state)
{
	commit("held_packets: 64, held_packets_per_flow: 4, held_bytes: 128KiB");
	assert_int_equal(w->pool.packets_max, 64);
	assert_int_equal(w->pool.packets_per_flow, 4);
	assert_int_equal(w->pool.bytes_max, 128 * 1024);
	w->pool.packets = 70;
	limit_tick(w);
	assert_false(limit_admits(w, &some));
	commit("held_packets: 128");
	assert_true(limit_admits(w, &some));
	w->pool.packets = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(a_commit_moves_the_bound_of_flows, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_commit_moves_the_bounds_of_what_is_held, setup,
	                                        teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
