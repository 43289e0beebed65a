/* SPDX-License-Identifier: Apache-2.0 */
/* The tables themselves: what the compiler cannot see of them. */
#include "lib/conf/schema.h"

#include "lib/conf/suite.h"
#include "tests/unit/lib/conf/load.h"
#include "tests/unit/unit.h"

typedef void visit_fn(const struct conf_object *object, const struct conf_field *field);

static void visit_all(const struct conf_object *object, visit_fn *fn, int depth)
{
	assert_true(depth < CONF_DEPTH_MAX / 2);
	for (size_t i = 0; i < object->count; i++) {
		fn(object, &object->fields[i]);
		if (object->fields[i].object)
			visit_all(object->fields[i].object, fn, depth + 1);
	}
}

static size_t width_of(enum conf_type type)
{
	switch (type) {
	case CONF_TYPE_BOOL:
		return sizeof(bool);
	case CONF_TYPE_UINT:
	case CONF_TYPE_DURATION:
	case CONF_TYPE_CHOICES:
		return sizeof(uint32_t);
	case CONF_TYPE_CHOICE:
		return sizeof(enum config_action);
	case CONF_TYPE_SIZE:
	case CONF_TYPE_TIME:
		return sizeof(uint64_t);
	case CONF_TYPE_PORT:
		return sizeof(uint16_t);
	case CONF_TYPE_ADDRESS:
		return sizeof(struct addr);
	case CONF_TYPE_PREFIXES:
	case CONF_TYPE_PORTS:
	case CONF_TYPE_VLANS:
	case CONF_TYPE_SUITES:
	case CONF_TYPE_PATHS:
	case CONF_TYPE_NAMES:
		return sizeof(struct config_prefixes);
	default: /* a pointer: text, reference, first of an array whose count follows */
		return sizeof(void *);
	}
}

static void check_width(const struct conf_object *object, const struct conf_field *f)
{
	if (f->offset == CONF_NOWHERE || f->type == CONF_TYPE_OBJECT)
		return;
	if (f->width != width_of(f->type))
		fail_msg("%s.%s: member has %zu bytes, the type %zu", object->name, f->name,
		         f->width, width_of(f->type));
	if (object->size > 0)
		assert_true(f->offset + f->width <= object->size);
}

static void each_row_fits_the_member_it_fills(void **state)
{
	visit_all(&conf_schema, check_width, 0);
}

static void check_words(const struct conf_object *object, const struct conf_field *f)
{
	bool words = f->type == CONF_TYPE_CHOICE || f->type == CONF_TYPE_CHOICES;
	bool numbers = f->type == CONF_TYPE_UINT || f->type == CONF_TYPE_PORT ||
	               f->type == CONF_TYPE_DURATION || f->type == CONF_TYPE_SIZE;

	if (!f->name || !f->help || !f->source || f->help[0] == '\0')
		fail_msg("%s.%s has no help", object->name, f->name);
	assert_int_equal(words, f->choices != NULL);
	if (numbers && f->max <= f->min && strcmp(f->name, "version") != 0)
		fail_msg("%s.%s has no range", object->name, f->name);
	if (f->type == CONF_TYPE_REF || f->type == CONF_TYPE_REFS)
		assert_true(f->ref != CONF_NO_COLLECTION);
	if (f->flags & CONF_UNAVAILABLE)
		assert_non_null(f->unavailable);
	assert_ptr_equal(conf_object_field(object, f->name), f);
}

static void each_row_has_help_words_or_a_range_and_a_name_of_its_own(void **state)
{
	visit_all(&conf_schema, check_words, 0);
}

static void check_text(const struct conf_object *object, const struct conf_field *f)
{
	bool text = f->type == CONF_TYPE_TEXT || f->type == CONF_TYPE_NAME ||
	            f->type == CONF_TYPE_NAME_STRICT || f->type == CONF_TYPE_PATH ||
	            f->type == CONF_TYPE_INTERFACE;

	if (text && f->offset != CONF_NOWHERE && !f->fallback && !(f->flags & CONF_REQUIRED))
		fail_msg("%s.%s could be NULL", object->name, f->name);
}

static void no_text_of_a_config_can_be_null(void **state)
{
	visit_all(&conf_schema, check_text, 0);
}

static void an_item_s_name_stands_first_in_its_struct(void **state)
{
	for (size_t i = 0; i < conf_schema.count; i++) {
		const struct conf_field *f = &conf_schema.fields[i];

		if (f->collection != CONF_NO_COLLECTION)
			assert_int_equal(conf_object_field(f->object, "name")->offset, 0);
	}
}

/* Every default goes through the same reading as a written value: a wrong one is an error here. */
static void the_smallest_document_loads_without_an_error(void **state)
{
	struct loaded l = load_yaml(WHOLE);

	assert_int_equal(l.rc, 0);
	assert_int_equal(l.errs.count, 0);
	unload(&l);
}

static size_t select_with(uint32_t protocols, uint32_t kx, uint32_t auth, uint32_t bulk,
                          uint32_t mac, const struct conf_suite **suites)
{
	struct config_tls_side side = {protocols, kx, auth, bulk, mac, {0}};

	return conf_suites_select(&side, suites);
}

static void selections_leave_the_suites_they_all_name(void **state)
{
	const struct conf_suite *suites[CONF_SUITES_MAX];
	const uint32_t tls13 = CONFIG_BIT(CONFIG_TLS1_3), tls12 = CONFIG_BIT(CONFIG_TLS1_2);
	const uint32_t ecdhe = CONFIG_BIT(CONFIG_KX_ECDHE), rsa = CONFIG_BIT(CONFIG_AUTH_RSA);
	const uint32_t aes128 = CONFIG_BIT(CONFIG_BULK_AES128), gcm = CONFIG_BIT(CONFIG_MAC_GCM);

	assert_int_equal(select_with(tls13, ecdhe, rsa, aes128, gcm, suites), 1);
	assert_int_equal(suites[0]->id, 0x1301);
	assert_int_equal(select_with(tls12, ecdhe, rsa, aes128, gcm, suites), 1);
	assert_int_equal(suites[0]->id, 0xc02f);
	assert_int_equal(select_with(tls12 | tls13, ecdhe, rsa, aes128, gcm, suites), 2);
	assert_int_equal(select_with(CONFIG_BIT(CONFIG_TLS1_0), ecdhe, rsa, aes128, gcm, suites),
	                 0);
	assert_int_equal(select_with(CONFIG_BIT(CONFIG_SSL3), CONFIG_BIT(CONFIG_KX_RSA), rsa,
	                             aes128, CONFIG_BIT(CONFIG_MAC_SHA1), suites),
	                 1);
	assert_int_equal(suites[0]->id, 0x002f);
}

static void a_deselected_suite_is_left_out_by_either_of_its_names(void **state)
{
	static const char *const iana[] = {"TLS_AES_128_GCM_SHA256"};
	static const char *const openssl[] = {"AES128-GCM-SHA256"};
	struct config_tls_side side = {~0u, ~0u, ~0u, ~0u, ~0u, {iana, 1}};

	assert_false(conf_suite_selected(conf_suite_by_id(0x1301), &side));
	assert_true(conf_suite_selected(conf_suite_by_id(0x1302), &side));
	side.deselected_suites.items = openssl;
	assert_false(conf_suite_selected(conf_suite_by_id(0x009c), &side));
}

static void a_suite_stands_once_in_the_table(void **state)
{
	const struct conf_suite *s;

	for (size_t i = 0; (s = conf_suite_at(i)) != NULL; i++) {
		assert_ptr_equal(conf_suite_by_id(s->id), s);
		assert_ptr_equal(conf_suite_find(s->name), s);
		assert_ptr_equal(conf_suite_find(s->openssl), s);
		assert_true(s->first <= s->last);
	}
	assert_null(conf_suite_by_id(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_row_fits_the_member_it_fills),
	        cmocka_unit_test(each_row_has_help_words_or_a_range_and_a_name_of_its_own),
	        cmocka_unit_test(no_text_of_a_config_can_be_null),
	        cmocka_unit_test(an_item_s_name_stands_first_in_its_struct),
	        cmocka_unit_test(the_smallest_document_loads_without_an_error),
	        cmocka_unit_test(selections_leave_the_suites_they_all_name),
	        cmocka_unit_test(a_deselected_suite_is_left_out_by_either_of_its_names),
	        cmocka_unit_test(a_suite_stands_once_in_the_table),
	};

	return RUN_TESTS(tests);
}
