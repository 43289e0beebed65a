/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of all objects: looked at, and all settings back to one of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/print.h"
#include "sms/secret.h"
#include "sms/setting.h"

#define SHOWN "100"

enum sms_exit sms_changes(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	static const char *const keys[] = {"id",       "time",   "who",     "kind", "name",
	                                   "revision", "action", "comment", NULL};
	const char *before = sms_argument(arguments, "before");
	const char *limit = sms_argument(arguments, "limit");
	char path[128];

	(void)command;
	if (!sms_is_number(before) || !sms_is_number(limit))
		return sms_fail(SMS_USAGE, "--before and --limit are whole numbers");
	(void)snprintf(path, sizeof(path), "/changes?limit=%.20s%s%.20s", limit ? limit : SHOWN,
	               before ? "&before=" : "", before ? before : "");
	return sms_show_list(sms, path, keys);
}

/* ---- back -------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void print_objects(const json_t *answer)
{
	const json_t *object;
	size_t i;

	json_array_foreach(json_object_get(answer, "diff"), i, object)
	{
		cli_print_text(stdout, text_of(object, "kind"));
		(void)fputc(' ', stdout);
		cli_print_text(stdout, text_of(object, "name"));
		(void)fputs(": ", stdout);
		cli_print_text(stdout, text_of(object, "action"));
		(void)fputc('\n', stdout);
		setting_print_diff(object);
	}
}

/* One call, and its answer; `check`: what it would do. */
static enum sms_exit ask(struct sms *sms, const json_t *body, const char *comment, bool check,
                         json_t **ret_answer)
{
	char *path = sms_query(sms_query(strdup("/rollback"), "comment", comment), "check",
	                       check ? "true" : NULL);
	enum sms_exit status;

	if (!path)
		return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
	status = sms_call_json(sms,
	                       &(struct link_request){.method = "POST", .path = path, .body = body},
	                       ret_answer);
	free(path);
	return status;
}

static bool is_agreed(size_t count)
{
	char yes[8];

	(void)fprintf(stderr, "%zu objects would change. Go back?\n", count);
	return secret_ask("yes or no: ", yes, sizeof(yes)) == 0 && strcmp(yes, "yes") == 0;
}

static void show(const struct sms *sms, const json_t *answer)
{
	if (sms->json)
		sms_print(sms, answer);
	else if (json_array_size(json_object_get(answer, "diff")) == 0)
		(void)puts("all settings are as they were then");
	else
		print_objects(answer);
}

static enum sms_exit go_back(struct sms *sms, const json_t *body, const json_t *arguments)
{
	const char *comment = sms_argument(arguments, "comment");
	bool preview = json_is_true(json_object_get(arguments, "preview"));
	bool sure = json_is_true(json_object_get(arguments, "yes"));
	json_t *answer = NULL;
	enum sms_exit status = ask(sms, body, comment, !sure || preview, &answer);
	size_t count;

	if (status != SMS_OK)
		return status;
	show(sms, answer);
	count = json_array_size(json_object_get(answer, "diff"));
	json_decref(answer);
	if (sure || preview || count == 0)
		return SMS_OK;
	if (!is_agreed(count))
		return sms_fail(SMS_REFUSED, "nothing was changed; say yes, or give --yes");
	status = ask(sms, body, comment, false, &answer);
	if (status == SMS_OK)
		json_decref(answer);
	return status;
}

enum sms_exit sms_rollback_all(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const char *to = sms_argument(arguments, "to");
	const char *time = sms_argument(arguments, "time");
	enum sms_exit status;
	json_t *body;

	(void)command;
	if (!to == !time)
		return sms_fail(SMS_USAGE, "back to which moment? --to ID (sms changes lists them) "
		                           "or --time TIME");
	if (!sms_is_number(to))
		return sms_fail(SMS_USAGE, "--to is the id of a change");
	body = to ? json_pack("{s:I}", "change", (json_int_t)strtoll(to, NULL, 10))
	          : json_pack("{s:s}", "time", time);
	if (!body)
		return sms_fail(SMS_USAGE, "a time is 2026-01-31T12:00:00Z");
	status = go_back(sms, body, arguments);
	json_decref(body);
	return status;
}
