/* SPDX-License-Identifier: Apache-2.0 */
/* Distributions: begun, looked at, watched, tried again, cancelled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/print.h"
#include "lib/conf/value.h"
#include "sms/watch.h"

/* ---- what is asked --------------------------------------------------------------------------- */

/* "5m" as seconds, into the body. */
static enum sms_exit put_duration(json_t *body, const json_t *arguments, const char *option,
                                  const char *key)
{
	const char *text = sms_argument(arguments, option);
	uint64_t ms;

	if (!text)
		return SMS_OK;
	if (value_parse_duration(text, &ms) != 0 || ms % 1000 != 0 || ms > UINT32_MAX)
		return sms_fail(SMS_USAGE, "--%s is a time in whole seconds: 90s, 5m, 2h, 0",
		                option);
	(void)json_object_set_new(body, key, json_integer((json_int_t)(ms / 1000)));
	return SMS_OK;
}

static void put_text(json_t *body, const json_t *arguments, const char *option, const char *key)
{
	const char *text = sms_argument(arguments, option);

	if (text)
		(void)json_object_set_new(body, key, json_string(text));
}

static bool is_given(const json_t *arguments, const char *flag)
{
	return json_is_true(json_object_get(arguments, flag));
}

static enum sms_exit body_of(const json_t *arguments, json_t *body)
{
	const char *devices = sms_argument(arguments, "devices");
	enum sms_exit status = put_duration(body, arguments, "confirm", "confirm_s");

	if (!devices + !is_given(arguments, "all") + !sms_argument(arguments, "for-certificate") !=
	    2)
		return sms_fail(SMS_USAGE, "to which devices? sms distribute NAME,NAME, or --all, "
		                           "or --for-certificate NAME");
	if (sms_argument(arguments, "wait") && !is_given(arguments, "staged"))
		return sms_fail(SMS_USAGE, "--wait is for --staged");
	if (devices)
		(void)json_object_set_new(body, "devices", sms_split(devices, ','));
	if (is_given(arguments, "all"))
		(void)json_object_set_new(body, "all", json_true());
	if (is_given(arguments, "staged"))
		(void)json_object_set_new(body, "staged", json_true());
	put_text(body, arguments, "for-certificate", "certificate");
	put_text(body, arguments, "at", "not_before");
	put_text(body, arguments, "comment", "comment");
	return status == SMS_OK ? put_duration(body, arguments, "wait", "wait_s") : status;
}

/* ---- what is shown --------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

void distribute_print_items(const json_t *items)
{
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		(void)printf("    %s", json_is_true(json_object_get(item, "notice")) ? "notice: "
		                                                                     : "refused: ");
		cli_print_text(stdout, text_of(item, "kind"));
		(void)putchar(' ');
		cli_print_text(stdout, text_of(item, "name"));
		(void)putchar(' ');
		cli_print_text(stdout, text_of(item, "pointer"));
		(void)fputs(": ", stdout);
		cli_print_text(stdout, text_of(item, "text"));
		if (text_of(item, "remedy")[0]) {
			(void)fputs("; ", stdout);
			cli_print_text(stdout, text_of(item, "remedy"));
		}
		(void)putchar('\n');
	}
}

static void print_preview(const json_t *preview)
{
	json_t *device;
	size_t i;

	json_array_foreach(json_object_get(preview, "devices"), i, device)
	{
		const json_t *changes = json_object_get(device, "changes");

		cli_print_text(stdout, text_of(device, "name"));
		(void)printf(": %s%s%zu change%s\n",
		             json_is_true(json_object_get(device, "refused")) ? "refused, " : "",
		             json_is_true(json_object_get(device, "online")) ? "" : "offline, ",
		             json_array_size(changes), json_array_size(changes) == 1 ? "" : "s");
		distribute_print_items(json_object_get(device, "items"));
		if (json_array_size(changes) > 0)
			cli_print_table(stdout, changes);
	}
}

static enum sms_exit preview_status(const json_t *preview)
{
	json_t *device;
	size_t i;

	json_array_foreach(json_object_get(preview, "devices"), i, device)
	{
		if (json_is_true(json_object_get(device, "refused")))
			return SMS_REFUSED;
	}
	return SMS_OK;
}

static void print_one(const json_t *shown)
{
	json_t *head = json_copy((json_t *)shown), *rows = json_array(), *device;
	size_t i;

	(void)json_object_del(head, "devices");
	cli_print_object(stdout, head, 0);
	json_array_foreach(json_object_get(shown, "devices"), i, device)
	{
		json_t *row = json_copy(device);

		(void)json_object_del(row, "items");
		(void)json_object_del(row, "changed_ms");
		(void)json_array_append_new(rows, row);
	}
	if (json_array_size(rows) > 0)
		cli_print_table(stdout, rows);
	json_array_foreach(json_object_get(shown, "devices"), i, device)
	{
		if (json_array_size(json_object_get(device, "items")) == 0)
			continue;
		cli_print_text(stdout, text_of(device, "name"));
		(void)fputs(":\n", stdout);
		distribute_print_items(json_object_get(device, "items"));
	}
	json_decref(head);
	json_decref(rows);
}

/* A refused or reverted device is a failure of the command, whoever looks. */
static enum sms_exit show(const struct sms *sms, const json_t *shown)
{
	if (sms->json)
		sms_print(sms, shown);
	else
		print_one(shown);
	return distribute_status(shown);
}

/* ---- calls ----------------------------------------------------------------------------------- */

enum sms_exit distribute_call(struct sms *sms, const char *method, const char *path,
                              const json_t *body, json_t **ret_data)
{
	return sms_call_json(sms,
	                     &(struct link_request){.method = method, .path = path, .body = body},
	                     ret_data);
}

/* A distribution, shown or watched to its end; takes it over. */
static enum sms_exit show_or_watch(struct sms *sms, json_t *shown, bool watch)
{
	enum sms_exit status = SMS_OK;

	if (watch)
		status = distribute_watch(sms, &shown);
	if (status == SMS_OK && (!watch || sms->json))
		status = show(sms, shown);
	else if (status == SMS_OK)
		status = distribute_status(shown);
	json_decref(shown);
	return status;
}

static enum sms_exit call_and_show(struct sms *sms, const char *method, const char *path,
                                   bool watch)
{
	json_t *shown = NULL;
	enum sms_exit status = distribute_call(sms, method, path, NULL, &shown);

	return status == SMS_OK ? show_or_watch(sms, shown, watch) : status;
}

static enum sms_exit show_preview(struct sms *sms, const json_t *body)
{
	json_t *preview = NULL;
	enum sms_exit status =
	        distribute_call(sms, "POST", "/distributions/preview", body, &preview);

	if (status != SMS_OK)
		return status;
	if (sms->json)
		sms_print(sms, preview);
	else
		print_preview(preview);
	status = preview_status(preview);
	json_decref(preview);
	return status;
}

/* Those of the distribution that had it already, by what was known before: said to people alone. */
static void say_nothing_to_do(const json_t *before, const json_t *shown)
{
	size_t count = 0, i, k;
	json_t *device, *known;

	json_array_foreach(json_object_get(shown, "devices"), i, device)
	{
		json_array_foreach(json_object_get(before, "items"), k, known)
		{
			if (strcmp(text_of(known, "name"), text_of(device, "name")) == 0)
				count += strcmp(text_of(known, "needs_distribution"), "no") == 0;
		}
	}
	if (count > 0)
		(void)fprintf(stderr, "nothing to do for %zu of %zu devices: they have it\n", count,
		              json_array_size(json_object_get(shown, "devices")));
}

static enum sms_exit begin(struct sms *sms, const json_t *body, bool watch)
{
	json_t *before = NULL, *shown = NULL;
	enum sms_exit status = SMS_OK;

	if (!sms->json)
		status = distribute_call(sms, "GET", "/devices?limit=1000", NULL, &before);
	if (status == SMS_OK)
		status = distribute_call(sms, "POST", "/distributions", body, &shown);
	if (status == SMS_OK && before)
		say_nothing_to_do(before, shown);
	json_decref(before);
	return status == SMS_OK ? show_or_watch(sms, shown, watch) : status;
}

enum sms_exit sms_distribute(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	json_t *body = json_object();
	enum sms_exit status = body_of(arguments, body);

	(void)command;
	if (status == SMS_OK && is_given(arguments, "preview"))
		status = show_preview(sms, body);
	else if (status == SMS_OK)
		status = begin(sms, body, is_given(arguments, "watch"));
	json_decref(body);
	return status;
}

static enum sms_exit list(struct sms *sms, const json_t *arguments)
{
	static const char *const keys[] = {"id", "made", "who", "state", "counts", "comment", NULL};
	const char *limit = sms_argument(arguments, "limit");
	char path[64];

	if (limit && strspn(limit, "0123456789") != strlen(limit))
		return sms_fail(SMS_USAGE, "--limit is a whole number");
	(void)snprintf(path, sizeof(path), "/distributions?limit=%.20s", limit ? limit : "100");
	return sms_show_list(sms, path, keys);
}

enum sms_exit sms_distribution(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const char *rest = command == SMS_DISTRIBUTION_RETRY    ? "/retry"
	                   : command == SMS_DISTRIBUTION_CANCEL ? "/cancel"
	                                                        : NULL;
	enum sms_exit status;
	char *path;

	if (command == SMS_DISTRIBUTION_LIST)
		return list(sms, arguments);
	path = sms_path("distribution", sms_argument(arguments, "id"), rest);
	if (!path)
		return sms_fail(SMS_REFUSED, "%s", err_text(SL_ENOMEM));
	status = call_and_show(sms, rest ? "POST" : "GET", path, is_given(arguments, "watch"));
	free(path);
	return status;
}
