/* SPDX-License-Identifier: Apache-2.0 */
/* What devices are to have, what they told, and what follows for what is distributed. */
#include "smsd/push/licence.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/error.h"
#include "lib/licence/licence.h"
#include "smsd/base/moment.h"
#include "smsd/push/push_priv.h"

/* A list that is not empty, as canonical JSON has it; `categories` is a decryption policy's alone,
 * and in a text a quotation mark has a backslash before it. */
#define CATEGORIES_IN_DOCUMENT "\"categories\":[\""

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* ---- what is installed --------------------------------------------------------------------- */

struct head {
	uint8_t *sha256;
	int64_t *size;
};

static int take_head(void *arg, const struct store_row *row)
{
	struct head *head = arg;
	size_t len;
	const void *sha256 = store_row_blob(row, 1, &len);

	if (len != BLOB_DIGEST)
		return SL_EIO;
	memcpy(head->sha256, sha256, len);
	*head->size = store_row_integer(row, 0);
	return 1;
}

int licence_installed(struct store *store, uint8_t ret_sha256[BLOB_DIGEST], int64_t *ret_size)
{
	struct head head = {.sha256 = ret_sha256, .size = ret_size};
	int rc;

	*ret_size = 0;
	rc = store_read(store, STORE_LICENCE_INSTALLED, NULL, 0, take_head, &head);
	return rc < 0 ? rc : 0;
}

static int take_target(void *arg, const struct store_row *row)
{
	return target_add(arg, store_row_integer(row, 0), store_row_text(row, 1));
}

void licence_changed(struct push *push)
{
	struct target_list targets = {0};
	int rc = store_read(push->store, STORE_PUSH_DEVICES, NULL, 0, take_target, &targets);

	if (rc < 0)
		log_warning("devices hear of the licence when they ask next: %s", err_text(rc));
	for (size_t i = 0; i < targets.count; i++)
		push_wake(push, targets.list[i].id);
	free(targets.list);
}

/* ---- what devices say ---------------------------------------------------------------------- */

struct telling {
	int64_t device;
	const char *sha256, *refused;
	char *states;
	bool known;
};

static int take_known(void *arg, const struct store_row *row)
{
	struct telling *t = arg;

	t->known = strcmp(store_row_text(row, 0), t->sha256) == 0 &&
	           strcmp(store_row_text(row, 1), t->refused) == 0 &&
	           strcmp(store_row_text(row, 2), t->states) == 0;
	return 1;
}

static int write_told(void *arg, struct store_tx *tx)
{
	const struct telling *t = arg;
	const struct store_value values[] = {store_integer(t->device), store_text(t->sha256),
	                                     store_text(t->refused), store_text(t->states),
	                                     store_integer(moment_now_ms())};

	return store_tx_run(tx, STORE_LICENCE_TELL, values, SL_ARRAY_LEN(values), NULL, NULL);
}

/* Told with each status, once a minute: a write is only for news. */
int licence_told(struct store *store, int64_t device, const json_t *told)
{
	const struct store_value value = store_integer(device);
	const json_t *states = json_object_get(told, "states");
	struct telling t = {.device = device,
	                    .sha256 = text_of(told, "sha256"),
	                    .refused = text_of(told, "refused"),
	                    .states = states ? json_dumps(states, JSON_COMPACT | JSON_SORT_KEYS)
	                                     : strdup("[]")};
	int rc = t.states ? store_read(store, STORE_LICENCE_TOLD, &value, 1, take_known, &t)
	                  : SL_ENOMEM;

	if (rc >= 0)
		rc = t.known ? 0 : store_write(store, write_told, &t);
	free(t.states);
	return rc;
}

/* ---- shown --------------------------------------------------------------------------------- */

struct showing {
	json_t *package; /* {name, version, sha256}; NULL: none */
	json_t *licence; /* in it; NULL: none that can be read */
	json_t *devices;
	int64_t now_ms;
};

static int take_package(void *arg, const struct store_row *row)
{
	struct showing *s = arg;
	const char *text = store_row_text(row, 4);
	char hex[BLOB_HEX_MAX];
	struct conf_errors errs;
	size_t len;
	const void *sha256 = store_row_blob(row, 1, &len);

	if (len != BLOB_DIGEST)
		return SL_EIO;
	s->package = json_pack("{s:s, s:s, s:s}", "name", store_row_text(row, 2), "version",
	                       store_row_text(row, 3), "sha256", blob_digest_text(sha256, hex));
	conf_errors_init(&errs);
	if (licence_read(text, strlen(text), &errs, &s->licence) != 0)
		s->licence = NULL; /* checked when it was imported */
	conf_errors_fini(&errs);
	return s->package ? 1 : SL_ENOMEM;
}

static const json_t *state_of(const json_t *states, const char *capability)
{
	json_t *one;
	size_t i;

	json_array_foreach(states, i, one)
	{
		if (strcmp(text_of(one, "capability"), capability) == 0)
			return one;
	}
	return NULL;
}

static json_t *show_capability(enum licence_capability c, const struct licence_terms *terms,
                               const json_t *states)
{
	const struct licence_term *term = &terms->of[c];
	const json_t *told = state_of(states, licence_capability_name(c));
	char from[LICENCE_DAY_TEXT], until[LICENCE_DAY_TEXT];

	return json_pack("{s:s, s:b, s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "capability",
	                 licence_capability_name(c), "given", term->given, "from",
	                 licence_day(term->from, from), "until", licence_day(term->until, until),
	                 "grace_days", (int)term->grace_days, "state",
	                 told ? text_of(told, "state") : "unknown", "source",
	                 text_of(told, "source"), "ends", text_of(told, "until"), "text",
	                 told ? text_of(told, "text") : "the device has not said yet");
}

static const char *delivery_of(const struct showing *s, const char *sha256, const char *refused)
{
	if (!s->package)
		return "none";
	if (strcmp(sha256, text_of(s->package, "sha256")) == 0)
		return "taken";
	return refused[0] ? "refused" : "waiting";
}

static int show_device(void *arg, const struct store_row *row)
{
	struct showing *s = arg;
	const char *name = store_row_text(row, 0);
	bool told = !store_row_is_null(row, 2);
	const char *refused = told ? store_row_text(row, 3) : "";
	json_t *states = told ? json_loads(store_row_text(row, 4), 0, NULL) : NULL;
	json_t *list = json_array(), *device;
	struct licence_terms terms = {.of = {{.given = false}}};

	if (s->licence)
		(void)licence_find(s->licence, name, &terms);
	for (unsigned c = 0; c < LICENCE_CAPABILITY_END; c++)
		(void)json_array_append_new(list, show_capability(c, &terms, states));
	json_decref(states);
	device = json_pack("{s:s, s:b, s:s, s:s, s:o}", "name", name, "online",
	                   s->now_ms - store_row_integer(row, 1) < (int64_t)DEVICE_SILENT_S * 1000,
	                   "delivery", delivery_of(s, told ? store_row_text(row, 2) : "", refused),
	                   "refused", refused, "capabilities", list);
	return json_array_append_new(s->devices, device) == 0 ? 0 : SL_ENOMEM;
}

int licence_show(struct store *store, int64_t now_ms, json_t **ret_shown)
{
	struct showing s = {.devices = json_array(), .now_ms = now_ms};
	json_t *shown = NULL;
	int rc = s.devices ? store_read(store, STORE_LICENCE_INSTALLED, NULL, 0, take_package, &s)
	                   : SL_ENOMEM;

	if (rc >= 0)
		rc = store_read(store, STORE_LICENCE_DEVICES, NULL, 0, show_device, &s);
	if (rc >= 0)
		shown = json_pack("{s:O}", "devices", s.devices);
	if (shown && s.package)
		(void)json_object_set(shown, "package", s.package);
	json_decref(s.package);
	json_decref(s.licence);
	json_decref(s.devices);
	if (!shown)
		return rc < 0 ? rc : SL_ENOMEM;
	*ret_shown = shown;
	return 0;
}

static int sum_device(void *arg, const struct store_row *row)
{
	json_t *states;

	if (store_row_is_null(row, 2))
		return 0;
	states = json_loads(store_row_text(row, 4), 0, NULL);
	if (!json_is_array(states)) {
		json_decref(states);
		return SL_EIO;
	}
	return json_object_set_new(
	               arg, store_row_text(row, 0),
	               json_pack("{s:s, s:o}", "ssl_inspection",
	                         text_of(state_of(states,
	                                          licence_capability_name(LICENCE_SSL_INSPECTION)),
	                                 "state"),
	                         "licence", states))
	               ? SL_ENOMEM
	               : 0;
}

int licence_summary(struct store *store, json_t **ret_summary)
{
	json_t *summary = json_object();
	int rc = summary ? store_read(store, STORE_LICENCE_DEVICES, NULL, 0, sum_device, summary)
	                 : SL_ENOMEM;

	if (rc < 0) {
		json_decref(summary);
		return rc;
	}
	*ret_summary = summary;
	return 0;
}

/* ---- what is not in effect ----------------------------------------------------------------- */

static const json_t *denied(const json_t *summary, const char *device, const char *capability)
{
	const json_t *states = json_object_get(json_object_get(summary, device), "licence");
	const json_t *one = state_of(states, capability);
	enum licence_state state;

	return one && licence_state_parse(text_of(one, "state"), &state) == 0 &&
	                       state != LICENCE_ALLOWED
	               ? one
	               : NULL;
}

bool licence_denies(const json_t *summary, const char *device, const char *capability)
{
	return denied(summary, device, capability) != NULL;
}

static int add_item(const char *device, const json_t *state, const char *title, const char *follows,
                    json_t *items)
{
	json_t *text = json_sprintf("%s is %s (%s): %s", title, text_of(state, "state"),
	                            text_of(state, "text"), follows);
	json_t *item = text ? item_of_place(NULL, device, "", true, json_string_value(text),
	                                    "install a licence that names the device")
	                    : NULL;

	json_decref(text);
	return json_array_append_new(items, item) == 0 ? 0 : SL_ENOMEM;
}

int licence_add_items(const json_t *summary, const char *device, bool categories, json_t *items)
{
	const char *ssl = licence_capability_name(LICENCE_SSL_INSPECTION);
	const char *of_names = licence_capability_name(LICENCE_CATEGORIES);
	const json_t *no_ssl = denied(summary, device, ssl);
	const json_t *no_categories = categories ? denied(summary, device, of_names) : NULL;
	int rc = 0;

	if (no_ssl)
		rc = add_item(device, no_ssl, licence_capability_title(LICENCE_SSL_INSPECTION),
		              "what is distributed is laid down there and not in effect", items);
	if (rc == 0 && no_categories)
		rc = add_item(device, no_categories, "categories of names",
		              "those of its decryption policies count for nothing, and all of them "
		              "are decrypted",
		              items);
	return rc;
}

bool licence_has_categories(const char *document)
{
	return strstr(document, CATEGORIES_IN_DOCUMENT) != NULL;
}

int licence_uses_categories(struct store *store, const char *device, int64_t revision,
                            bool *ret_uses)
{
	const struct store_value values[] = {store_text(device), store_integer(revision),
	                                     store_text("%" CATEGORIES_IN_DOCUMENT "%")};
	int64_t count = 0;
	int rc = row_number(store, STORE_LICENCE_CATEGORIES, values, 3, 0, &count);

	*ret_uses = count > 0;
	return rc;
}
