/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: bodies of requests. The first byte chooses the shape. What is taken is an object, and
 * is taken again when it is written out; what is refused says why.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf/error.h"
#include "smsd/api/shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct conf_object *shape;
	json_t *value, *again;
	struct conf_errors errs;
	char *text;

	if (size == 0 || !(shape = api_shape_object((enum api_shape)(data[0] % API_SHAPE_END))))
		return 0;
	conf_errors_init(&errs);
	if (conf_object_read(shape, data + 1, size - 1, &errs, &value) == 0) {
		text = json_dumps(value, 0);
		if (!json_is_object(value) || !text ||
		    conf_object_read(shape, text, strlen(text), &errs, &again) != 0)
			abort();
		free(text);
		json_decref(again);
		json_decref(value);
	} else if (conf_errors_code(&errs) == 0) {
		abort();
	}
	conf_errors_fini(&errs);
	return 0;
}
