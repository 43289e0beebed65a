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
        .collection = "/package-sources",
        .order = "/check",
        .ordered = "checking",
        .kept = {"address", "ca", "minutes", "automatic"},
        .fill = fill,
};

enum sms_exit sms_package_source(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	static const char *const columns[] = {"name",    "address", "minutes", "automatic",
	                                      "checked", "error",   NULL};
	const char *name = sms_argument(arguments, "name");
	enum sms_exit status;
	char *path;

	if (command == SMS_PACKAGE_SOURCE_LIST)
		return sms_show_list(sms, source.collection, columns);
	if (command == SMS_PACKAGE_SOURCE_ADD)
		return sms_record_add(sms, &source, arguments);
	path = sms_path(SOURCE, name, NULL);
	if (!path)
		return no_memory();
	if (command == SMS_PACKAGE_SOURCE_SET)
		status = sms_record_set(sms, path, &source, arguments);
	else if (command == SMS_PACKAGE_SOURCE_DELETE)
		status = sms_record_drop(sms, path, &source, arguments);
	else if (command == SMS_PACKAGE_SOURCE_CHECK)
		status = sms_record_order(sms, path, &source, name);
	else
		status = sms_call_show(sms, &(struct link_request){.method = "GET", .path = path});
	free(path);
	return status;
}
