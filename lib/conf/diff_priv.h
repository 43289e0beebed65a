/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of jansson values; apart from diff.h so that jansson stays inside lib/conf. */
#pragma once

#include <jansson.h>

#include "lib/base/attr.h"

struct conf_changes;
struct conf_object;

/* Of two canonical values; NULL: there is none. */
int diff_values(const struct conf_object *object, const json_t *old_value, const json_t *new_value,
                struct conf_changes *ret_changes) SL_NONNULL(1, 4) SL_MUST;
