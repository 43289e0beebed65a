/* SPDX-License-Identifier: Apache-2.0 */
/* A device's own settings: what of a document is no kind. */
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/conf/node.h"
#include "lib/conf/object.h"
#include "lib/conf/version.h"
#include "smsd/base/problem.h"
#include "smsd/object/document_priv.h"

json_t *document_settings(const json_t *document)
{
	json_t *settings = json_object();

	for (size_t i = 0; settings && i < conf_schema.count; i++) {
		const struct conf_field *top = &conf_schema.fields[i];
		json_t *value = json_object_get(document, top->name);

		if (!value || document_is_kind(top))
			continue;
		if (json_object_set_new(settings, top->name, json_deep_copy(value)) != 0) {
			json_decref(settings);
			return NULL;
		}
	}
	return settings;
}

static void refuse_kinds(const json_t *settings, struct problem *problem)
{
	for (unsigned kind = 0; kind < OBJECT_KIND_END; kind++) {
		const struct conf_field *list = document_list_of(kind);
		char pointer[PROBLEM_POINTER_MAX], remedy[PROBLEM_REMEDY_MAX];

		if (!list || !json_object_get(settings, list->name))
			continue;
		(void)snprintf(pointer, sizeof(pointer), "/%s", list->name);
		(void)snprintf(remedy, sizeof(remedy), "leave it out, and change the objects: %s",
		               object_kind_collection(kind));
		(void)problem_add(problem, SL_EINVAL, pointer, remedy,
		                  "%s of a device are made of objects", list->name);
	}
}

/* All that a document of nothing else would be refused for. */
static int check_alone(json_t *settings, struct problem *problem)
{
	struct conf_document *doc;
	struct config *config = NULL;
	struct conf_errors errs;
	int rc;

	conf_errors_init(&errs);
	rc = conf_load_value("", settings, &errs, &doc);
	if (rc == 0) {
		rc = config_build(conf_document_root(doc), &errs, &config);
		config_put(config);
		conf_document_destroy(doc);
	}
	(void)problem_add_conf(problem, &errs);
	conf_errors_fini(&errs);
	return rc;
}

/* They are of the newest one, whichever the device had that they came from; one that nobody reads
 * is refused. */
static int set_version(json_t *settings)
{
	const json_t *version = json_object_get(settings, "version");

	if (version &&
	    (!json_is_integer(version) || json_integer_value(version) < conf_version_oldest() ||
	     json_integer_value(version) > conf_version()))
		return 0;
	return json_object_set_new(settings, "version", json_integer(conf_version()));
}

int document_check_settings(const json_t *settings, struct problem *problem)
{
	json_t *copy;
	int rc = 0;

	if (json_typeof(settings) != JSON_OBJECT)
		return problem_add(problem, SL_EINVAL, "", "write them as {\"key\": value}",
		                   "settings are a JSON object");
	refuse_kinds(settings, problem);
	if (problem->code != 0)
		return problem->code;
	copy = json_copy((json_t *)settings);
	if (!copy || set_version(copy) != 0)
		rc = problem_add(problem, SL_ENOMEM, "", "", "out of memory");
	if (rc == 0)
		rc = check_alone(copy, problem);
	json_decref(copy);
	return rc;
}
