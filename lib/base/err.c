/* SPDX-License-Identifier: Apache-2.0 */
/* Text of error codes, made from err.def. Any thread. */
#include "lib/base/err.h"

#include <stddef.h>

static const struct {
	const char *name;
	const char *text;
} errors[] = {
        [0] = {"OK", "success"},
#define X(name, text) [SL_E_NR_##name] = {#name, text},
#include "lib/base/err.def"
#undef X
};

static size_t index_of(int code)
{
	return code <= 0 && (size_t)-code < SL_ARRAY_LEN(errors) ? (size_t)-code : SL_E_NR_INVAL;
}

const char *err_text(int code)
{
	return errors[index_of(code)].text;
}

const char *err_name(int code)
{
	return errors[index_of(code)].name;
}
