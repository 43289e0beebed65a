/* SPDX-License-Identifier: Apache-2.0 */
/* From words to a command. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cli/doc.h"
#include "lib/cli/print.h"
#include "lib/pki/error.h"
#include "tmc/tmc.h"

static const struct cli_command commands[] = {
#define COMMAND(ID, words_, arguments_, help_)                                                     \
	[TMC_##ID] = {.words = words_, .arguments = arguments_, .help = help_},
#include "tmc/command.def"
#undef COMMAND
};

const struct cli_table tmc_commands = {commands, TMC_COMMAND_END};

static tmc_command_fn *const functions[TMC_COMMAND_END] = {
        [TMC_KEY_NEW] = tmc_key_new,
        [TMC_KEY_PUBLIC] = tmc_key_public,
        [TMC_MAKE_CA_CERTIFICATES] = tmc_make_ca_certificates,
        [TMC_MAKE_CATEGORIES] = tmc_make_categories,
        [TMC_MAKE_DECRYPTION_POLICY] = tmc_make_decryption_policy,
        [TMC_MAKE_LICENCE] = tmc_make_licence,
        [TMC_SHOW] = tmc_show,
        [TMC_VERIFY] = tmc_verify,
        [TMC_PUBLISH] = tmc_publish,
};

enum tmc_exit tmc_fail(enum tmc_exit status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)fputs("tmc: ", stderr);
	cli_print_text(stderr, text);
	(void)fputc('\n', stderr);
	return status;
}

enum tmc_exit tmc_say(const struct pki_error *err)
{
	(void)tmc_fail(TMC_REFUSED, "%s", err->text);
	if (err->remedy[0])
		(void)fprintf(stderr, "  %s\n", err->remedy);
	return TMC_REFUSED;
}

const char *tmc_argument(const json_t *arguments, const char *key, const char *fallback)
{
	const char *text = json_string_value(json_object_get(arguments, key));

	return text ? text : fallback;
}

void tmc_print(const struct tmc *tmc, const json_t *data)
{
	if (tmc->json) {
		(void)json_dumpf(data, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		(void)fputc('\n', stdout);
	} else {
		cli_print(stdout, data);
	}
}

enum tmc_exit tmc_run(struct tmc *tmc, size_t argc, const char *const *argv)
{
	const struct cli_command *command;
	json_t *arguments = NULL;
	enum tmc_exit status;
	char why[1024];
	size_t used;

	if (argc == 0 || strcmp(argv[0], "help") == 0) {
		cli_doc_help(&tmc_commands, argc > 0 ? argc - 1 : 0, argv + (argc > 0));
		return TMC_OK;
	}
	command = cli_command_find(&tmc_commands, argc, argv, &used);
	if (!command)
		return tmc_fail(TMC_USAGE, "no such command; 'tmc help %s' lists what there is",
		                used > 0 ? argv[0] : "");
	if (cli_arguments_parse(command, argc - used, argv + used, &arguments, why, sizeof(why)) !=
	    0)
		return tmc_fail(TMC_USAGE, "%s", why);
	status = functions[command - commands](tmc, arguments);
	json_decref(arguments);
	return status;
}
