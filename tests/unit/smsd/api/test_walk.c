/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every route by its table: whoever has not its capability does not get in, and no item that his
 * groups do not give him is named in its path or body, or comes back in its answer.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/api/access.h"
#include "smsd/api/check.h"
#include "smsd/api/route.h"
#include "smsd/auth/group.h"
#include "smsd/object/object.h"
#include "tests/unit/smsd/auth/people.h"

#define FROM "192.0.2.1"

/* ---- a call as api.c makes it, to its handler but not into it ----------------------------- */

struct ask {
	struct api_context context;
	struct http_request request;
	struct api_call call;
	char nothing[1]; /* the path and the query, which are not looked at here */
};

static void ask_begin(struct ask *ask, struct place *place, const struct api_route *route,
                      const struct auth_session *session)
{
	*ask = (struct ask){.context = {.store = place->store}};
	ask->request = (struct http_request){.method = route->method,
	                                     .path = ask->nothing,
	                                     .query = ask->nothing,
	                                     .from = FROM,
	                                     .authorization = "",
	                                     .cookie = "",
	                                     .csrf_token = session ? session->csrf : "",
	                                     .if_match = "",
	                                     .content_type = "",
	                                     .accept = "",
	                                     .origin = ""};
	ask->call.context = &ask->context;
	ask->call.request = &ask->request;
	ask->call.route = route;
	http_response_init(&ask->call.response);
	for (size_t i = 0; i < API_PARAMETERS_MAX; i++)
		(void)strcpy(ask->call.parameter[i], "none");
	if (session)
		ask->call.identity = session->identity;
}

static void ask_end(struct ask *ask)
{
	json_decref(ask->call.body);
	problem_fini(&ask->call.problem);
	http_response_fini(&ask->call.response);
}

/* check_call's code, for a path with this name in it. */
static int check_named(struct place *place, const struct api_route *route,
                       const struct auth_session *session, const char *name)
{
	char cookie[AUTH_SECRET_MAX + 32];
	struct ask ask;
	int rc;

	ask_begin(&ask, place, route, session);
	(void)snprintf(ask.call.parameter[0], API_PARAMETER_MAX, "%s", name);
	if (session) {
		(void)snprintf(cookie, sizeof(cookie), AUTH_COOKIE "=%s", session->cookie);
		ask.request.cookie = cookie;
	}
	rc = check_call(&ask.call);
	ask_end(&ask);
	return rc;
}

static int check(struct place *place, const struct api_route *route,
                 const struct auth_session *session)
{
	return check_named(place, route, session, "none");
}

/* ---- capabilities ------------------------------------------------------------------------ */

static bool is_one_of(const char *id, const char *const *ids)
{
	for (; *ids; ids++)
		if (strcmp(*ids, id) == 0)
			return true;
	return false;
}

static void what_needs_no_capability_is_listed_here(void **state)
{
	static const char *const open[] = {"VERSION", "OPENAPI", "LOGIN", NULL};
	static const char *const anyones[] = {
	        "LOGOUT", "ME", "CHANGE_PASSWORD", "TOKENS", "MAKE_TOKEN", "DROP_TOKEN", NULL};

	for (size_t i = 0; i < api_routes_count; i++) {
		const struct api_route *route = &api_routes[i];

		if (is_one_of(route->id, open))
			assert_int_equal(route->access, API_ACCESS_PUBLIC);
		else if (is_one_of(route->id, anyones))
			assert_int_equal(route->access, API_ACCESS_ANYONE);
		else
			assert_int_not_equal(api_route_capabilities(route), 0);
	}
}

/* Who may make something of an upload, and nobody else. */
static void uploads_are_for_those_who_use_them(void **state)
{
	static const char *const uploads[] = {"UPLOAD_BEGIN", "UPLOAD_ADD", "UPLOAD_DROP", NULL};
	char text[API_CAPABILITIES_TEXT_MAX];

	for (size_t i = 0; i < api_routes_count; i++)
		if (is_one_of(api_routes[i].id, uploads))
			assert_string_equal(api_route_access_text(&api_routes[i], text),
			                    "profiles, packages");
}

/* Somebody with this role, made of one set of capabilities. */
static void person_of(struct place *place, const struct auth_identity *root, unsigned number,
                      uint64_t capabilities, struct auth_session *ret_session)
{
	const struct role_change what = {.capabilities = &capabilities};
	char name[16];

	(void)snprintf(name, sizeof(name), "p%u", number);
	assert_int_equal(
	        role_create(place->store, root, name, "Administrator", &what, &place->problem), 0);
	people_session(place, people_add_role(place, name, name), ret_session);
}

static void root_of(struct place *place, struct auth_session *ret_session)
{
	people_session(place, people_add(place, "root", false), ret_session);
}

/* Each route by somebody with one capability alone, and by somebody with all others. */
static void each_route_asks_for_its_capability_and_no_other(void **state)
{
	struct place *place = *state;
	const uint64_t all = UINT64_MAX >> (64 - AUTH_CAPABILITY_END);
	struct auth_session root, with;

	root_of(place, &root);
	for (unsigned c = 0; c < 2 * AUTH_CAPABILITY_END; c++) {
		uint64_t one = UINT64_C(1) << c / 2;

		person_of(place, &root.identity, c, c % 2 ? one : all & ~one, &with);
		for (size_t i = 0; i < api_routes_count; i++) {
			const struct api_route *route = &api_routes[i];
			uint64_t needs = api_route_capabilities(route);
			bool may = needs == 0 || with.identity.capabilities & needs;

			if (may != (check(place, route, &with) != SL_EPERM))
				fail_msg("%s with %llx", route->id,
				         (unsigned long long)with.identity.capabilities);
			if (route->access != API_ACCESS_PUBLIC)
				assert_int_equal(check(place, route, NULL), SL_EPERM);
		}
	}
}

static void a_change_asks_for_the_csrf_token_of_the_session(void **state)
{
	struct place *place = *state;
	struct auth_session root;

	root_of(place, &root);
	root.csrf[0] = '\0';
	for (size_t i = 0; i < api_routes_count; i++)
		if (api_routes[i].access != API_ACCESS_PUBLIC && api_routes[i].method != HTTP_GET)
			assert_int_equal(check(place, &api_routes[i], &root), SL_EREFUSED);
}

/* ---- items ------------------------------------------------------------------------------- */

/* What there is of each kind: one that was there before the groups, one that they name, and one
 * that came later. */
static const char *const names[] = {"a-plain", "b-single", "c-future"};
enum { PLAIN, SINGLE, FUTURE, NAMES };

/* By the table alone: how a device is made is the device room's. */
static void add_device(struct place *place, const char *name)
{
	char text[512];
	sqlite3 *db;

	(void)snprintf(text, sizeof(text),
	               "INSERT INTO device (name, revision, state, comment, certificate_ends_ms,"
	               " made_ms, enrolled_ms, seen_ms, wanted)"
	               " VALUES ('%s', 1, 'new', '', 0, 0, 0, 0, 0)",
	               name);
	assert_int_equal(sqlite3_open(place_path(place, "sms.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

struct adding {
	const char *name;
	struct problem *problem;
};

static int add_everywhere(void *arg, struct store_tx *tx)
{
	const struct adding *adding = arg;
	const struct object_change how = {.actor = &place_actor, .action = "make"};
	json_t *body = json_pack("{s:s}", "name", adding->name);
	int rc = 0;

	for (unsigned i = 0; i < OBJECT_KIND_END && rc == 0; i++)
		rc = object_create(tx, &how, i, adding->name, body, NULL, adding->problem);
	json_decref(body);
	return rc;
}

static void add_items(struct place *place, const char *name)
{
	struct adding adding = {name, &place->problem};

	assert_int_equal(store_write(place->store, add_everywhere, &adding), 0);
	add_device(place, name);
}

/* A setting of groups, and which of the three it gives. */
static const struct setting {
	const char *name;
	bool grouped, all, single, second; /* `second`: another group with the single one alone */
	bool gives[NAMES];
	bool whole;
} settings[] = {
        {"none", .gives = {true, true, true}, .whole = true},
        {"all", .grouped = true, .all = true, .gives = {true, true, true}, .whole = true},
        {"all but one", .grouped = true, .all = true, .single = true, .gives = {true, false, true}},
        {"one alone", .grouped = true, .single = true, .gives = {false, true, false}},
        {"nothing", .grouped = true, .gives = {false, false, false}},
        {"nothing, and one alone", .grouped = true, .second = true, .gives = {false, true, false}},
        {"all but one, and that", .grouped = true, .all = true, .single = true, .second = true,
         .gives = {true, true, true}},
};

enum { SETTINGS = SL_ARRAY_LEN(settings) };

static void make_group(struct place *place, const struct auth_identity *root, const char *name,
                       bool all, bool single)
{
	json_t *body = json_object();

	for (unsigned i = 0; i < AUTH_ITEM_END; i++)
		(void)json_object_set_new(
		        body, auth_item_key(i),
		        json_pack("{s:b, s:o}", "all", all, "items",
		                  single ? json_pack("[s]", names[SINGLE]) : json_array()));
	assert_int_equal(group_create(place->store, root, name, body, &place->problem), 0);
	json_decref(body);
}

/* Somebody who may everything, in the groups of a setting. */
static void person_in(struct place *place, const struct auth_identity *root, unsigned number,
                      struct auth_session *ret_session)
{
	const struct setting *s = &settings[number];
	char name[16], first[32], second[32];
	struct people_change what = {0};
	json_t *groups = json_array();

	(void)snprintf(name, sizeof(name), "p%u", number);
	(void)snprintf(first, sizeof(first), "first %u", number);
	(void)snprintf(second, sizeof(second), "second %u", number);
	if (number == 0)
		assert_int_equal(role_create(place->store, root, "everything", "Administrator",
		                             &(struct role_change){0}, &place->problem),
		                 0);
	if (s->grouped) {
		make_group(place, root, first, s->all, s->single);
		(void)json_array_append_new(groups, json_string(first));
	}
	if (s->second) {
		make_group(place, root, second, false, true);
		(void)json_array_append_new(groups, json_string(second));
	}
	what.groups = groups;
	people_session(place, people_add_role(place, name, "everything"), ret_session);
	assert_int_equal(people_change(place->store, root, name, 1, &what, &place->problem), 0);
	json_decref(groups);
}

struct world {
	struct place *place;
	struct auth_session root, people[SETTINGS];
};

static struct world *world_make(struct place *place)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->place = place;
	root_of(place, &w->root);
	add_items(place, names[PLAIN]);
	add_items(place, names[SINGLE]);
	for (unsigned i = 0; i < SETTINGS; i++)
		person_in(place, &w->root.identity, i, &w->people[i]);
	add_items(place, names[FUTURE]);
	return w;
}

static enum auth_item item_of(const struct api_route *route)
{
	size_t len = strcspn(route->path + 1, "/?");

	for (unsigned i = 0; i < AUTH_ITEM_END; i++)
		if (strlen(auth_item_collection(i)) == len &&
		    memcmp(auth_item_collection(i), route->path + 1, len) == 0)
			return i;
	return AUTH_ITEM_END;
}

/* What he has not is not there; who has not all makes none; and the rest is another question, as
 * of a body that was not sent. */
static void check_item(struct world *w, const struct api_route *route, unsigned person,
                       unsigned name)
{
	const struct setting *s = &settings[person];
	bool named = strstr(route->path, "/{") != NULL;
	int rc = check_named(w->place, route, &w->people[person], names[name]);
	int refused = named && !s->gives[name]                           ? SL_ENOENT
	              : !named && !s->whole && route->method != HTTP_GET ? SL_EPERM
	                                                                 : 0;

	if (refused ? rc != refused : rc == SL_ENOENT || rc == SL_EPERM)
		fail_msg("%s of \"%s\" with %s: %d", route->id, names[name], s->name, rc);
}

static void each_route_of_an_item_asks_whether_he_has_it(void **state)
{
	struct world *w = world_make(*state);

	for (size_t r = 0; r < api_routes_count; r++) {
		const struct api_route *route = &api_routes[r];

		if (item_of(route) == AUTH_ITEM_END)
			continue;
		for (unsigned p = 0; p < SETTINGS; p++)
			for (unsigned n = 0; n < NAMES; n++)
				check_item(w, route, p, n);
	}
	free(w);
}

/* ---- what a body names ------------------------------------------------------------------- */

static enum auth_item item_of_row(const struct conf_field *field)
{
	static const enum conf_collection refs[] = {
#define ITEM(NAME, kind, collection, key, ref, help) CONF_##ref,
#include "smsd/auth/item.def"
#undef ITEM
	};

	for (unsigned i = 0; i < AUTH_ITEM_END; i++)
		if ((field->ref && field->ref == refs[i]) ||
		    (field->type == CONF_TYPE_NAMES && strcmp(field->name, auth_item_key(i)) == 0))
			return i;
	return AUTH_ITEM_END;
}

/* Bodies with one name each, at each place of the shape that names an item. */
static unsigned each_body(const struct conf_object *object, const char *name,
                          void (*fn)(json_t *body, void *arg), void *arg);

struct inside {
	const struct conf_field *field;
	void (*fn)(json_t *body, void *arg);
	void *arg;
};

static void wrap(json_t *part, void *arg)
{
	const struct inside *in = arg;
	json_t *value = in->field->type == CONF_TYPE_OBJECTS ? json_pack("[{}, o]", part) : part;

	in->fn(json_pack("{s:o}", in->field->name, value), in->arg);
}

static unsigned each_body(const struct conf_object *object, const char *name,
                          void (*fn)(json_t *body, void *arg), void *arg)
{
	unsigned count = 0;

	for (size_t i = 0; i < object->count; i++) {
		const struct conf_field *field = &object->fields[i];
		struct inside in = {field, fn, arg};

		if (item_of_row(field) != AUTH_ITEM_END) {
			fn(field->type == CONF_TYPE_REF ? json_pack("{s:s}", field->name, name)
			                                : json_pack("{s:[s]}", field->name, name),
			   arg);
			count++;
		} else if (field->object) {
			count += each_body(field->object, name, wrap, &in);
		}
	}
	return count;
}

struct naming {
	struct world *world;
	const struct api_route *route;
	unsigned person, name;
};

static void name_it(json_t *body, void *arg)
{
	const struct naming *n = arg;
	const struct setting *s = &settings[n->person];
	struct ask ask;
	int rc;

	ask_begin(&ask, n->world->place, n->route, &n->world->people[n->person]);
	ask.call.body = body;
	rc = access_check_body(&ask.call);
	if (rc != (s->gives[n->name] ? 0 : SL_ENOENT))
		fail_msg("%s names \"%s\" with %s: %d", n->route->id, names[n->name], s->name, rc);
	ask_end(&ask);
}

static void no_body_names_what_he_has_not(void **state)
{
	struct world *w = world_make(*state);

	for (size_t r = 0; r < api_routes_count; r++) {
		const struct conf_object *shape = api_shape_object(api_routes[r].body);

		for (unsigned p = 0; shape && p < SETTINGS; p++)
			for (unsigned n = 0; n < NAMES; n++) {
				struct naming naming = {w, &api_routes[r], p, n};

				(void)each_body(shape, names[n], name_it, &naming);
			}
	}
	free(w);
}

/* ---- what comes back --------------------------------------------------------------------- */

static json_t *list_of_names(void)
{
	json_t *list = json_array();

	for (unsigned n = 0; n < NAMES; n++)
		(void)json_array_append_new(list, json_pack("{s:s}", "name", names[n]));
	return list;
}

/* Names of a list are those, in order, that the setting gives. */
static void assert_given(const json_t *list, const struct setting *s)
{
	size_t at = 0;

	for (unsigned n = 0; n < NAMES; n++)
		if (s->gives[n])
			assert_string_equal(json_string_value(json_object_get(
			                            json_array_get(list, at++), "name")),
			                    names[n]);
	assert_int_equal(json_array_size(list), at);
}

/* The lists that a route answers with, made up: its handler need not be right. */
static void no_list_has_what_he_has_not(void **state)
{
	struct world *w = world_make(*state);

	for (size_t r = 0; r < api_routes_count; r++)
		for (unsigned p = 0; p < SETTINGS; p++) {
			enum auth_item item = item_of(&api_routes[r]);
			json_t *value = json_pack("{s:o, s:{s:o}}", "items", list_of_names(),
			                          "more", "devices", list_of_names());
			struct ask ask;

			if (api_routes[r].access == API_ACCESS_PUBLIC) {
				json_decref(value);
				continue;
			}
			ask_begin(&ask, w->place, &api_routes[r], &w->people[p]);
			assert_int_equal(access_filter(&ask.call, value), 0);
			if (item != AUTH_ITEM_END)
				assert_given(json_object_get(value, "items"), &settings[p]);
			assert_given(json_object_get(json_object_get(value, "more"), "devices"),
			             &settings[p]);
			json_decref(value);
			ask_end(&ask);
		}
	free(w);
}

/* The real handlers of lists, to the bytes that go out. */
static void each_real_list_is_what_he_has(void **state)
{
	struct world *w = world_make(*state);
	unsigned lists = 0;

	for (size_t r = 0; r < api_routes_count; r++) {
		const struct api_route *route = &api_routes[r];

		if (route->method != HTTP_GET || item_of(route) == AUTH_ITEM_END ||
		    strstr(route->path, "/{"))
			continue;
		lists++;
		for (unsigned p = 0; p < SETTINGS; p++) {
			struct ask ask;
			json_t *answer;

			ask_begin(&ask, w->place, route, &w->people[p]);
			assert_int_equal(access_check_path(&ask.call), 0);
			assert_int_equal(route->handler(&ask.call), 0);
			answer = json_loadb((const char *)ask.call.response.body.data,
			                    ask.call.response.body.len, 0, NULL);
			assert_given(json_object_get(answer, "items"), &settings[p]);
			json_decref(answer);
			ask_end(&ask);
		}
	}
	free(w);
}

static void what_names_a_kind_is_filtered_wherever_it_stands(void **state)
{
	struct world *w = world_make(*state);

	for (unsigned p = 0; p < SETTINGS; p++) {
		json_t *value = json_pack("{s:{s:[{s:s, s:s}, {s:s, s:s}]}}", "object", "used_by",
		                          "kind", "profile", "name", names[SINGLE], "kind",
		                          "action set", "name", names[SINGLE]);
		struct ask ask;

		ask_begin(&ask, w->place, &api_routes[4], &w->people[p]);
		assert_int_equal(access_filter(&ask.call, value), 0);
		assert_int_equal(json_array_size(json_object_get(json_object_get(value, "object"),
		                                                 "used_by")),
		                 settings[p].gives[SINGLE] ? 2 : 1);
		json_decref(value);
		ask_end(&ask);
	}
	free(w);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(what_needs_no_capability_is_listed_here),
	        TEST(uploads_are_for_those_who_use_them),
	        TEST(each_route_asks_for_its_capability_and_no_other),
	        TEST(a_change_asks_for_the_csrf_token_of_the_session),
	        TEST(each_route_of_an_item_asks_whether_he_has_it),
	        TEST(no_body_names_what_he_has_not),
	        TEST(no_list_has_what_he_has_not),
	        TEST(each_real_list_is_what_he_has),
	        TEST(what_names_a_kind_is_filtered_wherever_it_stands),
	};

	return RUN_TESTS(tests);
}
