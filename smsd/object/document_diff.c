/* SPDX-License-Identifier: Apache-2.0 */
/* What a device would change, and what it has not that its document asks for. */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/diff.h"
#include "lib/conf/node.h"
#include "lib/conf/suite.h"
#include "smsd/object/document_priv.h"

/* A text that was made, or was in force: what is wrong with it is nobody's to read here. */
static int load(const char *text, size_t len, struct conf_document **ret_doc)
{
	struct conf_errors errs;
	int rc;

	conf_errors_init(&errs);
	rc = conf_load_json("", text, len, &errs, ret_doc);
	conf_errors_fini(&errs);
	return rc;
}

/* ---- differences ------------------------------------------------------------------------- */

static json_t *value_of(const char *text)
{
	json_t *value = text[0] ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	return value ? value : json_null();
}

static json_t *changes_of(const struct conf_changes *changes)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < changes->count; i++) {
		const struct conf_change *c = &changes->items[i];
		json_t *change = json_pack("{s:s, s:s, s:o, s:o, s:s}", "kind",
		                           conf_change_kind_name(c->kind), "label", c->label, "old",
		                           value_of(c->old_value), "new", value_of(c->new_value),
		                           "scope", conf_scope_name(c->scope));

		if (json_array_append_new(list, change) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* A document of the same version, in which nothing else is. */
static int load_nothing(const struct conf_document *document, struct conf_document **ret_nothing)
{
	const struct conf_node *version = conf_node_find(conf_document_root(document), "version");
	char text[64];

	(void)snprintf(text, sizeof(text), "{\"version\":%.20s}", version ? version->value : "0");
	return load(text, strlen(text), ret_nothing);
}

int document_diff(const char *old_text, const struct document *document, json_t **ret_diff)
{
	struct conf_document *before = NULL, *after = NULL;
	struct conf_changes changes = {0};
	int rc = load(document->text, document->len, &after);

	if (rc == 0)
		rc = old_text ? load(old_text, strlen(old_text), &before)
		              : load_nothing(after, &before);
	if (rc == 0)
		rc = conf_diff(conf_document_root(before), conf_document_root(after), &changes);
	if (rc == 0) {
		*ret_diff = json_pack("{s:o, s:s}", "changes", changes_of(&changes), "scope",
		                      conf_scope_name(conf_changes_scope(&changes)));
		rc = *ret_diff ? 0 : SL_ENOMEM;
		conf_changes_fini(&changes);
	}
	conf_document_destroy(before);
	conf_document_destroy(after);
	return rc;
}

/* ---- what is lacking --------------------------------------------------------------------- */

enum { LIST_SIZE = 512 };

struct lacking {
	const json_t *capabilities;
	json_t *list;
};

static bool has(const json_t *names, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(names, i, item)
	{
		if (json_is_string(item) && strcmp(json_string_value(item), name) == 0)
			return true;
	}
	return false;
}

static int say(struct lacking *l, const char *pointer, const char *text, const char *remedy,
               bool refuses)
{
	json_t *item = json_pack("{s:s, s:s, s:s, s:b}", "pointer", pointer, "text", text, "remedy",
	                         remedy, "refuses", refuses);

	return json_array_append_new(l->list, item) == 0 ? 0 : SL_ENOMEM;
}

/* ", NAME" while there is room, then how many more. */
struct listing {
	char text[LIST_SIZE];
	size_t count, left_out;
};

static void add_name(struct listing *l, const char *name)
{
	size_t len = strlen(l->text);

	l->count++;
	if (l->left_out > 0 || len + strlen(name) + 32 > sizeof(l->text)) {
		l->left_out++;
		return;
	}
	(void)snprintf(l->text + len, sizeof(l->text) - len, "%s%s", l->count > 1 ? ", " : "",
	               name);
}

static void end_names(struct listing *l)
{
	size_t len = strlen(l->text);

	if (l->left_out > 0)
		(void)snprintf(l->text + len, sizeof(l->text) - len, " and %zu more", l->left_out);
}

/* R50, R52: what the device's library has not is ignored, and said; none left is refused. */
static int say_missing(struct lacking *l, const char *pointer, struct listing *missing,
                       size_t selected, const char *what)
{
	bool none = missing->count == selected;
	char text[LIST_SIZE + 128];

	if (missing->count == 0)
		return 0;
	end_names(missing);
	(void)snprintf(text, sizeof(text),
	               none ? "the device has none of the selected %s: %s"
	                    : "the device has not these %s, and leaves them out: %s",
	               what, missing->text);
	return say(l, pointer, text,
	           none ? "select others, or bring the device up to date" : "deselect them", none);
}

static int check_suites(struct lacking *l, const char *pointer, const struct config_tls_side *side)
{
	const json_t *known = json_object_get(l->capabilities, "suites");
	const struct conf_suite *suites[CONF_SUITES_MAX];
	size_t count = conf_suites_select(side, suites);
	struct listing missing = {.count = 0};

	for (size_t i = 0; known && i < count; i++)
		if (!has(known, suites[i]->name))
			add_name(&missing, suites[i]->name);
	return say_missing(l, pointer, &missing, count, "cipher suites");
}

static int check_protocols(struct lacking *l, const char *pointer,
                           const struct config_tls_side *side)
{
	const json_t *known = json_object_get(l->capabilities, "protocols");
	struct listing missing = {.count = 0};
	size_t count = 0;

	for (unsigned p = CONFIG_SSL3; known && p <= CONFIG_TLS1_3; p++) {
		const char *name = conf_choice_text("tls_protocol", p);

		if (!(side->protocols & CONFIG_BIT(p)))
			continue;
		count++;
		if (!has(known, name))
			add_name(&missing, name);
	}
	return say_missing(l, pointer, &missing, count, "protocols");
}

static int check_side(struct lacking *l, const char *list, size_t index, const char *key,
                      const struct config_tls_side *side)
{
	char pointer[PROBLEM_POINTER_MAX];
	int rc;

	(void)snprintf(pointer, sizeof(pointer), "/%s/%zu/%s", list, index, key);
	rc = check_protocols(l, pointer, side);
	return rc ? rc : check_suites(l, pointer, side);
}

static int check_sides(struct lacking *l, const struct config *c)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->server_proxies_count; i++) {
		const struct config_proxy *p = &c->server_proxies[i].common;

		rc = check_side(l, "ssl_server_proxies", i, "client_side", &p->client_side);
		if (rc == 0)
			rc = check_side(l, "ssl_server_proxies", i, "server_side", &p->server_side);
	}
	for (size_t i = 0; rc == 0 && i < c->client_proxies_count; i++)
		rc = check_side(l, "ssl_client_proxies", i, "selections",
		                &c->client_proxies[i].common.client_side);
	return rc;
}

/* R54. */
static int check_limits(struct lacking *l, const struct config *c)
{
	const json_t *most = json_object_get(l->capabilities, "certificates_max");
	char text[128];
	int rc = 0;

	if (json_is_integer(most) && c->certificates_count > (size_t)json_integer_value(most)) {
		(void)snprintf(text, sizeof(text),
		               "the device takes %lld certificates, the document has %zu",
		               (long long)json_integer_value(most), c->certificates_count);
		rc = say(l, "/certificates", text, "give it fewer virtual segments", true);
	}
	return rc;
}

int document_lacks(const struct document *document, const json_t *capabilities, json_t **ret_lacks)
{
	struct lacking l = {.capabilities = capabilities, .list = json_array()};
	struct config *config = NULL;
	struct conf_document *doc = NULL;
	struct conf_errors errs;
	int rc = l.list ? load(document->text, document->len, &doc) : SL_ENOMEM;

	conf_errors_init(&errs);
	if (rc == 0)
		rc = config_build(conf_document_root(doc), &errs, &config);
	if (rc == 0)
		rc = check_limits(&l, config);
	if (rc == 0)
		rc = check_sides(&l, config);
	conf_errors_fini(&errs);
	config_put(config);
	conf_document_destroy(doc);
	if (rc == 0)
		*ret_lacks = l.list;
	else
		json_decref(l.list);
	return rc;
}
