/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the person at the terminal, whatever standard input is. */
#pragma once

#include <stdbool.h>

#include "lib/base/attr.h"

/*
 * A line without its end. Without `echo` what is typed is not shown, and no buffer keeps it: wiping
 * `line` is the caller's. SL_EINVAL: no terminal, or no line that fits.
 */
int terminal_ask(const char *prompt, bool echo, char *line, int size) SL_NONNULL(1, 3) SL_MUST;
