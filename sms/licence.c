/* SPDX-License-Identifier: Apache-2.0 */
/* What devices may, a line a device and capability. */
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

static void add_rows(json_t *rows, const json_t *device)
{
	json_t *capability;
	size_t i;

	json_array_foreach(json_object_get(device, "capabilities"), i, capability)
	{
		(void)json_array_append_new(rows, row_of(device, capability));
	}
}

enum sms_exit sms_licences(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	return sms_call_devices(sms, &(struct link_request){.method = "GET", .path = "/licences"},
	                        NULL, add_rows);
}
