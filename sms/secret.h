/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords and names of whoever sits there; never from the command line, which others can see. */
#pragma once

#include <stdbool.h>

#include "lib/base/attr.h"
#include "lib/pki/file.h"

/* The first line of `file`, or asked for on the terminal without echo when it is NULL; asked twice
 * when `again`. Says on standard error what is wrong: SL_EINVAL. Wiped by the caller. */
int secret_read(const char *prompt, const char *file, bool again, char ret_secret[PKI_PASSWORD_MAX])
        SL_NONNULL(1, 4) SL_MUST;

/* A line from the terminal, with echo. SL_EINVAL: there is no terminal, or no line. */
int secret_ask(const char *prompt, char *line, int size) SL_NONNULL(1, 2) SL_MUST;
