/* SPDX-License-Identifier: Apache-2.0 */
/* What devices may, a line a device and capability. */
#include <stdio.h>

#include "lib/cli/print.h"
#include "sms/sms.h"

static json_t *row_of(const json_t *device, const json_t *capability)
{
	json_t *row = json_object();

	(void)json_object_set(row, "device", json_object_get(device, "name"));
	(void)json_object_set(row, "online", json_object_get(device, "online"));
	(void)json_object_set(row, "licence", json_object_get(device, "delivery"));
	(void)json_object_update_missing(row, (json_t *)capability);
	(void)json_object_del(row, "grace_days");
	(void)json_object_del(row, "ends");
	return row;
}

static void print_all(const json_t *shown)
{
	json_t *rows = json_array(), *device, *capability;
	size_t i, k;

	json_array_foreach(json_object_get(shown, "devices"), i, device)
	{
		json_array_foreach(json_object_get(device, "capabilities"), k, capability)
		{
			(void)json_array_append_new(rows, row_of(device, capability));
		}
	}
	cli_print(stdout, rows);
	json_decref(rows);
}

enum sms_exit sms_licences(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	const struct link_request request = {.method = "GET", .path = "/licences"};
	json_t *shown = NULL;
	enum sms_exit status = sms_call_json(sms, &request, &shown);

	if (status != SMS_OK)
		return status;
	if (!json_is_array(json_object_get(shown, "devices")))
		status = sms_fail(SMS_REFUSED, "the server's answer is none");
	else if (sms->json)
		sms_print(sms, shown);
	else
		print_all(shown);
	json_decref(shown);
	return status;
}
