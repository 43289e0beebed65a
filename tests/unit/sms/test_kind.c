/* SPDX-License-Identifier: Apache-2.0 */
/* The words of kinds on the command line against the kinds that smsd has. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "lib/base/attr.h"
#include "sms/kind.h"

static const struct {
	const char *name, *collection;
	const struct conf_object *object;
} settings[] = {
#define KIND(NAME, name, collection, key, capability, help)
#define SETTING(NAME, name, collection, key, capability, object, help)                             \
	{name, collection, &(object)},
#include "smsd/object/kind.def"
#undef KIND
};

static void every_setting_has_its_word(void **state)
{
	size_t count = 0;

	(void)state;
	while (kind_at(count))
		count++;
	assert_int_equal(count, SL_ARRAY_LEN(settings));
	for (size_t i = 0; i < SL_ARRAY_LEN(settings); i++) {
		char word[64];
		const struct kind *kind;

		(void)snprintf(word, sizeof(word), "%s", settings[i].name);
		for (char *c = word; *c; c++)
			*c = *c == ' ' ? '-' : *c;
		kind = kind_find(word);
		assert_non_null(kind);
		assert_string_equal(kind->collection, settings[i].collection);
		assert_ptr_equal(kind->object, settings[i].object);
	}
}

static void the_words_of_commands_are_those_kinds(void **state)
{
	char words[256] = "";

	(void)state;
	for (size_t i = 0; kind_at(i); i++)
		(void)snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%s",
		               i > 0 ? "|" : "", kind_at(i)->word);
	assert_string_equal(words, SETTING_WORDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_setting_has_its_word),
	        cmocka_unit_test(the_words_of_commands_are_those_kinds),
	};

	return RUN_TESTS(tests);
}
