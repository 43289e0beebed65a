/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of every field of every body that people or devices may send (edge.h). */
#include "lib/remote/remote.h"
#include "smsd/api/route.h"
#include "tests/unit/lib/conf/edge.h"
#include "tests/unit/unit.h"

static void every_body_of_a_route_has_its_edges(void **state)
{
	bool seen[API_SHAPE_END] = {false};
	unsigned shapes = 0;

	(void)state;
	for (size_t i = 0; i < api_routes_count; i++) {
		enum api_shape body = api_routes[i].body;
		const struct conf_object *shape = api_shape_object(body);

		if (!shape || seen[body])
			continue;
		seen[body] = true;
		assert_true(edge_walk(shape) > 0);
		shapes++;
	}
	assert_true(shapes > 25);
}

static void every_body_of_a_device_has_its_edges(void **state)
{
	static const enum remote_shape bodies[] = {
#define CALL(ID, METHOD, path, body, answer, enrolled, summary) REMOTE_SHAPE_##body,
#include "lib/remote/call.def"
#undef CALL
	};
	unsigned shapes = 0;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bodies); i++) {
		const struct conf_object *shape = remote_shape_object(bodies[i]);

		if (!shape)
			continue;
		assert_true(edge_walk(shape) > 0);
		shapes++;
	}
	assert_true(shapes >= 4); /* one that comes is walked too; lists are bytes */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_body_of_a_route_has_its_edges),
	        cmocka_unit_test(every_body_of_a_device_has_its_edges),
	};

	return RUN_TESTS(tests);
}
