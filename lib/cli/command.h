/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands (command.def) and what is made of it on both ends of tps.sock: words to a
 * command and its arguments in `tps`, the check of arguments in `control`, completion and help.
 * `sms` has a table of its own (sms/command.def), of which words, arguments and help are used.
 * Any process, any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"

struct buf;

enum cli_command_id {
#define COMMAND(ID, words, arguments, who, where, forward, help) CLI_##ID,
#include "lib/cli/command.def"
#undef COMMAND
	CLI_COMMAND_END
};

enum cli_who { CLI_SHOW, CLI_CHANGE };
enum cli_where {
	CLI_HERE,
	CLI_LOCAL,
	CLI_PARENT,
	CLI_WIRE,
	CLI_KEYS,
	CLI_LINK,
	CLI_WORKERS,
	CLI_WORKER
};

struct cli_command {
	enum cli_command_id id;
	const char *words;     /* "show segments" */
	const char *arguments; /* grammar: see command.def */
	enum cli_who who;
	enum cli_where where;
	const char *forward; /* COMMAND's name for where other than HERE and LOCAL */
	const char *help;
};

/* A program's commands. */
struct cli_table {
	const struct cli_command *commands;
	size_t count;
};

/* Those of tps. */
extern const struct cli_table cli_tps;

const struct cli_command *cli_command_by_id(enum cli_command_id id);

/* Sessions that `show tse ssl-inspection` shows when no number is asked for (R141). */
enum { CLI_SESSIONS_SHOWN = 50 };

/* By its words in one string; NULL. */
const struct cli_command *cli_command_by_words(const char *words) SL_NONNULL(1);

/*
 * The command that the first words of `argv` name; *ret_used is how many. NULL when there is none:
 * then *ret_used words are the start of some command (0: not even the first).
 */
const struct cli_command *cli_command_find(const struct cli_table *table, size_t argc,
                                           const char *const *argv, size_t *ret_used)
        SL_NONNULL(1, 4);

/*
 * Words behind the command to an object of texts and trues: "--last 5m" is {"last":"5m"}, FILE is
 * "file". SL_EINVAL with a sentence in `why`.
 */
int cli_arguments_parse(const struct cli_command *command, size_t argc, const char *const *argv,
                        json_t **ret_arguments, char *why, size_t why_size)
        SL_NONNULL(1, 4, 5) SL_MUST;

/* Whether an object from outside is what cli_arguments_parse makes. SL_EINVAL with `why`. */
int cli_arguments_check(const struct cli_command *command, const json_t *arguments, char *why,
                        size_t why_size) SL_NONNULL(1, 3) SL_MUST;

/*
 * What may follow `argv` and starts with `prefix`, a line each: words of commands, choices,
 * options. Nothing for free text.
 */
int cli_complete(const struct cli_table *table, size_t argc, const char *const *argv,
                 const char *prefix, struct buf *out) SL_NONNULL(1, 4, 5) SL_MUST;

/* The same for a shell: the last of `argv` is what is being typed; onto standard output. */
void cli_print_completions(const struct cli_table *table, size_t argc, const char *const *argv)
        SL_NONNULL(1);

/* "90", "90s", "5m", "2h", "1d" in milliseconds, at most 366 days. SL_EINVAL. */
int cli_duration_parse(const char *text, uint64_t *ret_ms) SL_NONNULL(1, 2) SL_MUST;
