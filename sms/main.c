/* SPDX-License-Identifier: Apache-2.0 */
/* sms: options, then one command. All commands are in sms/command.def. */
#include <curl/curl.h>
#include <getopt.h>
#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/cli/words.h"
#include "sms/sms.h"

static const char usage[] =
        "usage: sms [--server URL] [--ca FILE | --pin SHA256] [--json] COMMAND...\n"
        "       sms help [WORDS] | --help | --version\n"
        "\n"
        "  -s, --server URL   https://NAME:PORT, instead of the one logged in to\n"
        "  -a, --ca FILE      what verifies its certificate\n"
        "  -p, --pin SHA256   or the SHA-256 of the certificate itself\n"
        "  -j, --json         print the record instead of text\n"
        "\n"
        "Begin with: sms login --server URL. With a token in SLUICE_TOKEN no login is needed.\n"
        "Exit status: 0 done, 1 refused, 2 usage, 3 no server, 4 not permitted.\n";

static const struct option long_options[] = {
        {"server", required_argument, NULL, 's'},
        {"ca", required_argument, NULL, 'a'},
        {"pin", required_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {"complete", no_argument, NULL, 'c'},
        {"doc", required_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
};

/* Passwords, keys and tokens are in JSON on their way: nothing of it stays in memory. */
static void free_wiped(void *data)
{
	if (data)
		OPENSSL_cleanse(data, malloc_usable_size(data));
	free(data);
}

static int run(struct sms *sms, size_t argc, const char *const *argv)
{
	char why[LINK_TEXT_MAX];
	int status;

	json_set_alloc_funcs(malloc, free_wiped);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return sms_fail(SMS_REFUSED, "libcurl cannot begin");
	if (state_load(&sms->state, why) != 0)
		status = sms_fail(SMS_USAGE, "%s", why);
	else
		status = sms_run(sms, argc, argv);
	link_close(sms->link);
	state_wipe(&sms->state);
	curl_global_cleanup();
	return fflush(stdout) == 0 ? status : SMS_REFUSED;
}

int main(int argc, char **argv)
{
	struct sms sms = {0};
	const char *const *words;
	bool completing = false;
	size_t count;
	int c;

	/* "+": options of the commands themselves are theirs. */
	while ((c = getopt_long(argc, argv, "+s:a:p:jhV", long_options, NULL)) != -1) {
		switch (c) {
		case 's':
			sms.server = optarg;
			break;
		case 'a':
			sms.ca = optarg;
			break;
		case 'p':
			sms.pin = optarg;
			break;
		case 'j':
			sms.json = true;
			break;
		case 'c':
			completing = true;
			break;
		case 'd':
			return sms_print_doc(optarg);
		case 'h':
			(void)fputs(usage, stdout);
			return SMS_OK;
		case 'V':
			(void)printf("sms %s\n", SLUICE_VERSION);
			return SMS_OK;
		default:
			(void)fputs("Try 'sms --help'.\n", stderr);
			return SMS_USAGE;
		}
	}
	words = (const char *const *)argv + optind;
	count = cli_words(argc - optind, argv + optind, completing, &sms.json);
	if (completing) {
		cli_print_completions(&sms_commands, count, words);
		return SMS_OK;
	}
	return run(&sms, count, words);
}
