/* SPDX-License-Identifier: Apache-2.0 */
/* Panic mode of devices (R157): asked for, ended, looked at. */
#include <stdio.h>
#include <string.h>

#include "lib/cli/print.h"
#include "sms/secret.h"
#include "sms/sms.h"

static bool is_given(const json_t *arguments, const char *flag)
{
	return json_is_true(json_object_get(arguments, flag));
}

static void put_text(json_t *body, const json_t *arguments, const char *key)
{
	const char *text = sms_argument(arguments, key);

	if (text)
		(void)json_object_set_new(body, key, json_string(text));
}

/* Said outright: a name that was forgotten is not all devices. */
static enum sms_exit put_devices(json_t *body, const json_t *arguments)
{
	const char *devices = sms_argument(arguments, "devices");

	if ((devices != NULL) == is_given(arguments, "all"))
		return sms_fail(SMS_USAGE, "of which devices? NAME,NAME, or --all");
	if (devices)
		(void)json_object_set_new(body, "devices", sms_split(devices, ','));
	return SMS_OK;
}

/* ---- what is shown ------------------------------------------------------------------------- */

static json_t *row_of(const json_t *device, const json_t *step)
{
	json_t *row = json_pack("{s:O, s:O}", "device", json_object_get(device, "name"), "state",
	                        json_object_get(device, "state"));

	if (row && step)
		(void)json_object_update_missing(row, (json_t *)step);
	return row;
}

static void add_rows(json_t *rows, const json_t *device)
{
	const json_t *steps = json_object_get(device, "steps"), *step;
	size_t i;

	if (json_array_size(steps) == 0)
		(void)json_array_append_new(rows, row_of(device, NULL));
	json_array_foreach(steps, i, step)
	{
		(void)json_array_append_new(rows, row_of(device, step));
	}
}

static enum sms_exit send(struct sms *sms, const char *path, json_t *body)
{
	return sms_call_devices(
	        sms, &(struct link_request){.method = "POST", .path = path, .body = body}, NULL,
	        add_rows);
}

/* ---- what is asked ------------------------------------------------------------------------- */

static enum sms_exit confirm(const json_t *arguments)
{
	const char *devices = sms_argument(arguments, "devices");
	char line[16];

	if (is_given(arguments, "yes"))
		return SMS_OK;
	(void)fputs("Layer-2 fallback of ", stderr);
	cli_print_text(stderr, devices ? devices : "all devices");
	(void)fputs(": nothing new is looked at there, no policy and no filter counts. Go on?\n",
	            stderr);
	if (secret_ask("yes or no: ", line, sizeof(line)) == 0 && strcmp(line, "yes") == 0)
		return SMS_OK;
	return sms_fail(SMS_USAGE, "nothing was asked for; say yes, or give --yes");
}

static enum sms_exit ask(struct sms *sms, enum sms_command command, const json_t *arguments,
                         json_t *body)
{
	const char *what = sms_argument(arguments, "what");
	const char *step = command == SMS_PANIC_EXCEPT ? "except"
	                   : command == SMS_PANIC_STOP ? "stop"
	                                               : "fallback";
	enum sms_exit status = put_devices(body, arguments);

	(void)json_object_set_new(body, "step", json_string(step));
	if (what)
		(void)json_object_set_new(body, what,
		                          json_string(sms_argument(arguments, "value")));
	put_text(body, arguments, "comment");
	if (status == SMS_OK)
		status = sms_put_number(body, arguments, "minutes");
	if (status == SMS_OK && command == SMS_PANIC_FALLBACK)
		status = confirm(arguments);
	return status == SMS_OK ? send(sms, "/panic", body) : status;
}

static enum sms_exit clear(struct sms *sms, const json_t *arguments, json_t *body)
{
	enum sms_exit status = put_devices(body, arguments);

	if (status == SMS_OK)
		status = sms_put_number(body, arguments, "id");
	return status == SMS_OK ? send(sms, "/panic/clear", body) : status;
}

enum sms_exit sms_panic(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	json_t *body;
	enum sms_exit status;

	if (command == SMS_PANIC_SHOW)
		return sms_call_devices(sms,
		                        &(struct link_request){.method = "GET", .path = "/panic"},
		                        sms_argument(arguments, "device"), add_rows);
	body = json_object();
	status = command == SMS_PANIC_CLEAR ? clear(sms, arguments, body)
	                                    : ask(sms, command, arguments, body);
	json_decref(body);
	return status;
}
