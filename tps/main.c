/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tps: the device's command line. With words it runs one command, without them it is a shell. All
 * commands are in lib/cli/command.def.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/cli/words.h"
#include "tps/run.h"

static const char usage[] =
        "usage: tps [--instance NAME] [--socket PATH] [--json] COMMAND...\n"
        "       tps [--instance NAME]                 a shell with completion and help\n"
        "       tps help [WORDS] | --help | --version\n"
        "\n"
        "  -i, --instance NAME  of the daemon (default main)\n"
        "  -s, --socket PATH    of the daemon's command socket, instead of the instance's\n"
        "  -j, --json           print the record instead of text\n"
        "\n"
        "Exit status: 0 done, 1 refused, 2 usage, 3 no daemon, 4 not permitted.\n";

static const struct option long_options[] = {
        {"instance", required_argument, NULL, 'i'}, {"socket", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},           {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},        {"complete", no_argument, NULL, 'c'},
        {"doc", required_argument, NULL, 'd'},      {NULL, 0, NULL, 0},
};

static int run(struct tps *tps, size_t argc, const char *const *argv)
{
	char path[108];
	int status;

	if (!tps->socket) {
		(void)snprintf(path, sizeof(path), "/run/sluice/%s/tps.sock", tps->instance);
		tps->socket = path;
	}
	tps->colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	status = argc == 0 ? tps_shell(tps) : tps_run(tps, argc, argv);
	client_close(tps->client);
	return fflush(stdout) == 0 ? status : TPS_REFUSED;
}

int main(int argc, char **argv)
{
	struct tps tps = {.instance = "main"};
	const char *const *words;
	bool completing = false;
	size_t count;
	int c;

	/* "+": options of the commands themselves are theirs. */
	while ((c = getopt_long(argc, argv, "+i:s:jhV", long_options, NULL)) != -1) {
		switch (c) {
		case 'i':
			tps.instance = optarg;
			break;
		case 's':
			tps.socket = optarg;
			break;
		case 'j':
			tps.json = true;
			break;
		case 'c':
			completing = true;
			break;
		case 'd':
			return tps_print_doc(optarg);
		case 'h':
			(void)fputs(usage, stdout);
			return TPS_OK;
		case 'V':
			(void)printf("tps %s\n", SLUICE_VERSION);
			return TPS_OK;
		default:
			(void)fputs("Try 'tps --help'.\n", stderr);
			return TPS_USAGE;
		}
	}
	words = (const char *const *)argv + optind;
	count = cli_words(argc - optind, argv + optind, completing, &tps.json);
	if (completing) {
		cli_print_completions(&cli_tps, count, words);
		return TPS_OK;
	}
	return run(&tps, count, words);
}
