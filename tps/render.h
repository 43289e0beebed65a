/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers for people: the same record that --json prints, by lib/cli/print or in a form of the
 * command's own.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/cli/command.h"

struct render {
	FILE *out;
	bool json;
	bool colour;
	unsigned pieces; /* so far, of a streamed answer */
};

/* One answer, or one piece of it. */
void render_data(struct render *render, const struct cli_command *command, const json_t *data)
        SL_NONNULL(1, 2);

/* An error object of the daemon's, to `out`: text, place, remedy, and each of its errors. */
void render_error(const json_t *error, bool json, FILE *out) SL_NONNULL(3);

/* Own forms of single commands: render_special.c. False when the command has none. */
bool render_special(struct render *render, const struct cli_command *command, const json_t *data)
        SL_NONNULL(1, 2);
