/* SPDX-License-Identifier: Apache-2.0 */
/* What of panic mode is taken, with `control` away and memory that may be short. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/ipc/channel.h"
#include "tests/unit/unit.h"
#include "tpsd/link/link_priv.h"
#include "tpsd/proc/proc.h"

/* In the places of the process and of its status. */
struct ipc_channel *proc_peer(struct proc *proc, enum ipc_role role, unsigned index)
{
	return NULL;
}

int ipc_send(struct ipc_channel *ch, const struct ipc_message *msg)
{
	return SL_ECLOSED;
}

void tell(struct link *link)
{
}

static void *no_memory(size_t size)
{
	return NULL;
}

static json_t *wanted(unsigned number)
{
	return json_pack("{s:i, s:{s:i, s:[{s:i, s:i, s:i}]}}", "revision", 0, "panic", "number",
	                 (int)number, "steps", "id", 1, "step", 2, "left_ms", 0);
}

static void test_the_first_and_then_what_is_new(void **state)
{
	struct proc proc = {.kind = NULL};
	struct link link = {.proc = &proc, .panic = {.heard = false}};
	json_t *seven = wanted(7), *eight = wanted(8);
	bool first = false;

	assert_int_equal(panic_take(&link, seven, &first), 0);
	assert_true(first && link.panic.heard && link.panic.has_row);
	assert_int_equal(link.panic.number, 7);
	assert_int_equal(panic_take(&link, eight, &first), 0);
	assert_false(first);
	assert_int_equal(link.panic.number, 8);
	free(link.panic.steps);
	json_decref(seven);
	json_decref(eight);
}

/* Whoever asked has to come again after a while: it is not as if nothing had been said. */
static void test_what_is_not_taken_is_an_error(void **state)
{
	struct proc proc = {.kind = NULL};
	struct link link = {.proc = &proc, .panic = {.heard = false}};
	json_t *one = wanted(1);
	bool first = false;
	int rc;

	json_set_alloc_funcs(no_memory, free);
	rc = panic_take(&link, one, &first);
	json_set_alloc_funcs(malloc, free);
	assert_int_equal(rc, SL_ENOMEM);
	assert_false(first || link.panic.heard || link.panic.has_row);
	assert_null(link.panic.steps);
	assert_int_equal(panic_take(&link, one, &first), 0);
	assert_true(first && link.panic.heard);
	free(link.panic.steps);
	json_decref(one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_first_and_then_what_is_new),
	        cmocka_unit_test(test_what_is_not_taken_is_an_error),
	};

	return RUN_TESTS(tests);
}
