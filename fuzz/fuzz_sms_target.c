/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: what a request line asks for. A path that is taken has no segment that could mean
 * another one, and says the same when it is read again; a query's values are text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smsd/http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct http_target target;
	const char *at;
	size_t len;

	if (!text)
		abort();
	if (http_target_read(text, &target) == 0) {
		if (target.path[0] != '/' || strstr(target.path, "//") ||
		    strstr(target.path, "/../") || strstr(target.path, "/./") ||
		    strlen(target.path) > strlen(text))
			abort();
		at = target.query;
		while (http_query_next(&at, &len))
			;
		free(http_query_find(target.query, "after"));
		free(http_query_find(target.query, ""));
		http_target_fini(&target);
	}
	free(text);
	return 0;
}
