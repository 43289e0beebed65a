/* SPDX-License-Identifier: Apache-2.0 */
/* tmc: options, then one command. All commands are in tmc/command.def. */
#include <getopt.h>
#include <stdio.h>

#include "lib/cli/words.h"
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

static int run(struct tmc *tmc, size_t argc, const char *const *argv)
{
	int status = tmc_run(tmc, argc, argv);

	return fflush(stdout) == 0 ? status : TMC_REFUSED;
}

int main(int argc, char **argv)
{
	struct tmc tmc = {.json = false};
	const char *const *words;
	bool completing = false;
	size_t count;
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
	words = (const char *const *)argv + optind;
	count = cli_words(argc - optind, argv + optind, completing, &tmc.json);
	if (completing) {
		cli_print_completions(&tmc_commands, count, words);
		return TMC_OK;
	}
	return run(&tmc, count, words);
}
