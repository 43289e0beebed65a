/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document as JSON: the device's settings, then the lists of each kind in order of names, so
 * that the same objects make the same document. Files get the path that they have on the device;
 * rows that came after the version that it reads are not in it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/canon.h"
#include "lib/conf/config.h"
#include "lib/conf/node.h"
#include "lib/conf/object.h"
#include "lib/conf/version.h"
#include "smsd/object/document_priv.h"

enum { PATH_SIZE = 1024 };

void draft_fini(struct draft *draft)
{
	for (size_t i = 0; i < draft->places_count; i++)
		json_decref(draft->places[i].origins);
	json_decref(draft->root);
	free(draft->places);
	free(draft->files);
	*draft = (struct draft){0};
}

/* ---- files ------------------------------------------------------------------------------- */

struct making {
	const struct document_shelf *shelf;
	const struct document_device *device;
	struct reach *reach;
	struct conf_errors *errs;
	struct draft *draft;
	const char *place; /* pointer of what is walked through */
	bool settings;     /* of the device: a path there may be one of its own */
};

int draft_add_file(struct draft *draft, const uint8_t sha256[BLOB_DIGEST], uint64_t size)
{
	struct document_file *file;

	if (draft->files_count == draft->files_size) {
		size_t room = draft->files_size ? 2 * draft->files_size : 64;
		struct document_file *files = reallocarray(draft->files, room, sizeof(*files));

		if (!files)
			return SL_ENOMEM;
		draft->files = files;
		draft->files_size = room;
	}
	file = &draft->files[draft->files_count++];
	memcpy(file->sha256, sha256, BLOB_DIGEST);
	file->size = size;
	return 0;
}

/* The content that a setting takes; BLOB_CONTENT_END: any. */
static enum blob_content content_of(const struct conf_field *field)
{
	static const struct {
		const char *name;
		enum blob_content content;
	} settings[] = {{"rules", BLOB_RULES},
	                {"crls", BLOB_CRL},
	                {"domains_file", BLOB_DOMAINS},
	                {"category_overrides_file", BLOB_DOMAINS}};

	for (size_t i = 0; i < SL_ARRAY_LEN(settings); i++)
		if (strcmp(settings[i].name, field->name) == 0)
			return settings[i].content;
	return BLOB_CONTENT_END;
}

static int refuse(const struct making *m, const struct document_text *at, int code,
                  const char *remedy, const char *text)
{
	char pointer[2 * PROBLEM_POINTER_MAX];

	(void)snprintf(pointer, sizeof(pointer), "%s%s", m->place, at->pointer);
	(void)conf_errors_add_at(m->errs, "", 0, 0, pointer, code, remedy, "%s", text);
	return 0;
}

/* A file's body: {content, size, sha256}. */
static int lay_down(const struct making *m, const struct document_text *at,
                    const struct shelf_object *file)
{
	const char *hex = json_string_value(json_object_get(file->body, "sha256"));
	const char *content = json_string_value(json_object_get(file->body, "content"));
	enum blob_content wanted = content_of(at->field);
	uint8_t sha256[BLOB_DIGEST];
	char path[PATH_SIZE];

	if (!hex || !content || blob_digest_parse(hex, sha256) != 0)
		return SL_EIO;
	if (wanted != BLOB_CONTENT_END && strcmp(content, blob_content_name(wanted)) != 0) {
		char text[PROBLEM_TEXT_MAX];

		(void)snprintf(text, sizeof(text), "the file \"%s\" is no file of %s but of %s",
		               file->name, blob_content_name(wanted), content);
		return refuse(m, at, SL_EINVAL, "name another file", text);
	}
	m->reach->taken[file - m->shelf->items] = REACH_IN;
	(void)snprintf(path, sizeof(path), "%s/%s", m->device->files, hex);
	if (json_string_set(at->text, path) != 0)
		return SL_ENOMEM;
	/* Of filters: the text that is meant, which no other can take the place of. */
	if (wanted == BLOB_RULES &&
	    json_object_set_new(at->holder, "sha256", json_string(hex)) != 0)
		return SL_ENOMEM;
	return draft_add_file(m->draft, sha256,
	                      (uint64_t)json_integer_value(json_object_get(file->body, "size")));
}

static int replace_path(void *arg, const struct document_text *at)
{
	const struct making *m = arg;
	const char *path = json_string_value(at->text);
	const struct shelf_object *file;
	char text[PROBLEM_TEXT_MAX];

	if (at->field->type != CONF_TYPE_PATH && at->field->type != CONF_TYPE_PATHS)
		return 0;
	if (strncmp(path, BLOB_PATH, strlen(BLOB_PATH)) != 0) {
		if (m->settings)
			return 0;
		return refuse(m, at, SL_EINVAL, "upload the file and name it as " BLOB_PATH "NAME",
		              "an object of the SMS names files of the SMS");
	}
	file = shelf_find(m->shelf, OBJECT_FILE, path + strlen(BLOB_PATH));
	if (file)
		return lay_down(m, at, file);
	if (m->settings)
		return 0;
	(void)snprintf(text, sizeof(text), "there is no file \"%.128s\"", path + strlen(BLOB_PATH));
	return refuse(m, at, SL_ENOENT, "upload it, or name another", text);
}

/* ---- objects ----------------------------------------------------------------------------- */

static int add_place(struct draft *draft, const char *key, size_t index,
                     const struct shelf_object *object)
{
	if (draft->places_count == draft->places_size) {
		size_t room = draft->places_size ? 2 * draft->places_size : 64;
		struct draft_place *places = reallocarray(draft->places, room, sizeof(*places));

		if (!places)
			return SL_ENOMEM;
		draft->places = places;
		draft->places_size = room;
	}
	draft->places[draft->places_count++] =
	        (struct draft_place){key, index, object, json_incref(object->origins)};
	return 0;
}

/* A certificate's row: its chain as a file, and whose key it is. */
static int certificate_row(const struct making *m, const struct shelf_object *o, json_t **ret_row)
{
	char hex[BLOB_HEX_MAX], key[BLOB_HEX_MAX], path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%s", m->device->files,
	               blob_digest_text(o->sha256, hex));
	*ret_row = o->kind == OBJECT_CERTIFICATE
	                   ? json_pack("{s:s, s:s, s:s}", "name", o->name, "certificate", path,
	                               "key_id", blob_digest_text(o->key_id, key))
	                   : json_pack("{s:s, s:s}", "name", o->name, "certificate", path);
	if (!*ret_row)
		return SL_ENOMEM;
	return o->laid_down ? draft_add_file(m->draft, o->sha256, o->size) : 0;
}

static int object_row(struct making *m, const struct shelf_object *o, const char *key, size_t index,
                      const struct conf_object *shape, json_t **ret_row)
{
	char place[PROBLEM_POINTER_MAX];

	if (o->kind == OBJECT_CERTIFICATE || o->kind == OBJECT_CA_CERTIFICATE)
		return certificate_row(m, o, ret_row);
	*ret_row = json_deep_copy(o->body);
	if (!*ret_row)
		return SL_ENOMEM;
	(void)snprintf(place, sizeof(place), "/%s/%zu", key, index);
	m->place = place;
	return document_walk(shape, *ret_row, replace_path, m);
}

static int by_place_and_name(const void *a, const void *b)
{
	const struct shelf_object *const *x = a;
	const struct shelf_object *const *y = b;

	return (*x)->place != (*y)->place
	               ? ((*x)->place > (*y)->place) - ((*x)->place < (*y)->place)
	               : strcmp((*x)->name, (*y)->name);
}

static int add_row(struct making *m, const struct conf_field *field, const struct shelf_object *o,
                   json_t *list)
{
	size_t index = json_array_size(list);
	json_t *row = NULL;
	int rc = add_place(m->draft, field->name, index, o);

	if (rc == 0)
		rc = object_row(m, o, field->name, index, field->object, &row);
	if (row && json_array_append_new(list, row) != 0 && rc == 0)
		rc = SL_ENOMEM;
	return rc;
}

/* Those of the kind that are in the document, in its order; how many. */
static size_t sort_kind(const struct making *m, enum object_kind kind,
                        const struct shelf_object **items)
{
	size_t count = 0;

	for (size_t i = 0; i < m->shelf->count; i++)
		if (m->shelf->items[i].kind == kind && m->reach->taken[i] == REACH_IN)
			items[count++] = &m->shelf->items[i];
	qsort(items, count, sizeof(struct shelf_object *), by_place_and_name);
	return count;
}

static int add_list(struct making *m, enum object_kind kind)
{
	const struct conf_field *field = document_list_of(kind);
	const struct shelf_object **items;
	json_t *list;
	size_t count;
	int rc = 0;

	if (!field)
		return 0;
	items = reallocarray(NULL, m->shelf->count + 1, sizeof(struct shelf_object *));
	list = json_array();
	if (!list || !items)
		rc = SL_ENOMEM;
	count = rc == 0 ? sort_kind(m, kind, items) : 0;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_row(m, field, items[i], list);
	if (rc == 0 && count > 0 && json_object_set(m->draft->root, field->name, list) != 0)
		rc = SL_ENOMEM;
	free(items);
	json_decref(list);
	return rc;
}

/* ---- settings ---------------------------------------------------------------------------- */

static int set_name(json_t *root, const char *name)
{
	json_t *device = json_object_get(root, "device");

	if (!device) {
		device = json_object();
		if (json_object_set_new(root, "device", device) != 0)
			return SL_ENOMEM;
	}
	/* What is no map there is the check's to say. */
	if (!json_is_object(device))
		return 0;
	return json_object_set_new(device, "name", json_string(name)) == 0 ? 0 : SL_ENOMEM;
}

static uint32_t version_of(const struct document_device *device)
{
	return device->version ? device->version : conf_version();
}

static int add_settings(struct making *m)
{
	json_t *root = m->draft->root;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < conf_schema.count; i++) {
		const struct conf_field *top = &conf_schema.fields[i];
		json_t *value = json_object_get(m->device->settings, top->name);

		if (!value || document_is_kind(top))
			continue;
		if (json_object_set_new(root, top->name, json_deep_copy(value)) != 0)
			rc = SL_ENOMEM;
	}
	/* Not what stands in the settings, which came from a device of before perhaps. */
	if (json_object_set_new(root, "version", json_integer(version_of(m->device))) != 0)
		rc = SL_ENOMEM;
	if (rc == 0)
		rc = set_name(root, m->device->name);
	m->place = "";
	m->settings = true;
	if (rc == 0)
		rc = document_walk(&conf_schema, root, replace_path, m);
	m->settings = false;
	return rc;
}

/* ---- rows that the device does not know (R162) -------------------------------------------- */

static int refuse_later(void *arg, const char *pointer, const struct conf_field *field)
{
	const struct making *m = arg;

	(void)conf_errors_add_at(m->errs, "", 0, 0, pointer, SL_EUNSUPPORTED,
	                         "bring the device up to date, or leave it out",
	                         "%s came with version %" PRIu32
	                         " of the document, and the device reads version %" PRIu32,
	                         field->name, conf_since(field), version_of(m->device));
	return 0;
}

int draft_make(const struct document_shelf *shelf, struct reach *reach,
               const struct document_device *device, struct conf_errors *errs,
               struct draft *ret_draft)
{
	struct draft draft = {.shelf = shelf, .root = json_object()};
	struct making m = {
	        .shelf = shelf, .device = device, .reach = reach, .errs = errs, .draft = &draft};
	int rc = draft.root ? add_settings(&m) : SL_ENOMEM;

	for (unsigned kind = 0; rc == 0 && kind < OBJECT_KIND_END; kind++)
		rc = add_list(&m, kind);
	if (rc == 0)
		rc = draft_add_packages(shelf, device, errs, &draft);
	if (rc == 0 && conf_leave_out_later(draft.root, version_of(device), refuse_later, &m) != 0)
		rc = SL_ENOMEM;
	if (rc != 0) {
		draft_fini(&draft);
		return rc;
	}
	*ret_draft = draft;
	return 0;
}

int draft_build(const struct draft *draft, struct conf_errors *errs, struct config **ret_config,
                struct buf *text)
{
	struct conf_document *doc;
	struct config *config = NULL;
	int rc = conf_load_value("", draft->root, errs, &doc);

	*ret_config = NULL;
	if (rc != 0)
		return rc == SL_ENOMEM ? rc : 0;
	rc = config_build(conf_document_root(doc), errs, &config);
	if (rc == 0 && text)
		rc = conf_canonical(conf_document_root(doc), 0, text);
	else if (rc != SL_ENOMEM)
		rc = 0;
	conf_document_destroy(doc);
	if (rc != 0) {
		config_put(config);
		return rc;
	}
	*ret_config = config;
	return 0;
}

/* ---- places ------------------------------------------------------------------------------ */

static const struct draft_place *find_place(const struct draft *draft,
                                            const struct document_pointer *at)
{
	for (size_t i = 0; i < draft->places_count; i++) {
		const struct draft_place *p = &draft->places[i];

		if (p->index == at->index && strlen(p->key) == at->key_len &&
		    memcmp(p->key, at->key, at->key_len) == 0)
			return p;
	}
	return NULL;
}

/* Of an item that may be inherited: its place in the body of whoever has it. */
static void find_origin(const struct draft *draft, const struct draft_place *p, const char *rest,
                        struct draft_spot *spot)
{
	struct document_pointer at;
	char list[64];
	const json_t *origin;
	size_t object;

	if (!p->origins || !document_split(rest, &at) || at.key_len >= sizeof(list))
		return;
	(void)snprintf(list, sizeof(list), "%.*s", (int)at.key_len, at.key);
	origin = json_array_get(json_object_get(p->origins, list), at.index);
	if (!origin)
		return;
	object = (size_t)json_integer_value(json_object_get(origin, "object"));
	spot->object = &draft->shelf->items[object];
	spot->heir = spot->object == p->object ? NULL : p->object;
	(void)snprintf(spot->within, sizeof(spot->within), "/%s/%" JSON_INTEGER_FORMAT "%s", list,
	               json_integer_value(json_object_get(origin, "index")), at.rest);
}

struct draft_spot draft_spot(const struct draft *draft, const char *pointer)
{
	struct draft_spot spot = {.object = NULL};
	struct document_pointer at;
	const struct draft_place *p = document_split(pointer, &at) ? find_place(draft, &at) : NULL;

	(void)snprintf(spot.within, sizeof(spot.within), "%s", p ? at.rest : pointer);
	if (!p)
		return spot;
	spot.object = p->object;
	find_origin(draft, p, at.rest, &spot);
	return spot;
}

const char *draft_where(const struct draft *draft, const char *device, const char *pointer,
                        char where[PROBLEM_POINTER_MAX])
{
	const struct draft_spot spot = draft_spot(draft, pointer);
	size_t len;

	(void)snprintf(where, PROBLEM_POINTER_MAX, "%s/%s",
	               spot.object ? object_kind_name(spot.object->kind) : "device",
	               spot.object ? spot.object->name : device);
	len = strlen(where);
	(void)snprintf(where + len, PROBLEM_POINTER_MAX - len, "%s", spot.within);
	return where;
}

int draft_add_notice(const struct draft *draft, const struct conf_error *error, json_t *notices)
{
	const struct draft_spot spot = draft_spot(draft, error->pointer);
	json_t *of = spot.object
	                     ? json_pack("{s:s, s:s}", "kind", object_kind_name(spot.object->kind),
	                                 "name", spot.object->name)
	                     : json_null();
	json_t *notice = json_pack("{s:s, s:s, s:s, s:o}", "pointer", spot.within, "text",
	                           error->text, "remedy", error->remedy, "object", of);

	return json_array_append_new(notices, notice) == 0 ? 0 : SL_ENOMEM;
}
