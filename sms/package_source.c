/* SPDX-License-Identifier: Apache-2.0 */
/* Where packages come from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "sms/sms.h"

#define SOURCE "package-source"

static enum sms_exit no_memory(void)
{
	return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
}

/* What is given goes into the body. */
static enum sms_exit fill(json_t *body, const json_t *arguments)
{
	const char *automatic = sms_argument(arguments, "automatic");
	const char *ca = sms_argument(arguments, "ca");
	enum sms_exit status = SMS_OK;

	if (sms_argument(arguments, "address"))
		(void)json_object_set(body, "address", json_object_get(arguments, "address"));
	if (automatic)
		(void)json_object_set_new(
		        body, "automatic",
		        strcmp(automatic, "none") == 0 ? json_array() : sms_split(automatic, ','));
	if (sms_argument(arguments, "minutes"))
		status = sms_put_number(body, arguments, "minutes");
	return status == SMS_OK && ca ? sms_put_pem(body, "ca", ca) : status;
}

static const struct sms_record source = {
        .kind = SOURCE,
        .kept = {"address", "ca", "minutes", "automatic"},
        .fill = fill,
};

static enum sms_exit add(struct sms *sms, const json_t *arguments)
{
	json_t *body = json_pack("{s:O}", "name", json_object_get(arguments, "name"));
	enum sms_exit status = body ? fill(body, arguments) : no_memory();

	if (status == SMS_OK)
		status = sms_call_show(sms, &(struct link_request){.method = "POST",
		                                                   .path = "/package-sources",
		                                                   .body = body});
	json_decref(body);
	return status;
}

static enum sms_exit drop(struct sms *sms, const char *path, const json_t *arguments)
{
	char revision[LINK_ETAG_MAX];
	enum sms_exit status = sms_revision(sms, arguments, SOURCE, revision);

	return status ? status
	              : sms_call_show(sms, &(struct link_request){.method = "DELETE",
	                                                          .path = path,
	                                                          .if_match = revision});
}

static enum sms_exit check(struct sms *sms, const char *path, const char *name)
{
	char *check_path = sms_path(SOURCE, name, "/check");
	struct link_request request = {.method = "POST", .path = check_path};
	struct link_answer answer;
	enum sms_exit status = check_path ? sms_call(sms, &request, &answer) : no_memory();

	free(check_path);
	if (status != SMS_OK)
		return status;
	link_answer_fini(&answer);
	return sms_record_wait(sms, path, "checking");
}

enum sms_exit sms_package_source(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	static const char *const columns[] = {"name",    "address", "minutes", "automatic",
	                                      "checked", "error",   NULL};
	const char *name = sms_argument(arguments, "name");
	enum sms_exit status;
	char *path;

	if (command == SMS_PACKAGE_SOURCE_LIST)
		return sms_show_list(sms, "/package-sources", columns);
	if (command == SMS_PACKAGE_SOURCE_ADD)
		return add(sms, arguments);
	path = sms_path(SOURCE, name, NULL);
	if (!path)
		return no_memory();
	if (command == SMS_PACKAGE_SOURCE_SET)
		status = sms_record_set(sms, path, &source, arguments);
	else if (command == SMS_PACKAGE_SOURCE_DELETE)
		status = drop(sms, path, arguments);
	else if (command == SMS_PACKAGE_SOURCE_CHECK)
		status = check(sms, path, name);
	else
		status = sms_call_show(sms, &(struct link_request){.method = "GET", .path = path});
	free(path);
	return status;
}
