/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: files on their way to the SMS. Whatever is said of one is the same however its bytes
 * come, in one piece or in many.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/object/blob_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int look(enum blob_content what, const uint8_t *data, size_t size, size_t step,
                struct problem *problem)
{
	struct content c;
	int rc = content_begin(&c, what, size, problem);

	for (size_t at = 0; rc == 0 && at < size; at += step)
		rc = content_add(&c, data + at, SL_MIN(step, size - at));
	if (rc == 0)
		rc = content_end(&c);
	content_fini(&c);
	return rc;
}

/* The first byte says what it is, the second in how large pieces it comes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem whole = {0}, parts = {0};
	enum blob_content what;
	size_t step;

	if (size < 3)
		return 0;
	what = (enum blob_content)(data[0] % BLOB_CONTENT_END);
	step = 1 + data[1];
	if (look(what, data + 2, size - 2, size, &whole) !=
	            look(what, data + 2, size - 2, step, &parts) ||
	    whole.count != parts.count)
		abort();
	for (size_t i = 0; i < whole.count; i++)
		if (strcmp(whole.items[i].text, parts.items[i].text) != 0)
			abort();
	problem_fini(&whole);
	problem_fini(&parts);
	return 0;
}
