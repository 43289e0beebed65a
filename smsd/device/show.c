/* SPDX-License-Identifier: Apache-2.0 */
/* A device as people see it. */
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/moment.h"
#include "smsd/device/device_priv.h"

enum { MS_PER_S = 1000 };

static bool is_online(const struct device *device, int64_t now_ms)
{
	return device->state == DEVICE_ENROLLED &&
	       now_ms - device->seen_ms < (int64_t)DEVICE_SILENT_S * MS_PER_S;
}

static bool is_in_step(const struct device *device)
{
	return device->wanted != 0 && memcmp(device->document_sha256, device->wanted_sha256,
	                                     sizeof(device->document_sha256)) == 0;
}

/* Left out when it never was. */
static int add_time(json_t *shown, const char *key, int64_t ms)
{
	char text[MOMENT_TEXT_MAX];

	return ms == 0 ? 0 : json_object_set_new(shown, key, json_string(moment_text(ms, text)));
}

static int add_told(json_t *shown, const struct device *device)
{
	static const char *const own[] = {"model", "version"};

	for (size_t i = 0; i < SL_ARRAY_LEN(own); i++) {
		json_t *value = json_object_get(device->capabilities, own[i]);

		if (value && json_object_set(shown, own[i], value) != 0)
			return SL_ENOMEM;
	}
	if ((device->capabilities &&
	     json_object_set(shown, "capabilities", device->capabilities) != 0) ||
	    (device->health && json_object_set(shown, "health", device->health) != 0) ||
	    (device->settings && json_object_set(shown, "settings", device->settings) != 0))
		return SL_ENOMEM;
	return 0;
}

int device_show(const struct device *device, int64_t now_ms, json_t **ret_shown)
{
	json_t *shown =
	        json_pack("{s:s, s:s, s:b, s:s, s:I, s:I, s:b}", "name", device->name, "state",
	                  device_state_name(device->state), "online", is_online(device, now_ms),
	                  "comment", device->comment, "revision", (json_int_t)device->revision,
	                  "wanted", (json_int_t)device->wanted, "in_step", is_in_step(device));

	if (!shown || add_time(shown, "made", device->made_ms) != 0 ||
	    add_time(shown, "enrolled", device->enrolled_ms) != 0 ||
	    add_time(shown, "seen", device->seen_ms) != 0 ||
	    add_time(shown, "certificate_ends", device->certificate_ends_ms) != 0 ||
	    add_told(shown, device) != 0) {
		json_decref(shown);
		return SL_ENOMEM;
	}
	*ret_shown = shown;
	return 0;
}
