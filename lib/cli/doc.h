/* SPDX-License-Identifier: Apache-2.0 */
/* Help and documentation out of a table of commands, to standard output. */
#pragma once

#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/cli/command.h"

/* Those that start with the words, all without any. Changes say that they are for operators. */
void cli_doc_help(const struct cli_table *table, size_t argc, const char *const *argv)
        SL_NONNULL(1);

/* "`words arguments`", fit for a cell of a table in Markdown. */
void cli_doc_usage(const struct cli_command *command) SL_NONNULL(1);

/* An entry a command of a manual page's list; `changes` stands behind the help of changes. */
void cli_doc_man(const struct cli_table *table, const char *changes) SL_NONNULL(1, 2);
