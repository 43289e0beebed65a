/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which objects a body names. The schema's rows say where names stand and of what: nothing here
 * knows a single key, so a row that is added to the schema refers from that day on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/value.h"
#include "smsd/base/problem.h"
#include "smsd/object/blob.h"
#include "smsd/object/document_priv.h"
#include "smsd/object/setting_priv.h"
#include "smsd/store/store.h"

/* ---- where names stand ------------------------------------------------------------------- */

struct walk {
	reference_fn *fn;
	void *arg;
	struct problem *problem;
};

/* A segment is the device's, as is a file that is none of the SMS's. */
static int visit(void *arg, const struct document_text *text)
{
	const struct walk *w = arg;
	struct reference at = {.name = json_string_value(text->text),
	                       .pointer = text->pointer,
	                       .text = text->text};

	if (at.name[0] == '\0')
		return 0;
	if (!(text->field->flags & CONF_FILE)) {
		at.kind = document_kind_of(text->field->ref);
		return at.kind == OBJECT_KIND_END ? 0 : w->fn(w->arg, &at);
	}
	if (strncmp(at.name, BLOB_PATH, strlen(BLOB_PATH)) != 0)
		return problem_add(w->problem, SL_EINVAL, text->pointer,
		                   "upload it as a file, and write " BLOB_PATH "NAME",
		                   "%s is a path on a device; here it names a file of the SMS",
		                   text->field->name);
	at.kind = OBJECT_FILE;
	at.is_file = true;
	at.name += strlen(BLOB_PATH);
	return w->fn(w->arg, &at);
}

int reference_walk(enum object_kind kind, const json_t *body, reference_fn *fn, void *arg,
                   struct problem *problem)
{
	struct walk w = {.fn = fn, .arg = arg, .problem = problem};

	/* Who walks to change something has a body of his own. */
	return document_walk(setting_shape(kind), (json_t *)(uintptr_t)body, visit, &w);
}

bool reference_is_builtin(enum object_kind kind, const char *name)
{
	const struct conf_field *f = setting_field(kind);
	const char *item = f ? f->builtin : NULL;

	for (size_t i = 0; item && i < f->builtin_count; i++, item += f->object->size)
		if (strcmp(*(const char *const *)(const void *)item, name) == 0)
			return true;
	return false;
}

/* ---- looking them up --------------------------------------------------------------------- */

static int take_id(void *ret_id, const struct store_row *row)
{
	*(int64_t *)ret_id = store_row_integer(row, 0);
	return 1;
}

static int find_id(struct store_tx *tx, enum object_kind kind, const char *name, int64_t *ret_id)
{
	const struct store_value values[] = {store_text(object_kind_name(kind)), store_text(name)};
	int rc;

	*ret_id = 0;
	rc = store_tx_run(tx, STORE_OBJECT_ID, values, 2, take_id, ret_id);
	return rc < 0 ? rc : 0;
}

enum { NAMES_COMPARED = 2000, EDITS_MAX = 2 };

struct nearest {
	const char *word;
	size_t edits;
	char name[OBJECT_NAME_MAX]; /* "": none is near */
};

static void compare(struct nearest *nearest, const char *name)
{
	size_t edits = value_edit_distance(nearest->word, name, EDITS_MAX);

	if (edits >= nearest->edits || edits >= strlen(name))
		return;
	nearest->edits = edits;
	(void)snprintf(nearest->name, sizeof(nearest->name), "%s", name);
}

static int compare_row(void *arg, const struct store_row *row)
{
	compare(arg, store_row_text(row, 0));
	return 0;
}

static void compare_builtin(struct nearest *nearest, enum object_kind kind)
{
	const struct conf_field *f = setting_field(kind);
	const char *item = f ? f->builtin : NULL;

	for (size_t i = 0; item && i < f->builtin_count; i++, item += f->object->size)
		compare(nearest, *(const char *const *)(const void *)item);
}

static int refuse_missing(struct store_tx *tx, const struct reference *at, struct problem *problem)
{
	const struct store_value values[] = {store_text(object_kind_name(at->kind)),
	                                     store_integer(NAMES_COMPARED)};
	struct nearest nearest = {.word = at->name, .edits = EDITS_MAX + 1};
	char remedy[PROBLEM_REMEDY_MAX] = "make it first, or name another";
	int rc = store_tx_run(tx, STORE_OBJECT_NAMES, values, 2, compare_row, &nearest);

	if (rc < 0)
		return rc;
	compare_builtin(&nearest, at->kind);
	if (nearest.name[0])
		(void)snprintf(remedy, sizeof(remedy), "did you mean \"%s%s\"?",
		               at->is_file ? BLOB_PATH : "", nearest.name);
	return problem_add(problem, SL_ENOENT, at->pointer, remedy, "there is no %s \"%.128s\"",
	                   object_kind_name(at->kind), at->name);
}

struct set {
	struct store_tx *tx;
	int64_t id;
	struct problem *problem;
};

static int set_one(void *arg, const struct reference *at)
{
	const struct set *set = arg;
	int64_t to = 0;
	int rc = find_id(set->tx, at->kind, at->name, &to);

	if (rc != 0)
		return rc;
	if (to != 0)
		return object_refer(set->tx, set->id, to);
	if (reference_is_builtin(at->kind, at->name))
		return 0;
	rc = refuse_missing(set->tx, at, set->problem);
	return rc == SL_ENOENT ? 0 : rc; /* the others are told too */
}

int reference_set(struct store_tx *tx, enum object_kind kind, int64_t id, const json_t *body,
                  struct problem *problem)
{
	struct set set = {.tx = tx, .id = id, .problem = problem};
	int rc = object_forget(tx, id);

	if (rc == 0)
		rc = reference_walk(kind, body, set_one, &set, problem);
	return rc ? rc : problem->code;
}
