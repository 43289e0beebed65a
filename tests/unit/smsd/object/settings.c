/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/smsd/object/settings.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_MAX = 4096 };

int settings_setup(void **state)
{
	const struct pki_subject subject = {.common_name = "Sign"};
	struct desk *d;
	int rc = desk_setup(state);

	if (rc != 0)
		return rc;
	d = *state;
	assert_int_equal(desk_take_ca(d, "root", desk_pem(NULL, NULL, d->root, NULL), "root"), 0);
	assert_int_equal(desk_take(d, "a", desk_pem(d->leaf_key, NULL, d->leaf, NULL), "a"), 0);
	assert_int_equal(desk_take(d, "c", desk_pem(d->second_key, NULL, d->second, NULL), "c"), 0);
	assert_int_equal(certificate_make_signing(&d->at, &place_actor, "sign", &subject,
	                                          PKI_KEY_P256, 10, false, d->problem),
	                 0);
	return 0;
}

static void swap(char *text, char from, char to)
{
	for (; *text; text++)
		if (*text == from)
			*text = to;
}

json_t *settings_body(const char *text)
{
	char quoted[BODY_MAX];
	json_t *body;

	assert_true(strlen(text) < sizeof(quoted));
	(void)snprintf(quoted, sizeof(quoted), "%s", text);
	swap(quoted, '\'', '"');
	body = json_loads(quoted, 0, NULL);
	assert_non_null(body);
	return body;
}

static int done(json_t *body, json_t *notices, int rc)
{
	json_decref(body);
	json_decref(notices);
	return rc;
}

static const struct setting_change may_all = {
        .actor = &place_actor, .comment = "why", .may_locked = true};
static const struct setting_change may_not = {.actor = &place_actor};

static int create(struct desk *d, const struct setting_change *how, enum object_kind kind,
                  const char *text)
{
	json_t *body = settings_body(text), *notices = NULL;
	int rc = setting_create(d->place->store, how, kind, body, &notices, d->problem);

	return done(body, notices, rc);
}

static int replace(struct desk *d, const struct setting_change *how, enum object_kind kind,
                   const char *name, const char *text)
{
	json_t *body = settings_body(text), *notices = NULL;
	int rc = setting_replace(d->place->store, how, kind, name, settings_revision(d, kind, name),
	                         body, &notices, d->problem);

	return done(body, notices, rc);
}

int settings_create(struct desk *d, enum object_kind kind, const char *text)
{
	return create(d, &may_all, kind, text);
}

int settings_create_unlocked(struct desk *d, enum object_kind kind, const char *text)
{
	return create(d, &may_not, kind, text);
}

int settings_replace(struct desk *d, enum object_kind kind, const char *name, const char *text)
{
	return replace(d, &may_all, kind, name, text);
}

int settings_replace_unlocked(struct desk *d, enum object_kind kind, const char *name,
                              const char *text)
{
	return replace(d, &may_not, kind, name, text);
}

int settings_delete(struct desk *d, enum object_kind kind, const char *name)
{
	return setting_delete(d->place->store, &may_all, kind, name,
	                      settings_revision(d, kind, name), d->problem);
}

int settings_delete_unlocked(struct desk *d, enum object_kind kind, const char *name)
{
	return setting_delete(d->place->store, &may_not, kind, name,
	                      settings_revision(d, kind, name), d->problem);
}

int settings_rollback(struct desk *d, enum object_kind kind, const char *name, int64_t to)
{
	json_t *notices = NULL;
	int rc = setting_rollback(d->place->store, &may_all, kind, name,
	                          settings_revision(d, kind, name), to, &notices, d->problem);

	return done(NULL, notices, rc);
}

int settings_check(struct desk *d, enum object_kind kind, const char *text)
{
	const struct setting_change how = {
	        .actor = &place_actor, .may_locked = true, .check_only = true};

	return create(d, &how, kind, text);
}

const char *settings_text(struct desk *d, enum object_kind kind, const char *name)
{
	static char text[BODY_MAX];
	struct object object;
	char *body;

	text[0] = '\0';
	if (object_get(d->place->store, kind, name, &object, d->problem) != 0) {
		problem_fini(d->problem);
		return text;
	}
	body = json_dumps(object.body, JSON_SORT_KEYS | JSON_COMPACT);
	assert_non_null(body);
	(void)snprintf(text, sizeof(text), "%s", body);
	swap(text, '"', '\'');
	free(body);
	object_fini(&object);
	return text;
}

int64_t settings_revision(struct desk *d, enum object_kind kind, const char *name)
{
	struct object object;
	int64_t revision;

	if (object_get(d->place->store, kind, name, &object, d->problem) != 0) {
		problem_fini(d->problem);
		return 0;
	}
	revision = object.revision;
	object_fini(&object);
	return revision;
}
