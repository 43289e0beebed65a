/* SPDX-License-Identifier: Apache-2.0 */
/* Words -> command -> request -> text. */
#include "tps/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/frame.h"
#include "tps/render.h"

enum { TEXT_MAX = CLI_FRAME_MAX - 4096 };

enum tps_exit tps_connect(struct tps *tps)
{
	if (tps->client)
		return TPS_OK;
	tps->client = client_connect(tps->socket);
	if (tps->client)
		return TPS_OK;
	if (errno == EACCES || errno == EPERM) {
		(void)fprintf(stderr,
		              "tps: not permitted to use %s\n"
		              "  Members of the group sluice may; see 'man tps'.\n",
		              tps->socket);
		return TPS_NOT_PERMITTED;
	}
	(void)fprintf(stderr,
	              "tps: no daemon answers at %s: %s\n"
	              "  Is it running? systemctl status sluice, or tpsd --config FILE. Another "
	              "instance: tps --instance NAME.\n",
	              tps->socket, strerror(errno));
	return TPS_NO_DAEMON;
}

/* A FILE argument goes as its absolute path, for errors, and its text. */
static int read_file_argument(json_t *arguments)
{
	const char *name = json_string_value(json_object_get(arguments, "file"));
	char *path = realpath(name, NULL);
	FILE *f = path ? fopen(path, "re") : NULL;
	char *text = malloc(TEXT_MAX + 1);
	json_t *value = NULL;
	size_t n = 0;

	if (f && text)
		n = fread(text, 1, TEXT_MAX + 1, f);
	if (!f || ferror(f))
		(void)fprintf(stderr, "tps: %s: %s\n", name, strerror(errno));
	else if (n > TEXT_MAX)
		(void)fprintf(stderr,
		              "tps: %s is too long for the command socket\n"
		              "  Put it in the place of the daemon's --config file and run 'tps "
		              "config reload'.\n",
		              name);
	else if ((value = json_stringn(text, n)) == NULL)
		(void)fprintf(stderr, "tps: %s is not UTF-8 text\n", name);
	if (value) {
		(void)json_object_set_new(arguments, "text", value);
		(void)json_object_set_new(arguments, "file", json_string(path));
	}
	if (f)
		(void)fclose(f);
	free(text);
	free(path);
	return value ? 0 : SL_EINVAL;
}

struct answer {
	struct render render;
	const struct cli_command *command;
};

static bool on_data(void *arg, const json_t *data)
{
	struct answer *a = arg;

	render_data(&a->render, a->command, data);
	return !ferror(a->render.out);
}

static enum tps_exit ask(struct tps *tps, const struct cli_command *command, json_t *arguments)
{
	struct answer a = {.render = {.out = stdout, .json = tps->json, .colour = tps->colour},
	                   .command = command};
	json_t *error;
	enum tps_exit status =
	        client_request(tps->client, command->words, arguments, on_data, &a, &error);

	if (status == TPS_NO_DAEMON) {
		client_close(tps->client);
		tps->client = NULL;
		(void)fputs("tps: the daemon ended the connection\n", stderr);
	} else if (error) {
		render_error(error, tps->json, tps->json ? stdout : stderr);
	} else if (command->id == CLI_SHOW_LOG && a.render.pieces == 0 && !tps->json) {
		(void)puts("none");
	}
	json_decref(error);
	return status;
}

static enum tps_exit run_local(struct tps *tps, const struct cli_command *command,
                               json_t *arguments)
{
	switch (command->id) {
	case CLI_PROBE:
		return tps_probe(tps, arguments);
	case CLI_CATEGORIES_MAKE_KEY:
		return tps_categories_make_key(tps, arguments);
	case CLI_CATEGORIES_MAKE:
		return tps_categories_make(tps, arguments);
	case CLI_CATEGORIES_SHOW:
		return tps_categories_show(tps, arguments);
	case CLI_CATEGORIES_FIND:
		return tps_categories_find(tps, arguments);
	case CLI_CERT_REPLACE:
		return tps_cert_replace(tps, arguments);
	case CLI_PKI_MAKE_CA:
	case CLI_PKI_REQUEST:
	case CLI_PKI_SIGN:
	case CLI_PKI_IMPORT:
	case CLI_PKI_EXPORT:
	case CLI_PKI_CHECK_CLIENTS:
		return tps_pki(tps, command, arguments);
	case CLI_VERSION:
		return tps_version(tps, arguments);
	case CLI_SUPPORT_BUNDLE:
		return tps_support_bundle(tps, arguments);
	default:
		return TPS_USAGE;
	}
}

static enum tps_exit run_command(struct tps *tps, const struct cli_command *command,
                                 json_t *arguments)
{
	enum tps_exit status;

	if (command->where == CLI_LOCAL)
		return run_local(tps, command, arguments);
	if (strncmp(command->arguments, "FILE", 4) == 0 && read_file_argument(arguments) != 0)
		return TPS_USAGE;
	if (!tps_sms_prepare(command, arguments) || !tps_licence_prepare(command, arguments))
		return TPS_USAGE;
	if (!tps->client)
		tps->client = client_connect(tps->socket);
	if (!tps->client && (errno == ENOENT || errno == ECONNREFUSED) &&
	    tps_offline(tps, command, arguments, &status))
		return status;
	status = tps_connect(tps);
	return status == TPS_OK ? ask(tps, command, arguments) : status;
}

static enum tps_exit unknown(size_t argc, const char *const *argv, size_t used)
{
	(void)fputs("tps: no such command:", stderr);
	for (size_t i = 0; i < argc; i++)
		(void)fprintf(stderr, " %s", argv[i]);
	(void)fprintf(stderr, "\n  '%s%s' lists what there is.\n", "tps help",
	              used > 0 ? " FIRST-WORD" : "");
	return TPS_USAGE;
}

enum tps_exit tps_run(struct tps *tps, size_t argc, const char *const *argv)
{
	const struct cli_command *command;
	enum tps_exit status;
	json_t *arguments;
	char why[512] = "out of memory";
	size_t used;

	if (argc > 0 && strcmp(argv[0], "help") == 0) {
		tps_help(argc - 1, argv + 1);
		return TPS_OK;
	}
	command = cli_command_find(&cli_tps, argc, argv, &used);
	if (!command)
		return unknown(argc, argv, used);
	if (cli_arguments_parse(command, argc - used, argv + used, &arguments, why, sizeof(why)) !=
	    0) {
		(void)fprintf(stderr, "tps: %s\n", why);
		return TPS_USAGE;
	}
	status = run_command(tps, command, arguments);
	json_decref(arguments);
	return status;
}
