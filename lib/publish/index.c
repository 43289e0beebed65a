/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/publish/index.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/hex.h"
#include "lib/conf/error.h"
#include "lib/conf/object.h"
#include "lib/conf/value.h"

static const struct conf_field entry_rows[] = {
        CONF_ROW("file", TEXT, "Name of the file beside the index.", .flags = CONF_REQUIRED,
                 .max = PUBLISH_FILE_MAX - 1),
        CONF_ROW("kind", TEXT, "What it holds.", .flags = CONF_REQUIRED, .max = 64),
        CONF_ROW("name", TEXT, "Its name.", .flags = CONF_REQUIRED, .max = PACKAGE_NAME_MAX - 1),
        CONF_ROW("version", TEXT, "Its version.", .flags = CONF_REQUIRED,
                 .max = PACKAGE_VERSION_MAX - 1),
        CONF_ROW("created", TIME, "When it was made.", .flags = CONF_REQUIRED),
        CONF_ROW("size", UINT, "Bytes.", .flags = CONF_REQUIRED, .min = 1, .max = PACKAGE_MAX),
        CONF_ROW("sha256", TEXT, "Of its bytes.", .flags = CONF_REQUIRED,
                 .max = 2ull * PUBLISH_DIGEST),
};
static const struct conf_object entry_object = CONF_ROWS("package", entry_rows);

static const struct conf_field index_rows[] = {
        CONF_ROW("packages", OBJECTS, "What there is.", .flags = CONF_REQUIRED,
                 .object = &entry_object, .max = PUBLISH_PACKAGES_MAX),
};
const struct conf_object publish_shape = CONF_ROWS("index", index_rows);

bool publish_is_file(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                           "0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len < PUBLISH_FILE_MAX && name[0] != '.' && strspn(name, good) == len;
}

/* ---- reading ----------------------------------------------------------------------------- */

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static bool read_digest(const char *hex, uint8_t ret_sha256[PUBLISH_DIGEST])
{
	if (strlen(hex) != 2 * (size_t)PUBLISH_DIGEST)
		return false;
	for (size_t i = 0; i < PUBLISH_DIGEST; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_sha256[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* Of a checked row: its texts fit. */
static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static bool read_entry(const json_t *row, struct publish_entry *e)
{
	(void)snprintf(e->file, sizeof(e->file), "%s", text_of(row, "file"));
	(void)snprintf(e->name, sizeof(e->name), "%s", text_of(row, "name"));
	(void)snprintf(e->version, sizeof(e->version), "%s", text_of(row, "version"));
	e->kind = package_kind_find(text_of(row, "kind"));
	e->size = (uint64_t)json_integer_value(json_object_get(row, "size"));
	return publish_is_file(e->file) && read_digest(text_of(row, "sha256"), e->sha256) &&
	       value_parse_time(text_of(row, "created"), &e->created) == 0;
}

static int read_entries(const json_t *packages, struct publish_index *index, struct pki_error *err)
{
	size_t count = json_array_size(packages);

	index->items = calloc(count ? count : 1, sizeof(*index->items));
	if (!index->items)
		return pki_error_set(err, SL_ENOMEM, "", "out of memory");
	for (; index->count < count; index->count++)
		if (!read_entry(json_array_get(packages, index->count),
		                &index->items[index->count]))
			return pki_error_set(err, SL_EMALFORMED, "write it with tmc publish",
			                     PUBLISH_INDEX
			                     ": packages/%zu: file, sha256 or created "
			                     "is not what it has to be",
			                     index->count);
	return 0;
}

static int refused(const struct conf_errors *errs, int code, struct pki_error *err)
{
	const struct conf_error *first = errs->count ? &errs->items[0] : NULL;

	return pki_error_set(err, code, "write it with tmc publish", PUBLISH_INDEX "%s%s: %s",
	                     first && first->pointer[0] ? ": " : "", first ? first->pointer : "",
	                     first ? first->text : err_text(code));
}

int publish_index_parse(const void *text, size_t len, struct publish_index *ret_index,
                        struct pki_error *err)
{
	struct publish_index index = {.count = 0};
	struct conf_errors errs;
	json_t *value;
	int rc;

	if (len > PUBLISH_INDEX_MAX)
		return pki_error_set(err, SL_ELIMIT, "leave packages out",
		                     PUBLISH_INDEX " has more than %d bytes", PUBLISH_INDEX_MAX);
	conf_errors_init(&errs);
	rc = conf_object_read(&publish_shape, text, len, &errs, &value);
	if (rc != 0) {
		rc = refused(&errs, rc, err);
	} else {
		rc = read_entries(json_object_get(value, "packages"), &index, err);
		json_decref(value);
	}
	conf_errors_fini(&errs);
	if (rc == 0)
		*ret_index = index;
	else
		publish_index_fini(&index);
	return rc;
}

void publish_index_fini(struct publish_index *index)
{
	free(index->items);
	*index = (struct publish_index){.count = 0};
}

/* ---- writing ----------------------------------------------------------------------------- */

static json_t *entry_row(const struct publish_entry *e)
{
	char hex[2 * PUBLISH_DIGEST + 1], created[VALUE_TEXT_MAX];

	(void)hex_text(e->sha256, PUBLISH_DIGEST, hex);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "file", e->file, "kind",
	                 package_kind_name(e->kind), "name", e->name, "version", e->version,
	                 "created", value_format_time(e->created, created), "size",
	                 (json_int_t)e->size, "sha256", hex);
}

int publish_index_text(const struct publish_index *index, struct buf *out)
{
	json_t *packages = json_array(), *all = json_pack("{s:o}", "packages", packages);
	char *text = NULL;
	int rc = all ? 0 : SL_ENOMEM;

	for (size_t i = 0; rc == 0 && i < index->count; i++)
		if (json_array_append_new(packages, entry_row(&index->items[i])) != 0)
			rc = SL_ENOMEM;
	if (rc == 0)
		text = json_dumps(all, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(all);
	if (rc == 0)
		rc = text ? buf_printf(out, "%s\n", text) : SL_ENOMEM;
	free(text);
	return rc;
}
