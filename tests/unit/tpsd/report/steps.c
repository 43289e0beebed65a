/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "tests/unit/tpsd/report/steps.h"

#include <stdio.h>
#include <stdlib.h>

struct device dev;

int set_up(void **state)
{
	(void)state;
	device_init(&dev);
	return 0;
}

int tear_down(void **state)
{
	(void)state;
	device_fini(&dev);
	return 0;
}

void start_committed(void)
{
	uint32_t before = dev.committed[DEV_PARENT];

	device_start(&dev);
	device_wait(&dev, &dev.committed[DEV_PARENT], before + 1);
	device_wait(&dev, &dev.committed[DEV_WORKER], 1);
}

/* The processes of a start have taken its document, each in its time. */
static void wait_until_idle(void)
{
	bool idle = false;

	for (unsigned i = 0; i < 500 && !idle; i++) {
		json_t *configuration = version_configuration();
		const char *said = json_string_value(json_object_get(configuration, "transaction"));

		assert_non_null(said);
		idle = strcmp(said, "idle") == 0;
		json_decref(configuration);
		if (!idle)
			device_run(&dev, 10);
	}
	assert_true(idle);
}

json_t *apply(const char *name, const char *confirm, json_t **ret_error)
{
	json_t *arguments =
	        json_pack("{s:s,s:s}", "file", "/etc/x.yaml", "text", device_config(&dev, name));

	wait_until_idle();
	if (confirm)
		(void)json_object_set_new(arguments, "confirm", json_string(confirm));
	return device_command(&dev, "config apply", arguments, ret_error);
}

bool log_has(const char *kind, const char *word)
{
	json_t *list = device_log(&dev, kind);
	char *text = json_dumps(list, JSON_COMPACT);
	bool has = strstr(text, word) != NULL;

	free(text);
	json_decref(list);
	return has;
}

json_t *version_configuration(void)
{
	json_t *data = device_command(&dev, "show version", NULL, NULL);
	json_t *configuration =
	        json_deep_copy(json_object_get(json_array_get(data, 0), "configuration"));

	json_decref(data);
	return configuration;
}

void check_in_force(const char *device_name)
{
	json_t *data = device_command(&dev, "config show", NULL, NULL);
	const char *text = json_string_value(json_object_get(json_array_get(data, 0), "text"));
	char wanted[64];

	(void)snprintf(wanted, sizeof(wanted), "name: %s\n", device_name);
	assert_non_null(text);
	if (!strstr(text, wanted))
		fail_msg("in force is not %s but %s", device_name, text);
	json_decref(data);
}
