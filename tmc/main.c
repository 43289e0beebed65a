/* SPDX-License-Identifier: Apache-2.0 */
/* tmc: options, then one command. All commands are in tmc/command.def. */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tmc/tmc.h"

static const char usage[] =
        "usage: tmc [--json] COMMAND...\n"
        "       tmc help [WORDS] | --help | --version\n"
        "\n"
        "  -j, --json  print the record instead of text\n"
        "\n"
        "Begin with: tmc key new FILE. Keep the key; its public half goes to the SMS.\n"
        "Exit status: 0 done, 1 refused, 2 usage.\n";

static const struct option long_options[] = {
        {"json", no_argument, NULL, 'j'},      {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},   {"complete", no_argument, NULL, 'c'},
        {"doc", required_argument, NULL, 'd'}, {NULL, 0, NULL, 0},
};

static int run(struct tmc *tmc, bool completing, int argc, char **argv)
{
	int status;

	/* --json may also stand at the end, where one thinks of it. */
	if (!completing && argc > 0 && strcmp(argv[argc - 1], "--json") == 0) {
		tmc->json = true;
		argc--;
	}
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "-o") == 0)
			argv[i] = (char *)(uintptr_t) "--output";
	if (completing) {
		cli_print_completions(&tmc_commands, (size_t)argc, (const char *const *)argv);
		return TMC_OK;
	}
	status = tmc_run(tmc, (size_t)argc, (const char *const *)argv);
	return fflush(stdout) == 0 ? status : TMC_REFUSED;
}

int main(int argc, char **argv)
{
	struct tmc tmc = {.json = false};
	bool completing = false;
	int c;

	/* "+": options of the commands themselves are theirs. */
	while ((c = getopt_long(argc, argv, "+jhV", long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			tmc.json = true;
			break;
		case 'c':
			completing = true;
			break;
		case 'd':
			return tmc_print_doc(optarg);
		case 'h':
			(void)fputs(usage, stdout);
			return TMC_OK;
		case 'V':
			(void)printf("tmc %s\n", SLUICE_VERSION);
			return TMC_OK;
		default:
			(void)fputs("Try 'tmc --help'.\n", stderr);
			return TMC_USAGE;
		}
	}
	return run(&tmc, completing, argc - optind, argv + optind);
}
