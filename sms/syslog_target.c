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
        .kept = {"host", "port", "transport", "ca", "kinds", "enabled", "spool"},
        .fill = fill,
};

static enum sms_exit add(struct sms *sms, const json_t *arguments)
{
	json_t *body = json_pack("{s:O}", "name", json_object_get(arguments, "name"));
	enum sms_exit status = body ? fill(body, arguments) : no_memory();

	if (status == SMS_OK)
		status = sms_call_show(sms, &(struct link_request){.method = "POST",
		                                                   .path = "/syslog-targets",
		                                                   .body = body});
	json_decref(body);
	return status;
}

static enum sms_exit drop(struct sms *sms, const char *path, const json_t *arguments)
{
	char revision[LINK_ETAG_MAX];
	enum sms_exit status = sms_revision(sms, arguments, TARGET, revision);

	return status ? status
	              : sms_call_show(sms, &(struct link_request){.method = "DELETE",
	                                                          .path = path,
	                                                          .if_match = revision});
}

static enum sms_exit test(struct sms *sms, const char *path, const char *name)
{
	char *test_path = sms_path(TARGET, name, "/test");
	struct link_request request = {.method = "POST", .path = test_path};
	struct link_answer answer;
	enum sms_exit status = test_path ? sms_call(sms, &request, &answer) : no_memory();

	free(test_path);
	if (status != SMS_OK)
		return status;
	link_answer_fini(&answer);
	return sms_record_wait(sms, path, "testing");
}

enum sms_exit sms_syslog_target(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	static const char *const columns[] = {"name", "host",    "port",    "transport", "state",
	                                      "sent", "waiting", "skipped", "error",     NULL};
	const char *name = sms_argument(arguments, "name");
	enum sms_exit status;
	char *path;

	if (command == SMS_SYSLOG_TARGET_LIST)
		return sms_show_list(sms, "/syslog-targets", columns);
	if (command == SMS_SYSLOG_TARGET_ADD)
		return add(sms, arguments);
	path = sms_path(TARGET, name, NULL);
	if (!path)
		return no_memory();
	if (command == SMS_SYSLOG_TARGET_SET)
		status = sms_record_set(sms, path, &target, arguments);
	else if (command == SMS_SYSLOG_TARGET_DELETE)
		status = drop(sms, path, arguments);
	else if (command == SMS_SYSLOG_TARGET_TEST)
		status = test(sms, path, name);
	else
		status = sms_call_show(sms, &(struct link_request){.method = "GET", .path = path});
	free(path);
	return status;
}
