/* SPDX-License-Identifier: Apache-2.0 */
/* The table of shapes, and those of the frame itself. */
#include "smsd/api/shape.h"

#include "smsd/base/problem.h"

static const struct conf_field version_rows[] = {
        CONF_ROW("name", TEXT, "\"smsd\".", .flags = CONF_REQUIRED, .max = 16),
        CONF_ROW("version", TEXT, "Version of the program.", .flags = CONF_REQUIRED, .max = 32),
        CONF_ROW("api", TEXT, "Version of the API, as in its paths.", .flags = CONF_REQUIRED,
                 .max = 8),
};

const struct conf_object api_shape_version = CONF_ROWS("version", version_rows);

static const struct conf_field error_rows[] = {
        CONF_ROW("pointer", TEXT, "Place in the request's body (RFC 6901); \"\": the whole.",
                 .flags = CONF_REQUIRED, .max = PROBLEM_POINTER_MAX),
        CONF_ROW("text", TEXT, "What is wrong.", .flags = CONF_REQUIRED, .max = PROBLEM_TEXT_MAX),
        CONF_ROW("remedy", TEXT, "What to do about it.", .max = PROBLEM_REMEDY_MAX),
};

static const struct conf_object error_object = CONF_ROWS("error", error_rows);

static const struct conf_field problem_rows[] = {
        CONF_ROW("type", TEXT, "\"urn:sluice:\" and the error's code.", .flags = CONF_REQUIRED,
                 .max = 64),
        CONF_ROW("title", TEXT, "The code in words.", .flags = CONF_REQUIRED, .max = 128),
        CONF_ROW("status", UINT, "The answer's status.", .flags = CONF_REQUIRED, .min = 400,
                 .max = 599),
        CONF_ROW("detail", TEXT, "What is wrong, the first of the errors.",
                 .max = PROBLEM_TEXT_MAX),
        CONF_ROW("errors", OBJECTS, "Each place that is wrong.", .object = &error_object,
                 .max = PROBLEM_ITEMS_MAX),
        CONF_ROW("more", UINT, "So many more places are wrong.", .max = API_NUMBER_MAX),
};

const struct conf_object api_shape_problem = CONF_ROWS("problem", problem_rows);

static const struct {
	const struct conf_object *object;
	const char *name;
} shapes[API_SHAPE_END] = {
#define SHAPE(ID, object, name) [API_SHAPE_##ID] = {&(object), name},
#include "smsd/api/shape.def"
#undef SHAPE
};

const struct conf_object *api_shape_object(enum api_shape shape)
{
	return shapes[shape].object;
}

const char *api_shape_name(enum api_shape shape)
{
	return shapes[shape].name;
}
