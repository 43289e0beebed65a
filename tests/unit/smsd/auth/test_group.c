/* SPDX-License-Identifier: Apache-2.0 */
/* Groups managed: what they give, and who gives it. Which routes ask is api/test_walk.c. */
#include "lib/base/err.h"
#include "smsd/auth/group.h"
#include "tests/unit/smsd/auth/people.h"

static struct auth_identity someone(struct place *place, const char *name, const char *role)
{
	struct auth_session session;

	people_session(place, people_add_role(place, name, role), &session);
	return session.identity;
}

struct writing {
	enum store_statement statement;
	struct store_value values[5];
	size_t count;
	int64_t id;
};

static int take_id(void *arg, const struct store_row *row)
{
	*(int64_t *)arg = store_row_integer(row, 0);
	return 0;
}

static int write_one(void *arg, struct store_tx *tx)
{
	struct writing *w = arg;

	return store_tx_run(tx, w->statement, w->values, w->count, take_id, &w->id);
}

/* An object's row; what it is made of is nothing to groups. */
static int64_t add_object(struct place *place, const char *kind, const char *name)
{
	struct writing w = {
	        STORE_OBJECT_ADD,
	        {store_text(kind), store_text(name), store_integer(0), store_text("{}")},
	        4,
	        0};

	assert_int_equal(store_write(place->store, write_one, &w), 0);
	return w.id;
}

static void rename_object(struct place *place, int64_t id, const char *name)
{
	struct writing w = {STORE_OBJECT_UPDATE,
	                    {store_integer(id), store_text(name), store_integer(2),
	                     store_integer(0), store_text("{}")},
	                    5,
	                    0};

	assert_int_equal(store_write(place->store, write_one, &w), 0);
}

static void delete_object(struct place *place, int64_t id)
{
	struct writing w = {STORE_OBJECT_DELETE, {store_integer(id)}, 1, 0};

	assert_int_equal(store_write(place->store, write_one, &w), 0);
}

static int create(struct place *place, const struct auth_identity *by, const char *name,
                  json_t *body)
{
	int rc;

	problem_fini(&place->problem);
	rc = group_create(place->store, by, name, body, &place->problem);
	json_decref(body);
	return rc;
}

static int put_into(struct place *place, const struct auth_identity *by, const char *name,
                    json_t *groups)
{
	json_t *shown;
	int rc = people_show(place->store, name, &shown, &place->problem);

	assert_int_equal(rc, 0);
	problem_fini(&place->problem);
	rc = people_change(place->store, by, name,
	                   json_integer_value(json_object_get(shown, "revision")),
	                   &(struct people_change){.groups = groups}, &place->problem);
	json_decref(shown);
	json_decref(groups);
	return rc;
}

static bool may(struct place *place, const struct auth_identity *who, const char *name)
{
	int rc = auth_may_item(place->store, who, AUTH_ITEM_PROFILE, name);

	assert_true(rc == 0 || rc == SL_EPERM);
	return rc == 0;
}

static unsigned whole(struct place *place, const struct auth_identity *who)
{
	unsigned bits;

	assert_int_equal(auth_items_whole(place->store, who, &bits), 0);
	return bits;
}

static void a_new_group_has_all_until_something_is_deselected(void **state)
{
	struct place *place = *state;
	struct auth_identity root = someone(place, "root", "Administrator");
	struct auth_identity anna = someone(place, "anna", "Operator");
	json_t *body, *shown;

	(void)add_object(place, "profile", "a");
	assert_int_equal(create(place, &root, "east", json_object()), 0);
	assert_int_equal(put_into(place, &root, "anna", json_pack("[s]", "east")), 0);
	assert_int_equal(whole(place, &anna), AUTH_ITEMS_ALL);
	body = json_pack("{s:{s:[s]}}", "profiles", "items", "a");
	assert_int_equal(group_change(place->store, &root, "east", 1, body, &place->problem), 0);
	json_decref(body);
	assert_false(may(place, &anna, "a"));
	assert_int_equal(whole(place, &anna), AUTH_ITEMS_ALL & ~(1U << AUTH_ITEM_PROFILE));
	(void)add_object(place, "profile", "b");
	assert_true(may(place, &anna, "b"));
	/* Of a kind that is not said nothing changes; single ones of before are not those of now.
	 */
	body = json_pack("{s:{s:b}}", "profiles", "all", 0);
	assert_int_equal(group_change(place->store, &root, "east", 2, body, &place->problem), 0);
	json_decref(body);
	assert_false(may(place, &anna, "a") || may(place, &anna, "b"));
	assert_int_equal(auth_may_item(place->store, &anna, AUTH_ITEM_SERVER_PROXY, "any"), 0);
	assert_int_equal(group_show(place->store, "east", &shown, &place->problem), 0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(shown, "people"), 0)),
	                    "anna");
	json_decref(shown);
	assert_int_equal(place_audited(place, "change", "east"), 2);
}

static void an_item_is_the_same_under_another_name_and_gone_when_it_is(void **state)
{
	struct place *place = *state;
	struct auth_identity root = someone(place, "root", "Administrator");
	struct auth_identity anna = someone(place, "anna", "Operator");
	int64_t id = add_object(place, "profile", "a");

	/* Another kind has the name too. */
	(void)add_object(place, "server proxy", "a");
	assert_int_equal(create(place, &root, "east",
	                        json_pack("{s:{s:b, s:[s]}}", "profiles", "all", 0, "items", "a")),
	                 0);
	assert_int_equal(put_into(place, &root, "anna", json_pack("[s]", "east")), 0);
	rename_object(place, id, "z");
	assert_true(may(place, &anna, "z"));
	assert_false(may(place, &anna, "a"));
	delete_object(place, id);
	(void)add_object(place, "profile", "z");
	assert_false(may(place, &anna, "z"));
	assert_int_equal(
	        create(place, &root, "west", json_pack("{s:{s:[s]}}", "profiles", "items", "none")),
	        SL_EINVAL);
	assert_string_equal(place->problem.items[0].pointer, "/profiles/items/0");
}

static void who_is_in_several_has_what_any_gives(void **state)
{
	struct place *place = *state;
	struct auth_identity root = someone(place, "root", "Administrator");
	struct auth_identity anna = someone(place, "anna", "Operator");

	(void)add_object(place, "profile", "a");
	(void)add_object(place, "profile", "b");
	assert_int_equal(create(place, &root, "one",
	                        json_pack("{s:{s:b, s:[s]}, s:{s:b}}", "profiles", "all", 0,
	                                  "items", "a", "devices", "all", 0)),
	                 0);
	assert_int_equal(create(place, &root, "two",
	                        json_pack("{s:{s:[s]}, s:{s:b}}", "profiles", "items", "a",
	                                  "server_proxies", "all", 0)),
	                 0);
	assert_int_equal(put_into(place, &root, "anna", json_pack("[s]", "one")), 0);
	assert_true(may(place, &anna, "a") && !may(place, &anna, "b"));
	assert_int_equal(put_into(place, &root, "anna", json_pack("[s]", "two")), 0);
	assert_true(!may(place, &anna, "a") && may(place, &anna, "b"));
	assert_int_equal(put_into(place, &root, "anna", json_pack("[s, s]", "one", "two")), 0);
	assert_true(may(place, &anna, "a") && may(place, &anna, "b"));
	assert_int_equal(whole(place, &anna), AUTH_ITEMS_ALL & ~(1U << AUTH_ITEM_PROFILE));
}

static void an_administrator_has_all_whatever_his_groups(void **state)
{
	struct place *place = *state;
	struct auth_identity root = someone(place, "root", "Administrator");
	struct auth_identity other = someone(place, "other", "Administrator");

	(void)add_object(place, "profile", "a");
	assert_int_equal(
	        create(place, &root, "nothing", json_pack("{s:{s:b}}", "profiles", "all", 0)), 0);
	assert_int_equal(put_into(place, &root, "other", json_pack("[s]", "nothing")), 0);
	assert_true(may(place, &other, "a"));
	assert_int_equal(whole(place, &other), AUTH_ITEMS_ALL);
}

static void whoever_has_not_everything_gives_nothing(void **state)
{
	struct place *place = *state;
	struct auth_identity root = someone(place, "root", "Administrator"), clerk;
	char password[AUTH_SECRET_MAX];
	const struct people_change observer = {.role = "Observer"};

	assert_int_equal(role_create(place->store, &root, "clerk", "Administrator",
	                             &(struct role_change){0}, &place->problem),
	                 0);
	clerk = someone(place, "clerk", "clerk");
	(void)people_add_role(place, "anna", "Observer");
	assert_int_equal(create(place, &clerk, "his", json_object()), 0);
	assert_int_equal(put_into(place, &clerk, "clerk", json_pack("[]")), SL_EPERM);
	assert_int_equal(create(place, &root, "east", json_pack("{s:{s:b}}", "profiles", "all", 0)),
	                 0);
	assert_int_equal(put_into(place, &root, "clerk", json_pack("[s]", "east")), 0);
	/* A group, a person and a password are ways to what he has not. */
	assert_int_equal(create(place, &clerk, "wide", json_object()), SL_EPERM);
	problem_fini(&place->problem);
	assert_int_equal(
	        group_change(place->store, &clerk, "east", 1, json_null(), &place->problem),
	        SL_EPERM);
	problem_fini(&place->problem);
	assert_int_equal(group_delete(place->store, &clerk, "his", 1, &place->problem), SL_EPERM);
	assert_int_equal(put_into(place, &clerk, "anna", json_pack("[]")), SL_EPERM);
	problem_fini(&place->problem);
	assert_int_equal(
	        people_create(place->store, &clerk, "mine", &observer, password, &place->problem),
	        SL_EPERM);
	problem_fini(&place->problem);
	assert_int_equal(
	        people_reset_password(place->store, &clerk, "anna", password, &place->problem),
	        SL_EPERM);
}

static void a_group_with_people_stays_and_so_does_everyone(void **state)
{
	struct place *place = *state;
	struct auth_identity root = someone(place, "root", "Administrator");
	json_t *list;

	(void)people_add_role(place, "anna", "Observer");
	assert_int_equal(create(place, &root, GROUP_EVERYONE, json_object()), SL_EEXIST);
	assert_int_equal(create(place, &root, "east", json_object()), 0);
	assert_int_equal(create(place, &root, "east", json_object()), SL_EEXIST);
	assert_int_equal(put_into(place, &root, "anna", json_pack("[s]", GROUP_EVERYONE)),
	                 SL_EINVAL);
	assert_int_equal(put_into(place, &root, "anna", json_pack("[s]", "east")), 0);
	assert_int_equal(group_delete(place->store, &root, "east", 1, &place->problem), SL_EBUSY);
	assert_string_equal(place_told(place), "\"anna\" is in it");
	assert_int_equal(group_delete(place->store, &root, GROUP_EVERYONE, 1, &place->problem),
	                 SL_EPERM);
	(void)place_told(place);
	assert_int_equal(put_into(place, &root, "anna", json_pack("[]")), 0);
	assert_int_equal(group_delete(place->store, &root, "east", 2, &place->problem),
	                 SL_ECONFLICT);
	(void)place_told(place);
	assert_int_equal(group_delete(place->store, &root, "east", 1, &place->problem), 0);
	assert_int_equal(group_list(place->store, &list, &place->problem), 0);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	assert_int_equal(place_audited(place, "delete", "east"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(a_new_group_has_all_until_something_is_deselected),
	        TEST(an_item_is_the_same_under_another_name_and_gone_when_it_is),
	        TEST(who_is_in_several_has_what_any_gives),
	        TEST(an_administrator_has_all_whatever_his_groups),
	        TEST(whoever_has_not_everything_gives_nothing),
	        TEST(a_group_with_people_stays_and_so_does_everyone),
	};

	return RUN_TESTS(tests);
}
