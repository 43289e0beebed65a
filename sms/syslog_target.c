/* SPDX-License-Identifier: Apache-2.0 */
/* Syslog servers that events are sent to. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "sms/sms.h"

#define TARGET "syslog-target"

static enum sms_exit no_memory(void)
{
	return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
}

/* What is given goes into the body. */
static enum sms_exit fill(json_t *body, const json_t *arguments)
{
	static const char *const texts[] = {"host", "transport"}, *const numbers[] = {"port",
	                                                                              "spool"};
	const char *kinds = sms_argument(arguments, "kinds");
	const char *ca = sms_argument(arguments, "ca");
	enum sms_exit status = SMS_OK;

	for (size_t i = 0; i < SL_ARRAY_LEN(texts); i++)
		if (sms_argument(arguments, texts[i]))
			(void)json_object_set(body, texts[i], json_object_get(arguments, texts[i]));
	for (size_t i = 0; i < SL_ARRAY_LEN(numbers) && status == SMS_OK; i++)
		if (sms_argument(arguments, numbers[i]))
			status = sms_put_number(body, arguments, numbers[i]);
	if (kinds)
		(void)json_object_set_new(body, "kinds",
		                          strcmp(kinds, "all") == 0 ? json_array()
		                                                    : sms_split(kinds, ','));
	if (json_object_get(arguments, "enabled"))
		(void)json_object_set_new(body, "enabled", json_true());
	if (json_object_get(arguments, "disabled"))
		(void)json_object_set_new(body, "enabled", json_false());
	return status == SMS_OK && ca ? sms_put_pem(body, "ca", ca) : status;
}

static const struct sms_record target = {
        .kind = TARGET,
        .collection = "/syslog-targets",
        .order = "/test",
        .ordered = "testing",
        .kept = {"host", "port", "transport", "ca", "kinds", "enabled", "spool"},
        .fill = fill,
};

enum sms_exit sms_syslog_target(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	static const char *const columns[] = {"name", "host",    "port",    "transport", "state",
	                                      "sent", "waiting", "skipped", "error",     NULL};
	const char *name = sms_argument(arguments, "name");
	enum sms_exit status;
	char *path;

	if (command == SMS_SYSLOG_TARGET_LIST)
		return sms_show_list(sms, target.collection, columns);
	if (command == SMS_SYSLOG_TARGET_ADD)
		return sms_record_add(sms, &target, arguments);
	path = sms_path(TARGET, name, NULL);
	if (!path)
		return no_memory();
	if (command == SMS_SYSLOG_TARGET_SET)
		status = sms_record_set(sms, path, &target, arguments);
	else if (command == SMS_SYSLOG_TARGET_DELETE)
		status = sms_record_drop(sms, path, &target, arguments);
	else if (command == SMS_SYSLOG_TARGET_TEST)
		status = sms_record_order(sms, path, &target, name);
	else
		status = sms_call_show(sms, &(struct link_request){.method = "GET", .path = path});
	free(path);
	return status;
}
