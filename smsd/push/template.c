/* SPDX-License-Identifier: Apache-2.0 */
/* Documents for many devices, made once for all that are alike. */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "smsd/push/push_priv.h"

/* Where a device lays files down that did not say it. */
#define FILES_DEFAULT "/var/lib/sluice/sms/files"

static int digest(const void *data, size_t len, uint8_t ret_sha256[BLOB_DIGEST])
{
	return EVP_Digest(data, len, ret_sha256, NULL, EVP_sha256(), NULL) == 1 ? 0 : SL_ECRYPTO;
}

static const char *files_of(const struct device *device)
{
	const char *files = json_string_value(json_object_get(device->capabilities, "files"));

	return files && files[0] ? files : FILES_DEFAULT;
}

/* ---- the template ------------------------------------------------------------------------- */

static void template_free(struct template *t)
{
	json_decref(t->items);
	json_decref(t->tree);
	json_decref(t->lacks);
	body_fini(&t->body);
	document_fini(&t->document);
	free(t);
}

/* The shelf stays: what is made anew is made of the same. */
static void drop_templates(struct templates *templates)
{
	for (size_t i = 0; i < templates->count; i++)
		template_free(templates->list[i]);
	templates->count = 0;
}

void templates_fini(struct templates *templates)
{
	drop_templates(templates);
	document_shelf_close(templates->shelf);
	*templates = (struct templates){0};
}

/* What makes the document, but for the name. */
static int key_of(const struct device *device, uint32_t version, uint8_t ret_key[BLOB_DIGEST])
{
	json_t *all = json_pack(
	        "{s:s, s:I, s:o}", "files", files_of(device), "version", (json_int_t)version,
	        "settings", device->settings ? json_deep_copy(device->settings) : json_object());
	char *text;
	int rc;

	(void)json_object_del(json_object_get(json_object_get(all, "settings"), "device"), "name");
	text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
	rc = text ? digest(text, strlen(text), ret_key) : SL_ENOMEM;
	free(text);
	json_decref(all);
	return rc;
}

static bool is_cut(const struct template *t)
{
	return t->before + t->after > 0;
}

/* Finds the name's place: with another name that stands nowhere else, the text is cut at it. Where
 * that cannot be done each device's document is made by itself. */
static void cut(struct template *t, const char *name)
{
	json_t *device = json_object_get(t->tree, "device");
	uint8_t random[16];
	char other[2 * sizeof(random) + 1], *text, *at;

	if (!json_is_object(device) || RAND_bytes(random, sizeof(random)) != 1)
		return;
	(void)hex_text(random, sizeof(random), other);
	(void)json_object_set_new(device, "name", json_string(other));
	text = json_dumps(t->tree, JSON_COMPACT);
	at = text ? strstr(text, other) : NULL;
	(void)json_object_set_new(device, "name", json_string(name));
	if (at && !strstr(at + 1, other)) {
		size_t before = (size_t)(at - text), after = strlen(at + strlen(other));

		if (before + strlen(name) + after == t->document.len &&
		    memcmp(text, t->document.text, before) == 0 &&
		    memcmp(at + strlen(other), t->document.text + t->document.len - after, after) ==
		            0) {
			t->before = before;
			t->after = after;
		}
	}
	free(text);
}

/* Notices of a document as items. */
static json_t *notices_of(const struct template *t, const char *device)
{
	json_t *items = json_array(), *notice;
	size_t i;

	json_array_foreach(t->document.notices, i, notice)
	{
		(void)json_array_append_new(items, item_of_notice(notice, device));
	}
	return items;
}

/* What will be the same a second later, and so is the device's fate; else it is tried again. */
static bool is_judgement(int code)
{
	return code != SL_ENOMEM && code != SL_EIO && code != SL_ESYS && code != SL_EAGAIN &&
	       code != SL_EBUSY;
}

static int fill(struct template *t, struct document_shelf *shelf, const struct device *device,
                uint32_t version, struct problem *problem)
{
	const struct document_device whom = {.name = device->name,
	                                     .files = files_of(device),
	                                     .settings = device->settings,
	                                     .version = version};
	int rc = document_make_of(shelf, &whom, &t->document, problem);

	if (rc != 0 && is_judgement(rc)) {
		t->code = rc;
		t->items = items_of_problem(problem, device->name);
		problem_fini(problem);
		return t->items ? 0 : SL_ENOMEM;
	}
	if (rc != 0)
		return rc;
	t->tree = json_loadb(t->document.text, t->document.len, 0, NULL);
	if (!t->tree)
		return SL_EIO;
	cut(t, device->name);
	t->items = notices_of(t, device->name);
	if (!t->items)
		return SL_ENOMEM;
	return is_cut(t) ? body_of(&t->document, t->before, t->after, &t->body)
	                 : body_of(&t->document, t->document.len, 0, &t->body);
}

static int template_of(struct templates *templates, struct store *store,
                       const struct device *device, uint32_t version,
                       struct template **ret_template, struct problem *problem)
{
	uint8_t key[BLOB_DIGEST];
	struct template *t;
	int rc = key_of(device, version, key);

	for (size_t i = 0; rc == 0 && i < templates->count; i++) {
		t = templates->list[i];
		if (memcmp(t->key, key, sizeof(key)) == 0 && (t->code || is_cut(t))) {
			*ret_template = t;
			return 0;
		}
	}
	if (rc == 0 && templates->count == PUSH_TEMPLATES)
		drop_templates(templates);
	if (rc == 0 && !templates->shelf)
		rc = document_shelf_open(store, &templates->shelf, problem);
	t = rc == 0 ? calloc(1, sizeof(*t)) : NULL;
	if (!t)
		return rc ? rc : SL_ENOMEM;
	memcpy(t->key, key, sizeof(key));
	rc = fill(t, templates->shelf, device, version, problem);
	if (rc != 0) {
		template_free(t);
		return rc;
	}
	templates->list[templates->count++] = t;
	*ret_template = t;
	return 0;
}

/* ---- one device's ------------------------------------------------------------------------- */

static int copy_text(const struct template *t, const char *name, struct document *document)
{
	const struct document *from = &t->document;
	size_t len = strlen(name);

	*document = *from;
	if (!is_cut(t)) {
		document->text = strndup(from->text, from->len);
		return document->text ? 0 : SL_ENOMEM;
	}
	document->len = t->before + len + t->after;
	document->text = malloc(document->len + 1);
	if (!document->text)
		return SL_ENOMEM;
	memcpy(document->text, from->text, t->before);
	memcpy(document->text + t->before, name, len);
	memcpy(document->text + t->before + len, from->text + from->len - t->after, t->after);
	document->text[document->len] = '\0';
	return digest(document->text, document->len, document->sha256);
}

/* Borrowed; NULL: not known yet. */
static json_t *known_lacks(const struct template *t, const json_t *capabilities)
{
	const json_t *known;
	size_t i;

	json_array_foreach(t->lacks, i, known)
	{
		if (json_equal(json_array_get(known, 0), capabilities))
			return json_array_get(known, 1);
	}
	return NULL;
}

/* Borrowed. A device that was not heard of yet lacks nothing that we know of. */
static int lacks_of(struct template *t, const struct device *device, const json_t **ret_lacks)
{
	json_t *lacks = NULL;
	int rc;

	*ret_lacks = device->capabilities ? known_lacks(t, device->capabilities) : NULL;
	if (*ret_lacks || !device->capabilities)
		return 0;
	rc = document_lacks(&t->document, device->capabilities, &lacks);
	if (rc != 0)
		return rc;
	if (!t->lacks)
		t->lacks = json_array();
	if (json_array_size(t->lacks) == PUSH_LACKS)
		(void)json_array_clear(t->lacks);
	*ret_lacks = lacks;
	return json_array_append_new(t->lacks, json_pack("[O, o]", device->capabilities, lacks)) ==
	                       0
	               ? 0
	               : SL_ENOMEM;
}

/* What it lacks, as items; true when one refuses. */
static bool add_lacks(const struct template *t, const char *device, const json_t *lacks,
                      json_t *items)
{
	bool refuses = false;
	json_t *lack;
	size_t i;

	json_array_foreach(lacks, i, lack)
	{
		const char *text = json_string_value(json_object_get(lack, "text"));
		const char *remedy = json_string_value(json_object_get(lack, "remedy"));
		const char *pointer = json_string_value(json_object_get(lack, "pointer"));
		bool this_one = json_is_true(json_object_get(lack, "refuses"));

		refuses = refuses || this_one;
		(void)json_array_append_new(
		        items, item_of_place(t->tree, device, pointer ? pointer : "", !this_one,
		                             text ? text : "", remedy ? remedy : ""));
	}
	return refuses;
}

/* The template's items, with this device's name where they are of the device. */
static json_t *items_for(const struct template *t, const char *device)
{
	json_t *items = json_deep_copy(t->items), *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		const char *kind = json_string_value(json_object_get(item, "kind"));

		if (kind && strcmp(kind, "device") == 0)
			(void)json_object_set_new(item, "name", json_string(device));
	}
	return items;
}

static int fit(struct template *t, const struct device *device, struct made *made)
{
	const json_t *lacks;
	int rc = lacks_of(t, device, &lacks);

	if (rc != 0)
		return rc;
	made->refused = add_lacks(t, device->name, lacks, made->items);
	made->body = &t->body;
	if (is_cut(t))
		(void)snprintf(made->name, sizeof(made->name), "%s", device->name);
	return copy_text(t, device->name, &made->document);
}

/* No document is made for it, whatever the objects are: `problem` says why. */
static int refuse(const struct device *device, struct problem *problem, struct made *ret_made)
{
	*ret_made =
	        (struct made){.items = items_of_problem(problem, device->name), .refused = true};
	problem_fini(problem);
	return ret_made->items ? 0 : SL_ENOMEM;
}

int made_for(struct templates *templates, struct store *store, const struct device *device,
             struct made *ret_made, struct problem *problem)
{
	struct template *t;
	struct made made = {0};
	uint32_t version;
	int rc = document_version(device->capabilities, "/version", &version, problem);

	if (rc != 0)
		return refuse(device, problem, ret_made);
	rc = template_of(templates, store, device, version, &t, problem);
	if (rc != 0)
		return rc;
	made.items = items_for(t, device->name);
	made.refused = t->code != 0;
	rc = made.items ? 0 : SL_ENOMEM;
	if (rc == 0 && !made.refused)
		rc = fit(t, device, &made);
	if (rc != 0) {
		made_fini(&made);
		return rc;
	}
	*ret_made = made;
	return 0;
}

void made_fini(struct made *made)
{
	free(made->document.text);
	json_decref(made->items);
	*made = (struct made){0};
}
