/* SPDX-License-Identifier: Apache-2.0 */
/* Roles that are made of others, and those that nobody changes. */
#include "lib/base/err.h"
#include "smsd/auth/people.h"
#include "tests/unit/smsd/auth/people.h"

#define FROM "192.0.2.1"

static const struct role_change nothing = {0};

static struct auth_identity root_of(struct place *place)
{
	struct auth_session session;

	people_session(place, people_add(place, "root", false), &session);
	return session.identity;
}

static uint64_t may_of(struct place *place, const struct auth_session *session)
{
	struct auth_identity identity;

	assert_int_equal(auth_by_session(place->store, session->cookie, "", true, FROM, &identity),
	                 0);
	return identity.capabilities;
}

static int create(struct place *place, const struct auth_identity *by, const char *name,
                  const char *from, uint64_t capabilities)
{
	const struct role_change what = {.capabilities = &capabilities};

	problem_fini(&place->problem);
	return role_create(place->store, by, name, from, capabilities ? &what : &nothing,
	                   &place->problem);
}

static int change(struct place *place, const struct auth_identity *by, const char *name,
                  int64_t revision, uint64_t capabilities)
{
	const struct role_change what = {.capabilities = &capabilities};

	problem_fini(&place->problem);
	return role_change(place->store, by, name, revision, &what, &place->problem);
}

static void a_default_role_stays_as_it_is(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place);
	static const char *const names[] = {"Administrator", "Operator",
	                                    "SSL Inspection Management", "Observer"};

	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
		assert_int_equal(change(place, &root, names[i], 1, AUTH_BIT(AUDIT)), SL_EPERM);
		problem_fini(&place->problem);
		assert_int_equal(role_delete(place->store, &root, names[i], 1, &place->problem),
		                 SL_EPERM);
		assert_int_equal(create(place, &root, names[i], "Operator", 0), SL_EEXIST);
	}
}

static void the_default_roles_are_what_their_names_say(void **state)
{
	const uint64_t operator= role_may("Operator", ""),
	               ssl = role_may("SSL Inspection Management", "");

	assert_int_equal(operator&(AUTH_BIT(PEOPLE) | AUTH_BIT(AUDIT)), 0);
	assert_int_equal(operator| AUTH_BIT(PEOPLE) | AUTH_BIT(AUDIT), capability_all());
	assert_int_equal(role_may("Observer", ""), AUTH_BIT(VIEW_CONFIGURATION));
	assert_true(ssl & AUTH_BIT(SERVER_PROXIES) && ssl & AUTH_BIT(VIEW_CONFIGURATION));
	assert_false(ssl & (AUTH_BIT(DEVICES) | AUTH_BIT(DISTRIBUTE) | AUTH_BIT(PEOPLE)));
}

static void a_new_role_is_another_one_and_then_its_own(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place);
	json_t *shown;

	assert_int_equal(create(place, &root, "night", "Operator", 0), 0);
	assert_int_equal(create(place, &root, "night", "Operator", 0), SL_EEXIST);
	assert_int_equal(create(place, &root, "day", "none", 0), SL_EINVAL);
	assert_int_equal(create(place, &root, "day", "night", AUTH_BIT(PROFILES)), 0);
	assert_int_equal(role_show(place->store, "day", &shown, &place->problem), 0);
	assert_string_equal(json_string_value(json_object_get(shown, "from")), "night");
	assert_int_equal(json_array_size(json_object_get(shown, "capabilities")), 2);
	assert_false(json_is_true(json_object_get(shown, "default")));
	json_decref(shown);
	assert_int_equal(place_audited(place, "create", "day"), 1);
}

static void a_changed_role_counts_for_sessions_and_tokens_at_once(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place), identity;
	const uint64_t view = AUTH_BIT(VIEW_CONFIGURATION);
	char token[AUTH_SECRET_MAX];
	struct auth_session session;

	assert_int_equal(create(place, &root, "night", "Operator", 0), 0);
	people_session(place, people_add_role(place, "anna", "night"), &session);
	assert_int_equal(may_of(place, &session), role_may("Operator", ""));
	assert_int_equal(auth_token_make(place->store, &session.identity, "t",
	                                 AUTH_BIT(PROFILES) | view, 1, token, &place->problem),
	                 0);
	assert_int_equal(change(place, &root, "night", 1, AUTH_BIT(AUDIT) | view), 0);
	assert_int_equal(may_of(place, &session), AUTH_BIT(AUDIT) | view);
	assert_int_equal(auth_by_token(place->store, token, FROM, &identity), 0);
	assert_int_equal(identity.capabilities, view);
	assert_int_equal(change(place, &root, "night", 1, AUTH_BIT(AUDIT)), SL_ECONFLICT);
	assert_int_equal(change(place, &root, "night", 2, capability_all()), 0);
	assert_int_equal(auth_by_token(place->store, token, FROM, &identity), 0);
	assert_int_equal(identity.capabilities, AUTH_BIT(PROFILES) | view);
	assert_int_equal(place_audited(place, "change", "night"), 2);
}

static void a_role_in_use_stays(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place);

	assert_int_equal(create(place, &root, "night", "Operator", 0), 0);
	(void)people_add_role(place, "anna", "night");
	assert_int_equal(role_delete(place->store, &root, "night", 1, &place->problem), SL_EBUSY);
	assert_string_equal(place_told(place), "\"anna\" has it");
	assert_int_equal(people_delete(place->store, &root, "anna", 1, &place->problem), 0);
	assert_int_equal(role_delete(place->store, &root, "night", 1, &place->problem), 0);
	assert_int_equal(role_delete(place->store, &root, "night", 1, &place->problem), SL_ENOENT);
}

static void nobody_makes_a_role_beyond_himself(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place), clerk = root;
	const uint64_t view = AUTH_BIT(VIEW_CONFIGURATION);

	clerk.capabilities = AUTH_BIT(PEOPLE) | view;
	assert_int_equal(create(place, &clerk, "mine", "Operator", 0), SL_EPERM);
	assert_int_equal(create(place, &clerk, "mine", "Observer", AUTH_BIT(AUDIT)), SL_EPERM);
	/* Less than what it is made from is less. */
	assert_int_equal(create(place, &clerk, "mine", "Administrator", AUTH_BIT(PEOPLE)), 0);
	assert_int_equal(change(place, &clerk, "mine", 1, capability_all()), SL_EPERM);
	assert_int_equal(create(place, &root, "theirs", "Operator", 0), 0);
	assert_int_equal(change(place, &clerk, "theirs", 1, view), SL_EPERM);
	problem_fini(&place->problem);
	assert_int_equal(role_delete(place->store, &clerk, "theirs", 1, &place->problem), SL_EPERM);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(a_default_role_stays_as_it_is),
	        TEST(the_default_roles_are_what_their_names_say),
	        TEST(a_new_role_is_another_one_and_then_its_own),
	        TEST(a_changed_role_counts_for_sessions_and_tokens_at_once),
	        TEST(a_role_in_use_stays),
	        TEST(nobody_makes_a_role_beyond_himself),
	};

	return RUN_TESTS(tests);
}
