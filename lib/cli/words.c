/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cli/words.h"

#include <stdint.h>
#include <string.h>

size_t cli_words(int argc, char **argv, bool completing, bool *json)
{
	/* --json may also stand at the end, where one thinks of it. */
	if (!completing && argc > 0 && strcmp(argv[argc - 1], "--json") == 0) {
		*json = true;
		argc--;
	}
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "-o") == 0)
			argv[i] = (char *)(uintptr_t) "--output";
	return (size_t)argc;
}
