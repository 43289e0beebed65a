/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Error codes. Functions return 0 or a negative code of this one table; outputs (`ret_x`) are set
 * on success only. SL_ESYS means "look at errno", which is still what the failed call left.
 */
#pragma once

#include "lib/base/attr.h"

enum sl_err {
	SL_OK = 0,
#define X(name, text) SL_E_NR_##name,
#include "lib/base/err.def"
#undef X
	SL_E_NR_END
};

enum {
#define X(name, text) SL_E##name = -SL_E_NR_##name,
#include "lib/base/err.def"
#undef X
};

/* Text of a code (0 or negative) without a full stop; never NULL, static storage. */
const char *err_text(int code);

/* Short name of a code as used in answers and logs ("NOENT"); never NULL, static storage. */
const char *err_name(int code);
