/* SPDX-License-Identifier: Apache-2.0 */
/* A device's document: reached, laid down, drafted, checked, written out. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/node.h"
#include "lib/remote/remote.h"
#include "smsd/base/problem.h"
#include "smsd/object/document_priv.h"

/* ---- the shelf for others ---------------------------------------------------------------- */

static int failed(int code, struct problem *problem)
{
	if (problem->code != 0)
		return problem->code;
	return problem_add(problem, code, "", "", "the document cannot be made: %s",
	                   err_text(code));
}

int document_shelf_open(struct store *store, struct document_shelf **ret_shelf,
                        struct problem *problem)
{
	struct document_shelf *shelf = calloc(1, sizeof(*shelf));
	int rc = shelf ? shelf_load(store, shelf) : SL_ENOMEM;

	if (rc != 0) {
		free(shelf);
		return failed(rc, problem);
	}
	*ret_shelf = shelf;
	return 0;
}

int document_shelf_open_tx(struct store_tx *tx, struct document_shelf **ret_shelf)
{
	struct document_shelf *shelf = calloc(1, sizeof(*shelf));
	int rc = shelf ? shelf_load_tx(tx, shelf) : SL_ENOMEM;

	if (rc == 0)
		*ret_shelf = shelf;
	else
		free(shelf);
	return rc;
}

void document_shelf_close(struct document_shelf *shelf)
{
	if (!shelf)
		return;
	shelf_fini(shelf);
	free(shelf);
}

/* ---- what belongs to a document ---------------------------------------------------------- */

static int by_digest(const void *a, const void *b)
{
	const struct document_file *x = a;
	const struct document_file *y = b;

	return memcmp(x->sha256, y->sha256, sizeof(x->sha256));
}

static void take_files(struct document *d, struct draft *draft)
{
	size_t kept = 0;

	if (draft->files_count > 0)
		qsort(draft->files, draft->files_count, sizeof(draft->files[0]), by_digest);
	for (size_t i = 0; i < draft->files_count; i++)
		if (kept == 0 || by_digest(&draft->files[kept - 1], &draft->files[i]) != 0)
			draft->files[kept++] = draft->files[i];
	d->files = draft->files;
	d->files_count = kept;
	draft->files = NULL;
}

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, VAULT_ID_SIZE);
}

static void sort_keys(struct document *d)
{
	size_t kept = 0;

	if (d->keys_count > 0)
		qsort(d->keys, d->keys_count, sizeof(d->keys[0]), by_key);
	for (size_t i = 0; i < d->keys_count; i++)
		if (kept == 0 || by_key(d->keys[kept - 1], d->keys[i]) != 0)
			memmove(d->keys[kept++], d->keys[i], VAULT_ID_SIZE);
	d->keys_count = kept;
}

static int add_broken_key(struct document *d, const struct shelf_object *o)
{
	json_t *notice = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "pointer", "", "text",
	                           "its private key is not here: its servers are treated as "
	                           "on_keys_unavailable says",
	                           "remedy", "repair it with its key", "object", "kind",
	                           object_kind_name(o->kind), "name", o->name);

	return json_array_append_new(d->notices, notice) == 0 ? 0 : SL_ENOMEM;
}

static int take_object(struct document *d, const struct shelf_object *o)
{
	struct document_object *to = &d->objects[d->objects_count++];

	to->kind = o->kind;
	to->id = o->id;
	to->revision = o->revision;
	memcpy(to->name, o->name, sizeof(to->name));
	if (o->kind != OBJECT_CERTIFICATE)
		return 0;
	memcpy(d->keys[d->keys_count++], o->key_id, VAULT_ID_SIZE);
	return o->has_key ? 0 : add_broken_key(d, o);
}

static int take_objects(struct document *d, const struct document_shelf *shelf,
                        const struct reach *reach)
{
	size_t count = 0;
	int rc = 0;

	for (size_t i = 0; i < shelf->count; i++)
		count += reach->taken[i] != REACH_NOT;
	d->objects = calloc(count ? count : 1, sizeof(*d->objects));
	d->keys = calloc(count ? count : 1, sizeof(*d->keys));
	if (!d->objects || !d->keys)
		return SL_ENOMEM;
	for (size_t i = 0; rc == 0 && i < shelf->count; i++)
		if (reach->taken[i] && shelf->items[i].id != 0)
			rc = take_object(d, &shelf->items[i]);
	sort_keys(d);
	return rc;
}

static int take_text(struct document *d, struct buf *text)
{
	/* What it stands in has a NUL behind it. */
	int rc = buf_add(text, "", 1);

	if (rc != 0)
		return rc;
	d->len = text->len - 1;
	d->text = (char *)text->data;
	*text = (struct buf){0};
	return EVP_Digest(d->text, d->len, d->sha256, NULL, EVP_sha256(), NULL) == 1 ? 0
	                                                                             : SL_ECRYPTO;
}

void document_fini(struct document *document)
{
	free(document->text);
	free(document->files);
	free(document->keys);
	free(document->objects);
	json_decref(document->notices);
	*document = (struct document){0};
}

/* ---- making ------------------------------------------------------------------------------ */

static int sort_out(const struct draft *draft, const struct conf_errors *errs, const char *device,
                    json_t *notices, struct problem *problem)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < errs->count; i++) {
		const struct conf_error *e = &errs->items[i];
		char where[PROBLEM_POINTER_MAX];

		if (e->notice)
			rc = draft_add_notice(draft, e, notices);
		else
			(void)problem_add(problem, e->code,
			                  draft_where(draft, device, e->pointer, where), e->remedy,
			                  "%s", e->text);
	}
	problem->more += errs->lost;
	return rc ? rc : conf_errors_code(errs);
}

/* A limit of what a device is sent, beside those of the schema. */
static int check_limits(const struct draft *draft, struct conf_errors *errs)
{
	uint64_t largest = 0;

	for (size_t i = 0; i < draft->files_count; i++)
		largest = SL_MAX(largest, draft->files[i].size);
	if (draft->files_count > REMOTE_FILES_MAX || largest > REMOTE_FILE_MAX)
		return conf_errors_add_at(errs, "", 0, 0, "", SL_ELIMIT,
		                          "name fewer certificates and files",
		                          "the document has %zu files, at most %d of 256 MiB are "
		                          "sent",
		                          draft->files_count, (int)REMOTE_FILES_MAX);
	return 0;
}

static int write_out(const struct document_shelf *shelf, const struct reach *reach,
                     const struct document_device *device, struct draft *draft,
                     struct conf_errors *errs, struct document *d, struct problem *problem)
{
	struct config *config = NULL;
	struct buf text;
	int rc;

	buf_init(&text, CONF_DOCUMENT_MAX + 1);
	(void)check_limits(draft, errs);
	rc = draft_build(draft, errs, &config, &text);
	config_put(config);
	if (rc == 0)
		rc = sort_out(draft, errs, device->name, d->notices, problem);
	if (rc == 0)
		rc = take_objects(d, shelf, reach);
	if (rc == 0)
		rc = take_text(d, &text);
	if (rc == 0)
		take_files(d, draft);
	buf_fini(&text);
	return rc;
}

static int make(struct document_shelf *shelf, struct reach *reach,
                const struct document_device *device, struct document *d, struct problem *problem)
{
	struct conf_errors errs;
	struct draft draft;
	int rc = reach_of_settings(reach, shelf, device->settings);

	if (rc == 0)
		rc = chains_lay_down(shelf, reach, problem);
	if (rc != 0)
		return rc;
	conf_errors_init(&errs);
	rc = draft_make(shelf, reach, device, &errs, &draft);
	if (rc == 0) {
		rc = write_out(shelf, reach, device, &draft, &errs, d, problem);
		draft_fini(&draft);
	}
	conf_errors_fini(&errs);
	return rc;
}

int document_make_of(struct document_shelf *shelf, const struct document_device *device,
                     struct document *ret_document, struct problem *problem)
{
	struct document d = {.notices = json_array()};
	struct reach reach = {0};
	int rc = d.notices ? reach_init(&reach, shelf) : SL_ENOMEM;

	if (rc == 0)
		rc = make(shelf, &reach, device, &d, problem);
	reach_fini(&reach);
	if (rc != 0) {
		document_fini(&d);
		return failed(rc, problem);
	}
	*ret_document = d;
	return 0;
}

int document_make(struct store *store, const struct document_device *device,
                  struct document *ret_document, struct problem *problem)
{
	struct document_shelf *shelf;
	int rc = document_shelf_open(store, &shelf, problem);

	if (rc != 0)
		return rc;
	rc = document_make_of(shelf, device, ret_document, problem);
	document_shelf_close(shelf);
	return rc;
}
