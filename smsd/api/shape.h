/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of bodies and answers: shape.def as a table. Static; any thread. */
#pragma once

#include "lib/base/attr.h"
#include "lib/conf/object.h"

enum api_shape {
	API_SHAPE_NONE,
	API_SHAPE_FILE,
	API_SHAPE_STREAM, /* server-sent events */
#define SHAPE(ID, object, name) API_SHAPE_##ID,
#include "smsd/api/shape.def"
#undef SHAPE
	API_SHAPE_END
};

/* The largest whole number that JSON's readers all keep exact: for rows of counts and ids. */
#define API_NUMBER_MAX 9007199254740991ULL

#define SHAPE(ID, object, name) extern const struct conf_object object;
#include "smsd/api/shape.def"
#undef SHAPE

/* The words of capability.def. */
extern const struct conf_choices api_capabilities;

/* NULL for NONE, FILE and STREAM. */
const struct conf_object *api_shape_object(enum api_shape shape);
const char *api_shape_name(enum api_shape shape);
