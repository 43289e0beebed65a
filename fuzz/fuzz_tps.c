/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tps.sock: frames and arguments as a client may send them, and records of a ring as a worker that
 * was broken into may write them.
 */
#include <stdint.h>
#include <stdlib.h>

#include "lib/cli/command.h"
#include "lib/cli/frame.h"
#include "lib/event/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_request(json_t *object)
{
	const char *words = json_string_value(json_object_get(object, "cmd"));
	const struct cli_command *command = words ? cli_command_by_words(words) : NULL;
	char why[400];

	if (command)
		(void)!cli_arguments_check(command, json_object_get(object, "args"), why,
		                           sizeof(why));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf in;
	json_t *object;

	buf_init(&in, CLI_FRAME_MAX + CLI_FRAME_HEADER);
	if (size <= CLI_FRAME_MAX && buf_add(&in, data, size) == 0) {
		while (cli_frame_take(&in, &object) == 0) {
			check_request(object);
			json_decref(object);
		}
	}
	buf_fini(&in);
	(void)event_check((const char *)data, size);
	return 0;
}
