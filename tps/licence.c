/* SPDX-License-Identifier: Apache-2.0 */
/* What `tps licence` brings along: the package, as base64, since requests are JSON. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/licence/licence.h"
#include "tps/run.h"

static bool fail(const char *path, const char *text)
{
	(void)fprintf(stderr, "tps: %s: %s\n", path, text);
	return false;
}

/* False: said why. */
static bool read_package(const char *path, uint8_t *bytes, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	bool bad;

	if (!f)
		return fail(path, strerror(errno));
	*ret_len = fread(bytes, 1, LICENCE_MAX + 1, f);
	bad = ferror(f);
	(void)fclose(f);
	if (bad || *ret_len == 0)
		return fail(path, bad ? strerror(errno) : "the file is empty");
	return *ret_len <= LICENCE_MAX || fail(path, "the file is too long for a licence");
}

bool tps_licence_prepare(const struct cli_command *command, json_t *arguments)
{
	const char *path = json_string_value(json_object_get(arguments, "package"));
	uint8_t *bytes;
	char *text;
	size_t len;
	bool good;

	if (command->id != CLI_LICENCE_INSTALL && command->id != CLI_LICENCE_CHECK)
		return true;
	bytes = malloc(LICENCE_MAX + 1);
	text = malloc(BASE64_CHARS(LICENCE_MAX) + 1);
	good = bytes && text && read_package(path, bytes, &len);
	if (good) {
		(void)base64_encode(bytes, len, text);
		good = json_object_set_new(arguments, "text", json_string(text)) == 0;
	}
	free(bytes);
	free(text);
	return good;
}
