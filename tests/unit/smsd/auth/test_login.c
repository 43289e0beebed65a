/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "tests/unit/smsd/auth/people.h"

#define FROM "192.0.2.1"

static int login(struct place *place, const char *name, const char *password,
                 struct auth_session *ret_session)
{
	return auth_login(place->store, name, password, FROM, ret_session, &place->problem);
}

static int keep(void *arg, const char *password)
{
	(void)snprintf(arg, AUTH_SECRET_MAX, "%s", password);
	return 0;
}

static int keep_not(void *arg, const char *password)
{
	return SL_ESYS;
}

static void without_a_place_for_the_password_nobody_is_made(void **state)
{
	struct place *place = *state;
	char password[AUTH_SECRET_MAX] = "";
	bool made = false;

	assert_int_equal(auth_first_person(place->store, keep_not, NULL, &made), SL_ESYS);
	assert_int_equal(place_audited(place, "create", "admin"), 0);
	assert_int_equal(auth_first_person(place->store, keep, password, &made), 0);
	assert_true(made);
	assert_int_equal(strlen(password), SECRET_CHARS);
}

static void the_first_person_is_made_once_and_has_to_change_the_password(void **state)
{
	struct place *place = *state;
	char password[AUTH_SECRET_MAX] = "", again[AUTH_SECRET_MAX] = "";
	struct auth_session session;
	bool made = false;

	assert_int_equal(auth_first_person(place->store, keep, password, &made), 0);
	assert_true(made);
	assert_int_equal(strlen(password), SECRET_CHARS);
	assert_int_equal(auth_first_person(place->store, keep, again, &made), 0);
	assert_false(made);
	assert_string_equal(again, "");
	assert_int_equal(place_audited(place, "create", "admin"), 1);

	assert_int_equal(login(place, "admin", password, &session), 0);
	assert_true(session.identity.must_change);
	assert_int_equal(session.identity.capabilities, 0);
	assert_int_equal(auth_change_password(place->store, &session.identity, password,
	                                      PEOPLE_PASSWORD, &place->problem),
	                 0);
	assert_int_equal(
	        auth_by_session(place->store, session.cookie, "", true, FROM, &session.identity),
	        0);
	assert_false(session.identity.must_change);
	assert_int_equal(session.identity.capabilities, capability_all());
	assert_false(place_has_text(place, password));
}

static void a_login_gives_a_session_of_whom_it_is(void **state)
{
	struct place *place = *state;
	int64_t anna = people_add(place, "anna", false);
	struct auth_session session;
	struct auth_identity identity;

	assert_int_equal(login(place, "anna", PEOPLE_PASSWORD, &session), 0);
	assert_int_equal(session.identity.actor.person, anna);
	assert_string_equal(session.identity.actor.name, "anna");
	assert_string_equal(session.identity.actor.from, FROM);
	assert_int_equal(session.identity.capabilities, capability_all());
	assert_int_equal(auth_by_session(place->store, session.cookie, session.csrf, false,
	                                 "192.0.2.9", &identity),
	                 0);
	assert_int_equal(identity.session, session.identity.session);
	assert_string_equal(identity.actor.from, "192.0.2.9");
	assert_string_equal(identity.actor.via, "session");
	assert_int_equal(place_audited(place, "login", "anna"), 1);
}

static void no_one_is_told_whether_it_was_the_name_or_the_password(void **state)
{
	struct place *place = *state;
	struct auth_session session;
	char text[PROBLEM_TEXT_MAX], longer[200];

	(void)people_add(place, "anna", false);
	assert_int_equal(login(place, "anna", "another horse battery", &session), SL_EPERM);
	(void)snprintf(text, sizeof(text), "%s", place_told(place));
	assert_int_equal(login(place, "anne", PEOPLE_PASSWORD, &session), SL_EPERM);
	assert_string_equal(place_told(place), text);
	assert_int_equal(place_audited(place, "login failed", "anna"), 1);
	assert_int_equal(place_audited(place, "login failed", "anne"), 1);

	/* A name of any length, cut in the audit log where a character begins. */
	memset(longer, 'x', 63);
	(void)snprintf(longer + 63, sizeof(longer) - 63, "\xc3\xa4zzz");
	assert_int_equal(login(place, longer, PEOPLE_PASSWORD, &session), SL_EPERM);
	(void)place_told(place);
	longer[63] = '\0';
	assert_int_equal(place_audited(place, "login failed", longer), 1);
}

static void ten_failures_in_a_row_lock_the_account_for_its_time(void **state)
{
	struct place *place = *state;
	struct auth_session session;

	(void)people_add(place, "anna", false);
	(void)people_add(place, "bert", false);
	for (int i = 0; i < AUTH_FAILURES_MAX; i++) {
		assert_int_equal(login(place, "anna", "wrong", &session), SL_EPERM);
		(void)place_told(place);
	}
	assert_int_equal(login(place, "anna", PEOPLE_PASSWORD, &session), SL_EAGAIN);
	assert_in_range(place->problem.retry_s, AUTH_LOCKOUT_S - 300, AUTH_LOCKOUT_S);
	(void)place_told(place);
	assert_int_equal(place_audited(place, "login failed", "anna"), AUTH_FAILURES_MAX);
	assert_int_equal(place_audited(place, "login refused", "anna"), 1);
	assert_int_equal(login(place, "bert", PEOPLE_PASSWORD, &session), 0);
	place_wait(AUTH_LOCKOUT_S);
	assert_int_equal(login(place, "anna", PEOPLE_PASSWORD, &session), 0);
}

static int set_tried(void *arg, struct store_tx *tx)
{
	return store_tx_run(tx, STORE_PERSON_TRIED, arg, 3, NULL, NULL);
}

static void tried(struct place *place, int64_t person, int64_t failures, int64_t locked_until_ms)
{
	struct store_value values[] = {store_integer(person), store_integer(failures),
	                               store_integer(locked_until_ms)};

	assert_int_equal(store_write(place->store, set_tried, values), 0);
}

static void a_login_begins_the_count_anew(void **state)
{
	struct place *place = *state;
	int64_t anna = people_add(place, "anna", false);
	struct auth_session session;
	struct person person;

	tried(place, anna, AUTH_FAILURES_MAX - 1, 0);
	assert_int_equal(login(place, "anna", PEOPLE_PASSWORD, &session), 0);
	assert_int_equal(login(place, "anna", "wrong", &session), SL_EPERM);
	assert_int_equal(person_by_name(place->store, "anna", &person), 0);
	assert_int_equal(person.failures, 1);
	assert_int_equal(person.locked_until_ms, 0);
}

static int judge(void *arg, struct store_tx *tx)
{
	return person_judge(tx, arg);
}

static void a_try_that_was_on_its_way_when_the_account_was_locked_is_refused(void **state)
{
	struct place *place = *state;
	int64_t anna = people_add(place, "anna", false);
	struct person seen;
	struct attempt attempt = {.seen = &seen,
	                          .name = "anna",
	                          .action = "login",
	                          .actor = {.via = "login"},
	                          .right = true,
	                          .now_ms = moment_now_ms()};

	assert_int_equal(person_by_name(place->store, "anna", &seen), 0);
	tried(place, anna, 0, attempt.now_ms + 1000);
	assert_int_equal(store_write(place->store, judge, &attempt), 0);
	assert_int_equal(attempt.outcome, SL_EAGAIN);
	tried(place, anna, 0, 0);
	assert_int_equal(store_write(place->store, judge, &attempt), 0);
	assert_int_equal(attempt.outcome, 0);
	/* And one whose password was changed meanwhile. */
	seen.password[40] ^= 1;
	assert_int_equal(store_write(place->store, judge, &attempt), 0);
	assert_int_equal(attempt.outcome, SL_EPERM);
}

static int by_cookie(struct place *place, const struct auth_session *session)
{
	struct auth_identity identity;

	return auth_by_session(place->store, session->cookie, "", true, FROM, &identity);
}

static void a_session_ends_when_it_is_idle(void **state)
{
	struct place *place = *state;
	struct auth_session session;

	people_session(place, people_add(place, "anna", false), &session);
	place_wait(AUTH_SESSION_IDLE_S - 300);
	assert_int_equal(by_cookie(place, &session), 0);
	place_wait(AUTH_SESSION_IDLE_S - 300);
	assert_int_equal(by_cookie(place, &session), 0);
	place_wait(AUTH_SESSION_IDLE_S);
	assert_int_equal(by_cookie(place, &session), SL_EPERM);
}

static void a_session_ends_after_its_longest_time_though_it_is_used(void **state)
{
	struct place *place = *state;
	struct auth_session session;
	int64_t spent = 0;

	people_session(place, people_add(place, "anna", false), &session);
	for (; spent + 1200 < AUTH_SESSION_MAX_S; spent += 1200) {
		assert_int_equal(by_cookie(place, &session), 0);
		place_wait(1200);
	}
	assert_int_equal(by_cookie(place, &session), 0);
	place_wait(AUTH_SESSION_MAX_S - spent);
	assert_int_equal(by_cookie(place, &session), SL_EPERM);
}

static void a_change_needs_the_sessions_own_csrf_token(void **state)
{
	struct place *place = *state;
	int64_t anna = people_add(place, "anna", false);
	char cookie[AUTH_SECRET_MAX + 32];
	struct auth_session one, other;
	struct auth_identity identity;
	struct auth_credentials asks = {.authorization = "", .cookie = cookie, .from = FROM};
	const struct {
		bool safe;
		const char *csrf;
		int rc;
	} cases[] = {
	        {true, "", 0},
	        {false, "", SL_EREFUSED},
	        {false, "x", SL_EREFUSED},
	        {false, other.csrf, SL_EREFUSED},
	        {false, one.cookie, SL_EREFUSED},
	        {false, one.csrf, 0},
	};

	people_session(place, anna, &one);
	people_session(place, anna, &other);
	(void)snprintf(cookie, sizeof(cookie), "a=b; " AUTH_COOKIE "=%s", one.cookie);
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		asks.safe = cases[i].safe;
		asks.csrf = cases[i].csrf;
		assert_int_equal(auth_identify(place->store, &asks, &identity), cases[i].rc);
	}
	asks.cookie = "";
	assert_int_equal(auth_identify(place->store, &asks, &identity), SL_EPERM);
}

static void a_logout_ends_that_session_alone(void **state)
{
	struct place *place = *state;
	int64_t anna = people_add(place, "anna", false);
	struct auth_session one, other;

	people_session(place, anna, &one);
	people_session(place, anna, &other);
	assert_int_equal(auth_logout(place->store, &one.identity), 0);
	assert_int_equal(by_cookie(place, &one), SL_EPERM);
	assert_int_equal(by_cookie(place, &other), 0);
	assert_int_equal(place_audited(place, "logout", "anna"), 1);
}

static void the_oldest_session_goes_when_there_are_too_many(void **state)
{
	struct place *place = *state;
	int64_t anna = people_add(place, "anna", false), bert = people_add(place, "bert", false);
	struct auth_session first, second, berts, session;

	people_session(place, bert, &berts);
	people_session(place, anna, &first);
	people_session(place, anna, &second);
	for (int i = 2; i < AUTH_SESSIONS_MAX; i++)
		people_session(place, anna, &session);
	assert_int_equal(login(place, "anna", PEOPLE_PASSWORD, &session), 0);
	assert_int_equal(by_cookie(place, &first), SL_EPERM);
	assert_int_equal(by_cookie(place, &second), 0);
	assert_int_equal(by_cookie(place, &session), 0);
	assert_int_equal(by_cookie(place, &berts), 0);
}

static void a_new_password_ends_the_other_sessions(void **state)
{
	struct place *place = *state;
	int64_t anna = people_add(place, "anna", false);
	struct auth_session one, other;

	people_session(place, anna, &one);
	people_session(place, anna, &other);
	assert_int_equal(auth_change_password(place->store, &one.identity, PEOPLE_PASSWORD,
	                                      "another horse battery", &place->problem),
	                 0);
	assert_int_equal(by_cookie(place, &one), 0);
	assert_int_equal(by_cookie(place, &other), SL_EPERM);
	assert_int_equal(place_audited(place, "change password", "anna"), 1);
	assert_int_equal(login(place, "anna", PEOPLE_PASSWORD, &other), SL_EPERM);
	assert_int_equal(login(place, "anna", "another horse battery", &other), 0);
}

static void a_wrong_old_password_counts_as_a_failed_login(void **state)
{
	struct place *place = *state;
	int64_t anna = people_add(place, "anna", false);
	struct auth_session session;

	people_session(place, anna, &session);
	tried(place, anna, AUTH_FAILURES_MAX - 1, 0);
	assert_int_equal(auth_change_password(place->store, &session.identity, "wrong",
	                                      "another horse battery", &place->problem),
	                 SL_EPERM);
	assert_string_equal(place->problem.items[0].pointer, "/old");
	(void)place_told(place);
	assert_int_equal(place_audited(place, "password change failed", "anna"), 1);
	assert_int_equal(auth_change_password(place->store, &session.identity, PEOPLE_PASSWORD,
	                                      "another horse battery", &place->problem),
	                 SL_EAGAIN);
	/* Who is in already goes on: else anyone could throw an administrator out. */
	assert_int_equal(by_cookie(place, &session), 0);
}

static void no_secret_of_a_login_is_in_the_files(void **state)
{
	struct place *place = *state;
	struct auth_session session;

	(void)people_add(place, "anna", false);
	assert_int_equal(login(place, "anna", PEOPLE_PASSWORD, &session), 0);
	assert_int_equal(login(place, "anna", "wrong but secret", &session), SL_EPERM);
	for (int closed = 0; closed < 2; closed++) {
		assert_true(place_has_text(place, "$argon2id$"));
		assert_false(place_has_text(place, PEOPLE_PASSWORD));
		assert_false(place_has_text(place, "wrong but secret"));
		assert_false(place_has_text(place, session.cookie));
		assert_false(place_has_text(place, session.csrf));
		if (!closed)
			place_close(place);
	}
	place_open(place);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(the_first_person_is_made_once_and_has_to_change_the_password),
	        TEST(without_a_place_for_the_password_nobody_is_made),
	        TEST(a_login_gives_a_session_of_whom_it_is),
	        TEST(no_one_is_told_whether_it_was_the_name_or_the_password),
	        TEST(ten_failures_in_a_row_lock_the_account_for_its_time),
	        TEST(a_login_begins_the_count_anew),
	        TEST(a_try_that_was_on_its_way_when_the_account_was_locked_is_refused),
	        TEST(a_session_ends_when_it_is_idle),
	        TEST(a_session_ends_after_its_longest_time_though_it_is_used),
	        TEST(a_change_needs_the_sessions_own_csrf_token),
	        TEST(a_logout_ends_that_session_alone),
	        TEST(the_oldest_session_goes_when_there_are_too_many),
	        TEST(a_new_password_ends_the_other_sessions),
	        TEST(a_wrong_old_password_counts_as_a_failed_login),
	        TEST(no_secret_of_a_login_is_in_the_files),
	};

	return RUN_TESTS(tests);
}
