/* SPDX-License-Identifier: Apache-2.0 */
/* The engine (tse.h) as an inspector: one rule set, one engine a worker. Worker's thread. */
#pragma once

#include "lib/base/attr.h"

struct config;
struct config_profile;
struct conf_image;
struct inspector;

/*
 * The inspector of a profile, from the compiled rules in the image, or from their text when they
 * were not compiled. *ret is NULL for a profile without filters. SL_EMALFORMED, SL_ENOMEM, or what
 * tse_ruleset_open says.
 */
int engine_inspector_create(const struct conf_image *image, const struct config *config,
                            const struct config_profile *profile, struct inspector **ret)
        SL_NONNULL(1, 2, 3, 4) SL_MUST;
