/* SPDX-License-Identifier: Apache-2.0 */
/* People managed by others: what is refused, and what it leaves. */
#include "lib/base/err.h"
#include "smsd/auth/people.h"
#include "tests/unit/smsd/auth/people.h"

#define FROM "192.0.2.1"

/* Who asks: the root is an Administrator. */
static struct auth_identity root_of(struct place *place)
{
	struct auth_session session;

	people_session(place, people_add(place, "root", false), &session);
	return session.identity;
}

static struct auth_identity someone(struct place *place, const char *name, const char *role)
{
	struct auth_session session;

	people_session(place, people_add_role(place, name, role), &session);
	return session.identity;
}

static int64_t revision_of(struct place *place, const char *name)
{
	json_t *shown;
	int64_t revision;

	assert_int_equal(people_show(place->store, name, &shown, &place->problem), 0);
	revision = json_integer_value(json_object_get(shown, "revision"));
	json_decref(shown);
	return revision;
}

static int change(struct place *place, const struct auth_identity *by, const char *name,
                  const struct people_change *what)
{
	problem_fini(&place->problem);
	return people_change(place->store, by, name, revision_of(place, name), what,
	                     &place->problem);
}

static int give(struct place *place, const struct auth_identity *by, const char *name,
                const char *role)
{
	return change(place, by, name, &(struct people_change){.role = role});
}

static int create(struct place *place, const struct auth_identity *by, const char *name,
                  const char *role, char password[AUTH_SECRET_MAX])
{
	problem_fini(&place->problem);
	return people_create(place->store, by, name, &(struct people_change){.role = role},
	                     password, &place->problem);
}

static int enter(struct place *place, const char *name, const char *password,
                 struct auth_session *session)
{
	problem_fini(&place->problem);
	return auth_login(place->store, name, password, FROM, session, &place->problem);
}

static bool is_in(struct place *place, const struct auth_session *session)
{
	struct auth_identity identity;

	return auth_by_session(place->store, session->cookie, "", true, FROM, &identity) == 0;
}

static void who_is_made_gets_in_by_a_password_that_has_to_be_changed(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place);
	char password[AUTH_SECRET_MAX];
	struct auth_session session;

	assert_int_equal(create(place, &root, "anna@example.com", "Observer", password), 0);
	assert_false(place_has_text(place, password));
	assert_int_equal(enter(place, "anna@example.com", password, &session), 0);
	assert_true(session.identity.must_change);
	assert_int_equal(session.identity.capabilities, 0);
	assert_int_equal(auth_change_password(place->store, &session.identity, password,
	                                      "another horse battery", &place->problem),
	                 0);
	assert_int_equal(enter(place, "anna@example.com", "another horse battery", &session), 0);
	assert_int_equal(session.identity.capabilities, AUTH_BIT(VIEW_CONFIGURATION));
	assert_int_equal(place_audited(place, "create", "anna@example.com"), 1);
}

static void a_name_is_one_persons_and_what_is_wrong_is_said(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place);
	static const char *const names[] = {"", " a", "a ", "a/b", "a\nb", "smsd", "\xc3\xa4"};
	char password[AUTH_SECRET_MAX];

	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++)
		assert_int_equal(create(place, &root, names[i], "Observer", password), SL_EINVAL);
	assert_int_equal(create(place, &root, "root", "Observer", password), SL_EEXIST);
	assert_string_equal(place_told(place), "there is a person \"root\" already");
	assert_int_equal(create(place, &root, "anna", "Nobody", password), SL_EINVAL);
	assert_string_equal(place_told(place), "there is no role \"Nobody\"");
	assert_int_equal(people_delete(place->store, &root, "anna", 1, &place->problem), SL_ENOENT);
}

static void a_change_is_of_what_was_seen(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place);
	const struct people_change what = {.comment = "night shift"};

	(void)people_add_role(place, "anna", "Observer");
	assert_int_equal(people_change(place->store, &root, "anna", 1, &what, &place->problem), 0);
	assert_int_equal(people_change(place->store, &root, "anna", 1, &what, &place->problem),
	                 SL_ECONFLICT);
	(void)place_told(place);
	assert_int_equal(people_delete(place->store, &root, "anna", 1, &place->problem),
	                 SL_ECONFLICT);
	(void)place_told(place);
	assert_int_equal(people_delete(place->store, &root, "anna", 2, &place->problem), 0);
	assert_int_equal(place_audited(place, "change", "anna"), 1);
	assert_int_equal(place_audited(place, "delete", "anna"), 1);
}

static void a_role_that_is_taken_counts_for_sessions_and_tokens_at_once(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place), identity;
	char token[AUTH_SECRET_MAX];
	struct auth_session session;

	people_session(place, people_add_role(place, "anna", "Administrator"), &session);
	assert_int_equal(auth_token_make(place->store, &session.identity, "t",
	                                 AUTH_BIT(AUDIT) | AUTH_BIT(VIEW_CONFIGURATION), 1, token,
	                                 &place->problem),
	                 0);
	assert_int_equal(give(place, &root, "anna", "Observer"), 0);
	assert_int_equal(auth_by_session(place->store, session.cookie, "", true, FROM, &identity),
	                 0);
	assert_int_equal(identity.capabilities, AUTH_BIT(VIEW_CONFIGURATION));
	assert_int_equal(auth_by_token(place->store, token, FROM, &identity), 0);
	assert_int_equal(identity.capabilities, AUTH_BIT(VIEW_CONFIGURATION));
	/* More of a role is not more of a token. */
	assert_int_equal(give(place, &root, "anna", "Administrator"), 0);
	assert_int_equal(auth_by_token(place->store, token, FROM, &identity), 0);
	assert_int_equal(identity.capabilities, AUTH_BIT(AUDIT) | AUTH_BIT(VIEW_CONFIGURATION));
}

static void who_is_disabled_is_out_and_stays_out(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place), identity;
	struct people_change off = {.disabled = json_true()}, on = {.disabled = json_false()};
	char token[AUTH_SECRET_MAX];
	struct auth_session session, again;

	people_session(place, people_add_role(place, "anna", "Observer"), &session);
	assert_int_equal(auth_token_make(place->store, &session.identity, "t",
	                                 AUTH_BIT(VIEW_CONFIGURATION), 1, token, &place->problem),
	                 0);
	assert_int_equal(change(place, &root, "anna", &off), 0);
	assert_false(is_in(place, &session));
	assert_int_equal(auth_by_token(place->store, token, FROM, &identity), SL_EPERM);
	assert_int_equal(enter(place, "anna", PEOPLE_PASSWORD, &again), SL_EPERM);
	assert_string_equal(place_told(place), "the name or the password is wrong");
	assert_int_equal(place_audited(place, "login refused", "anna"), 1);
	assert_int_equal(change(place, &root, "anna", &on), 0);
	assert_false(is_in(place, &session));
	assert_int_equal(auth_by_token(place->store, token, FROM, &identity), 0);
	assert_int_equal(enter(place, "anna", PEOPLE_PASSWORD, &again), 0);
}

static void the_last_enabled_administrator_stays(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place);
	struct auth_identity other = someone(place, "other", "Administrator");
	struct people_change off = {.disabled = json_true()};

	assert_int_equal(change(place, &other, "root", &off), 0);
	/* `root` still has a hand in it, by a request that was on its way. */
	assert_int_equal(change(place, &root, "other", &off), SL_EBUSY);
	assert_string_equal(place_told(place),
	                    "this is the last enabled person of the role Administrator");
	assert_int_equal(give(place, &root, "other", "Operator"), SL_EBUSY);
	(void)place_told(place);
	assert_int_equal(people_delete(place->store, &root, "other", revision_of(place, "other"),
	                               &place->problem),
	                 SL_EBUSY);
	(void)place_told(place);
	assert_int_equal(revision_of(place, "other"), 1);
	assert_int_equal(people_delete(place->store, &other, "root", revision_of(place, "root"),
	                               &place->problem),
	                 0);
}

static void nobody_takes_himself_away(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place);
	struct people_change off = {.disabled = json_true()}, word = {.comment = "me"};
	char password[AUTH_SECRET_MAX];

	(void)people_add(place, "other", false);
	assert_int_equal(change(place, &root, "root", &off), SL_EPERM);
	assert_int_equal(give(place, &root, "root", "Observer"), SL_EPERM);
	assert_string_equal(place_told(place), "nobody does this to himself");
	assert_int_equal(people_delete(place->store, &root, "root", 1, &place->problem), SL_EPERM);
	(void)place_told(place);
	assert_int_equal(
	        people_reset_password(place->store, &root, "root", password, &place->problem),
	        SL_EPERM);
	(void)place_told(place);
	assert_int_equal(change(place, &root, "root", &word), 0);
	assert_int_equal(give(place, &root, "root", "Administrator"), 0);
}

static void a_password_is_reset_by_another_and_sessions_end(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place);
	char password[AUTH_SECRET_MAX];
	struct auth_session session, again;

	people_session(place, people_add_role(place, "anna", "Observer"), &session);
	assert_int_equal(
	        people_reset_password(place->store, &root, "anna", password, &place->problem), 0);
	assert_false(is_in(place, &session));
	assert_int_equal(enter(place, "anna", PEOPLE_PASSWORD, &again), SL_EPERM);
	assert_int_equal(enter(place, "anna", password, &again), 0);
	assert_true(again.identity.must_change);
	assert_false(place_has_text(place, password));
	assert_int_equal(place_audited(place, "reset password", "anna"), 1);
}

static void an_account_that_waits_is_unlocked(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place);
	struct auth_session session;

	(void)people_add_role(place, "anna", "Observer");
	for (int i = 0; i < AUTH_FAILURES_MAX; i++)
		assert_int_equal(enter(place, "anna", "not her password", &session), SL_EPERM);
	assert_int_equal(enter(place, "anna", PEOPLE_PASSWORD, &session), SL_EAGAIN);
	(void)place_told(place);
	assert_int_equal(people_unlock(place->store, &root, "anna", &place->problem), 0);
	assert_int_equal(enter(place, "anna", PEOPLE_PASSWORD, &session), 0);
	assert_int_equal(place_audited(place, "unlock", "anna"), 1);
}

static void sessions_and_tokens_of_others_are_ended(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place), identity;
	char token[AUTH_SECRET_MAX];
	struct auth_session session;

	people_session(place, people_add_role(place, "anna", "Observer"), &session);
	assert_int_equal(auth_token_make(place->store, &session.identity, "t",
	                                 AUTH_BIT(VIEW_CONFIGURATION), 1, token, &place->problem),
	                 0);
	assert_int_equal(people_end_sessions(place->store, &root, "anna", &place->problem), 0);
	assert_false(is_in(place, &session));
	assert_int_equal(auth_by_token(place->store, token, FROM, &identity), 0);
	assert_int_equal(people_drop_token(place->store, &root, "anna", "u", &place->problem),
	                 SL_ENOENT);
	(void)place_told(place);
	assert_int_equal(people_drop_token(place->store, &root, "anna", "t", &place->problem), 0);
	assert_int_equal(auth_by_token(place->store, token, FROM, &identity), SL_EPERM);
	assert_int_equal(place_audited(place, "end sessions", "anna"), 1);
	assert_int_equal(place_audited(place, "delete", "t"), 1);
}

/* Who may manage people, and no more of configuration than an Observer. */
static struct auth_identity clerk_of(struct place *place)
{
	struct auth_identity clerk = someone(place, "clerk", "Administrator");

	clerk.capabilities = AUTH_BIT(PEOPLE) | AUTH_BIT(VIEW_CONFIGURATION);
	return clerk;
}

static void nobody_gives_what_he_has_not(void **state)
{
	struct place *place = *state;
	struct auth_identity root = root_of(place), clerk = clerk_of(place);
	char password[AUTH_SECRET_MAX];

	assert_int_equal(create(place, &clerk, "anna", "Operator", password), SL_EPERM);
	assert_memory_equal(place_told(place), "you may neither give nor take", 29);
	assert_int_equal(create(place, &clerk, "anna", "Observer", password), 0);
	assert_int_equal(give(place, &clerk, "anna", "Administrator"), SL_EPERM);
	/* Whoever could enter as somebody had what he has. */
	assert_int_equal(give(place, &root, "anna", "Operator"), 0);
	assert_int_equal(
	        people_reset_password(place->store, &clerk, "anna", password, &place->problem),
	        SL_EPERM);
	(void)place_told(place);
	assert_int_equal(give(place, &clerk, "anna", "Observer"), SL_EPERM);
	assert_int_equal(people_delete(place->store, &clerk, "anna", revision_of(place, "anna"),
	                               &place->problem),
	                 SL_EPERM);
	(void)place_told(place);
	assert_int_equal(people_unlock(place->store, &clerk, "root", &place->problem), SL_EPERM);
	(void)place_told(place);
	assert_int_equal(people_end_sessions(place->store, &clerk, "root", &place->problem),
	                 SL_EPERM);
}

static void people_come_page_by_page_without_a_secret(void **state)
{
	struct place *place = *state;
	json_t *page, *items;

	(void)root_of(place);
	(void)people_add_role(place, "anna", "Observer");
	(void)people_add_role(place, "zoe", "Operator");
	assert_int_equal(people_list(place->store, "", 2, &page, &place->problem), 0);
	items = json_object_get(page, "items");
	assert_int_equal(json_array_size(items), 2);
	assert_string_equal(json_string_value(json_object_get(page, "next")), "root");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(items, 1), "sessions")),
	                 1);
	assert_null(json_object_get(json_array_get(items, 0), "password"));
	json_decref(page);
	assert_int_equal(people_list(place->store, "root", 2, &page, &place->problem), 0);
	assert_int_equal(json_array_size(json_object_get(page, "items")), 1);
	assert_string_equal(json_string_value(json_object_get(page, "next")), "");
	json_decref(page);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(who_is_made_gets_in_by_a_password_that_has_to_be_changed),
	        TEST(a_name_is_one_persons_and_what_is_wrong_is_said),
	        TEST(a_change_is_of_what_was_seen),
	        TEST(a_role_that_is_taken_counts_for_sessions_and_tokens_at_once),
	        TEST(who_is_disabled_is_out_and_stays_out),
	        TEST(the_last_enabled_administrator_stays),
	        TEST(nobody_takes_himself_away),
	        TEST(a_password_is_reset_by_another_and_sessions_end),
	        TEST(an_account_that_waits_is_unlocked),
	        TEST(sessions_and_tokens_of_others_are_ended),
	        TEST(nobody_gives_what_he_has_not),
	        TEST(people_come_page_by_page_without_a_secret),
	};

	return RUN_TESTS(tests);
}
