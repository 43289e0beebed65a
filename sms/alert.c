/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts: what is open, and that somebody has seen one. */
#include <stdio.h>

#include "sms/sms.h"

enum { PATH_LEN = 128 };

enum sms_exit sms_alert(struct sms *sms, enum sms_command command, const json_t *arguments)
{
	static const char *const keys[] = {"id",   "state", "severity",        "name",
	                                   "text", "since", "acknowledged_by", NULL};
	const char *limit = sms_argument(arguments, "limit"), *id = sms_argument(arguments, "id");
	char path[PATH_LEN];

	if (!sms_is_number(limit) || !sms_is_number(id))
		return sms_fail(SMS_USAGE, "ID and --limit are whole numbers");
	if (command == SMS_ALERT_ACKNOWLEDGE) {
		(void)snprintf(path, sizeof(path), "/alerts/%.20s/acknowledge", id);
		return sms_call_show(sms, &(struct link_request){.method = "POST", .path = path});
	}
	(void)snprintf(path, sizeof(path), "/alerts?limit=%.20s%s", limit ? limit : "1000",
	               json_object_get(arguments, "all") ? "&all=true" : "");
	return sms_show_list(sms, path, keys);
}
