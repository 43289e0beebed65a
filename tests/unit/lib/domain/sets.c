/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/lib/domain/sets.h"

#include "lib/base/buf.h"
#include "tests/unit/unit.h"

struct categories sets_finish(struct category_builder *b, struct buf *bytes)
{
	struct categories c;

	buf_init(bytes, 64u << 20);
	assert_int_equal(category_builder_finish(b, bytes), 0);
	assert_int_equal(categories_open(bytes->data, bytes->len, &c), 0);
	category_builder_destroy(b);
	return c;
}

void sets_name_is_in(const struct categories *c, const char *name, const char *wanted)
{
	struct domain_match m;
	char text[256] = "";

	if (categories_lookup(c, name, strlen(name), &m))
		for (size_t i = 0; i < category_set_size(c, m.value); i++) {
			(void)strcat(text, category_name(c, category_set_member(c, m.value, i)));
			(void)strcat(text, ";");
		}
	assert_string_equal(text, wanted);
}
