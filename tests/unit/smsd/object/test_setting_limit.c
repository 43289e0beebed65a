/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of every field of every kind, and of a device's own settings (edge.h). */
#include "tests/unit/lib/conf/edge.h"
#include "tests/unit/smsd/object/settings.h"

#include "lib/conf/object.h"

static void every_field_of_every_kind_has_its_edges(void **state)
{
	unsigned kinds = 0, tried = 0;

	(void)state;
	for (unsigned kind = 0; kind < OBJECT_KIND_END; kind++) {
		const struct conf_object *shape = setting_shape(kind);

		if (!shape)
			continue;
		assert_ptr_equal(setting_field(kind)->object, shape);
		tried += edge_walk(shape);
		kinds++;
	}
	assert_true(kinds >= 7);
	assert_true(tried > 500);
}

static void every_row_of_a_document_has_its_edges(void **state)
{
	(void)state;
	assert_true(edge_walk(&conf_schema) > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_field_of_every_kind_has_its_edges),
	        cmocka_unit_test(every_row_of_a_document_has_its_edges),
	};

	return RUN_TESTS(tests);
}
