/* SPDX-License-Identifier: Apache-2.0 */
/* What a name is, for the schema and for who keeps objects under names before they are in one. */
#pragma once

#include <stdbool.h>

#include "lib/base/attr.h"

enum {
	CONF_NAME_SHORT = 64, /* bytes of most names */
	CONF_NAME_LONG = 128, /* of certificates, proxies (R92) */
};

/* Letters, digits, "_", "-" and spaces within, at least one; `dot`: "." too. Of any length. */
bool conf_is_name(const char *text, bool dot) SL_NONNULL(1);
