/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/err.h"
#include "tests/unit/smsd/auth/people.h"

#define FROM  "192.0.2.1"
#define DAY_S (24 * 3600)
#define AUDIT (1ULL << AUTH_AUDIT)
#define CERTS (AUTH_BIT(DEVICE_CERTIFICATES) | AUTH_BIT(VIEW_CONFIGURATION))

static int make(struct place *place, const struct auth_session *session, const char *name,
                uint64_t scopes, unsigned days, char *token)
{
	return auth_token_make(place->store, &session->identity, name, scopes, days, token,
	                       &place->problem);
}

static int by_token(struct place *place, const char *token, struct auth_identity *ret_identity)
{
	return auth_by_token(place->store, token, FROM, ret_identity);
}

static void a_token_may_what_its_scopes_and_its_person_may(void **state)
{
	struct place *place = *state;
	int64_t anna = people_add(place, "anna", false);
	char token[AUTH_SECRET_MAX], header[AUTH_SECRET_MAX + 16];
	struct auth_credentials asks = {
	        .authorization = header, .cookie = "", .csrf = "", .from = FROM};
	struct auth_identity identity;
	struct auth_session session;

	people_session(place, anna, &session);
	assert_int_equal(make(place, &session, "backup job", AUDIT | CERTS, 1, token), 0);
	assert_memory_equal(token, "slp1_", 5);
	assert_int_equal(place_audited(place, "create", "backup job"), 1);
	(void)snprintf(header, sizeof(header), "Bearer %s", token);
	/* No CSRF token with it: a page cannot send this header. */
	assert_int_equal(auth_identify(place->store, &asks, &identity), 0);
	assert_int_equal(identity.capabilities, AUDIT | CERTS);
	assert_int_equal(identity.session, 0);
	assert_int_equal(identity.actor.person, anna);
	assert_string_equal(identity.actor.name, "anna");
	assert_string_equal(identity.actor.via, "token");
}

static void a_token_of_someone_who_has_to_change_the_password_may_nothing(void **state)
{
	struct place *place = *state;
	int64_t anna = people_add(place, "anna", true);
	char token[AUTH_SECRET_MAX];
	struct auth_session session;
	struct auth_identity identity;

	people_session(place, anna, &session);
	assert_int_equal(make(place, &session, "a", AUDIT, 1, token), SL_EPERM);
	(void)place_told(place);
	session.identity.capabilities = AUDIT;
	assert_int_equal(make(place, &session, "a", AUDIT, 1, token), 0);
	assert_int_equal(by_token(place, token, &identity), 0);
	assert_true(identity.must_change);
	assert_int_equal(identity.capabilities, 0);
}

static void what_is_wrong_with_a_new_token_is_named(void **state)
{
	struct place *place = *state;
	char token[AUTH_SECRET_MAX] = "untouched", name[AUTH_TOKEN_NAME_MAX + 1];
	struct auth_session session;
	const struct {
		const char *name;
		uint64_t scopes;
		unsigned days;
		int rc;
		const char *pointer;
	} cases[] = {
	        {"", AUDIT, 1, SL_EINVAL, "/name"},
	        {"a/b", AUDIT, 1, SL_EINVAL, "/name"},
	        {"a\n", AUDIT, 1, SL_EINVAL, "/name"},
	        {name, AUDIT, 1, SL_EINVAL, "/name"},
	        {"a", 0, 1, SL_EINVAL, "/scopes"},
	        {"a", AUDIT | CERTS, 1, SL_EPERM, "/scopes"},
	        {"a", 1ULL << 63, 1, SL_EPERM, "/scopes"},
	        {"a", AUDIT, 0, SL_ERANGE, "/days"},
	        {"a", AUDIT, AUTH_TOKEN_DAYS_MAX + 1, SL_ERANGE, "/days"},
	};

	memset(name, 'x', AUTH_TOKEN_NAME_MAX);
	name[AUTH_TOKEN_NAME_MAX] = '\0';
	people_session(place, people_add(place, "anna", false), &session);
	session.identity.capabilities = AUDIT;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		assert_int_equal(
		        make(place, &session, cases[i].name, cases[i].scopes, cases[i].days, token),
		        cases[i].rc);
		assert_string_equal(place->problem.items[0].pointer, cases[i].pointer);
		(void)place_told(place);
	}
	assert_string_equal(token, "untouched");
	assert_int_equal(place_audited(place, "create", NULL), 0);
	name[AUTH_TOKEN_NAME_MAX - 1] = '\0';
	assert_int_equal(make(place, &session, name, AUDIT, AUTH_TOKEN_DAYS_MAX, token), 0);
}

static void a_token_cannot_make_tokens(void **state)
{
	struct place *place = *state;
	char token[AUTH_SECRET_MAX];
	struct auth_session session;

	people_session(place, people_add(place, "anna", false), &session);
	assert_int_equal(make(place, &session, "a", AUDIT, 1, token), 0);
	assert_int_equal(by_token(place, token, &session.identity), 0);
	assert_int_equal(make(place, &session, "b", AUDIT, 366, token), SL_EPERM);
	assert_non_null(strstr(place_told(place), "cannot make tokens"));
}

static void a_token_ends_on_its_day(void **state)
{
	struct place *place = *state;
	char token[AUTH_SECRET_MAX];
	struct auth_session session;
	struct auth_identity identity;

	people_session(place, people_add(place, "anna", false), &session);
	assert_int_equal(make(place, &session, "a", AUDIT, 2, token), 0);
	place_wait(2 * DAY_S - 300);
	assert_int_equal(by_token(place, token, &identity), 0);
	place_wait(300);
	assert_int_equal(by_token(place, token, &identity), SL_EPERM);
}

static void a_token_that_was_withdrawn_is_none(void **state)
{
	struct place *place = *state;
	int64_t bert = people_add(place, "bert", false);
	char token[AUTH_SECRET_MAX], berts[AUTH_SECRET_MAX];
	struct auth_session session, other;
	struct auth_identity identity;

	people_session(place, people_add(place, "anna", false), &session);
	people_session(place, bert, &other);
	assert_int_equal(make(place, &session, "a", AUDIT, 1, token), 0);
	assert_int_equal(make(place, &other, "a", AUDIT, 1, berts), 0);
	assert_int_equal(auth_token_drop(place->store, &session.identity, "a", &place->problem), 0);
	assert_int_equal(by_token(place, token, &identity), SL_EPERM);
	assert_int_equal(by_token(place, berts, &identity), 0);
	assert_int_equal(place_audited(place, "delete", "a"), 1);
	assert_int_equal(auth_token_drop(place->store, &session.identity, "a", &place->problem),
	                 SL_ENOENT);
	(void)place_told(place);
	assert_int_equal(place_audited(place, "delete", "a"), 1);
}

static void a_name_is_one_tokens_and_a_person_has_so_many(void **state)
{
	struct place *place = *state;
	char token[AUTH_SECRET_MAX], name[16];
	struct auth_session session;

	people_session(place, people_add(place, "anna", false), &session);
	assert_int_equal(make(place, &session, "0", AUDIT, 1, token), 0);
	assert_int_equal(make(place, &session, "0", AUDIT, 1, token), SL_EEXIST);
	(void)place_told(place);
	for (int i = 1; i < AUTH_TOKENS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(make(place, &session, name, AUDIT, 1, token), 0);
	}
	assert_int_equal(make(place, &session, "more", AUDIT, 1, token), SL_ELIMIT);
	assert_non_null(strstr(place_told(place), "32 tokens"));
}

struct seen {
	unsigned count;
	char name[2][AUTH_TOKEN_NAME_MAX];
	uint64_t scopes[2];
	int64_t lasts_ms, used_ms[2];
};

static int see(void *arg, const char *name, uint64_t scopes, int64_t made_ms, int64_t ends_ms,
               int64_t used_ms)
{
	struct seen *seen = arg;

	assert_in_range(seen->count, 0, 1);
	(void)snprintf(seen->name[seen->count], AUTH_TOKEN_NAME_MAX, "%s", name);
	seen->scopes[seen->count] = scopes;
	seen->lasts_ms = ends_ms - made_ms;
	seen->used_ms[seen->count++] = used_ms;
	return 0;
}

static void the_list_has_ones_own_tokens_and_their_use_but_no_secret(void **state)
{
	struct place *place = *state;
	int64_t anna = people_add(place, "anna", false);
	char token[AUTH_SECRET_MAX];
	struct auth_session session, other;
	struct auth_identity identity;
	struct seen seen = {0};

	people_session(place, anna, &session);
	people_session(place, people_add(place, "bert", false), &other);
	assert_int_equal(make(place, &other, "berts", AUDIT, 1, token), 0);
	assert_int_equal(make(place, &session, "b", AUDIT, 3, token), 0);
	assert_int_equal(make(place, &session, "a", CERTS, 3, token), 0);
	assert_int_equal(by_token(place, token, &identity), 0);
	assert_int_equal(auth_token_list(place->store, &session.identity, see, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.name[0], "a");
	assert_string_equal(seen.name[1], "b");
	assert_int_equal(seen.scopes[0], CERTS);
	assert_int_equal(seen.lasts_ms, 3LL * DAY_S * 1000);
	assert_true(seen.used_ms[0] > 0);
	assert_int_equal(seen.used_ms[1], 0);
	assert_true(place_has_text(place, "berts"));
	assert_false(place_has_text(place, token));
	assert_false(place_has_text(place, token + 5));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(a_token_may_what_its_scopes_and_its_person_may),
	        TEST(a_token_of_someone_who_has_to_change_the_password_may_nothing),
	        TEST(what_is_wrong_with_a_new_token_is_named),
	        TEST(a_token_cannot_make_tokens),
	        TEST(a_token_ends_on_its_day),
	        TEST(a_token_that_was_withdrawn_is_none),
	        TEST(a_name_is_one_tokens_and_a_person_has_so_many),
	        TEST(the_list_has_ones_own_tokens_and_their_use_but_no_secret),
	};

	return RUN_TESTS(tests);
}
