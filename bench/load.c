/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: the client of `make bench`, see load.h. Writes {"event":"begin"} when the measured time
 * begins (for --mode hold: {"event":"held"} when all are idle, and then waits for a line on its
 * standard input; for --mode visit: both, and waits for a line after each) and {"event":"end",...}
 * when it is over, so that bench/run can read the machine's counters at the same moments. Ends by
 * itself. Exit status: 0 measured, 1 not, 2 usage.
 */
#include "bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <openssl/err.h>
#include <openssl/pem.h>

static const struct {
	const char *word;
	enum load_mode mode;
} modes[] = {{"full", LOAD_FULL},  {"resumed", LOAD_RESUMED}, {"requests", LOAD_REQUESTS},
             {"hold", LOAD_HOLD},  {"new", LOAD_NEW},         {"known", LOAD_KNOWN},
             {"visit", LOAD_VISIT}};

static int usage(const char *why)
{
	fprintf(stderr,
	        "load: %s\nusage: load --mode MODE --to ADDRESS:PORT --path PATH\n"
	        "  [--sni NAME] [--certificate LEAF.pem] [--trust CA.pem] [--suite NAME] "
	        "[--plain]\n"
	        "  [--connections N] [--seconds N] [--warmup-ms N] [--tunnel ADDRESS:PORT]\n"
	        "  [--sites N] [--first-sites N]\n"
	        "MODE: full, resumed, requests, hold; with --sites: new, known, visit\n",
	        why);
	return 2;
}

static int read_leaf(const char *path, X509 **ret_leaf)
{
	FILE *in = fopen(path, "r");

	if (!in)
		return -errno;
	*ret_leaf = PEM_read_X509(in, NULL, NULL, NULL);
	fclose(in);
	return *ret_leaf ? 0 : -EINVAL;
}

static int read_address(char *text, struct sockaddr_in *ret_server)
{
	char *colon = strrchr(text, ':');

	if (!colon)
		return -EINVAL;
	*colon = '\0';
	ret_server->sin_family = AF_INET;
	ret_server->sin_port = htons((uint16_t)atoi(colon + 1));
	return inet_pton(AF_INET, text, &ret_server->sin_addr) == 1 ? 0 : -EINVAL;
}

static int read_mode(const char *word, enum load_mode *ret_mode)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(modes[i].word, word) == 0) {
			*ret_mode = modes[i].mode;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_option(struct load_options *opt, int letter)
{
	switch (letter) {
	case 'm':
		return read_mode(optarg, &opt->mode);
	case 't':
		return read_address(optarg, &opt->server);
	case 'c':
		return read_leaf(optarg, &opt->certificate);
	case 'p':
		opt->path = optarg;
		return 0;
	case 's':
		opt->sni = optarg;
		return 0;
	case 'S':
		opt->suite = optarg;
		return 0;
	case 'P':
		opt->plain = true;
		return 0;
	case 'a':
		opt->trust = optarg;
		return 0;
	case 'T':
		opt->tunnel = optarg;
		return 0;
	case 'N':
		opt->sites = (unsigned)atoi(optarg);
		return opt->sites >= 1 ? 0 : -EINVAL;
	case 'f':
		opt->first_sites = (unsigned)atoi(optarg);
		return 0;
	case 'n':
		opt->connections = (unsigned)atoi(optarg);
		return opt->connections >= 1 && opt->connections <= LOAD_CONNECTIONS_MAX ? 0
		                                                                         : -EINVAL;
	case 'd':
		opt->seconds = (unsigned)atoi(optarg);
		return opt->seconds >= 1 && opt->seconds <= 600 ? 0 : -EINVAL;
	case 'w':
		opt->warmup_ms = (unsigned)atoi(optarg);
		return opt->warmup_ms <= 60000 ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

static int read_options(struct load_options *opt, int argc, char **argv)
{
	static const struct option options[] = {{"mode", required_argument, NULL, 'm'},
	                                        {"to", required_argument, NULL, 't'},
	                                        {"path", required_argument, NULL, 'p'},
	                                        {"sni", required_argument, NULL, 's'},
	                                        {"certificate", required_argument, NULL, 'c'},
	                                        {"suite", required_argument, NULL, 'S'},
	                                        {"plain", no_argument, NULL, 'P'},
	                                        {"trust", required_argument, NULL, 'a'},
	                                        {"tunnel", required_argument, NULL, 'T'},
	                                        {"sites", required_argument, NULL, 'N'},
	                                        {"first-sites", required_argument, NULL, 'f'},
	                                        {"connections", required_argument, NULL, 'n'},
	                                        {"seconds", required_argument, NULL, 'd'},
	                                        {"warmup-ms", required_argument, NULL, 'w'},
	                                        {NULL, 0, NULL, 0}};
	int letter;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (read_option(opt, letter) < 0)
			return -EINVAL;
	}
	if ((opt->mode >= LOAD_NEW) != (opt->sites > 0) || opt->first_sites > opt->sites)
		return -EINVAL;
	return opt->server.sin_port && opt->path && optind == argc ? 0 : -EINVAL;
}

void load_say(const char *event)
{
	printf("{\"event\":\"%s\"}\n", event);
	fflush(stdout);
}

static int run_alone(const struct load_options *opt)
{
	struct load load = {.epoll_fd = -1};
	int rc = load_start(&load, opt, 0, 1);

	if (rc == 0 && opt->mode == LOAD_HOLD)
		load_run_hold(&load);
	else if (rc == 0)
		load_run_visit(&load);
	if (rc == 0)
		stat_print(&load.stat, stdout);
	load_finish(&load);
	return rc;
}

static void take_all_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

int main(int argc, char **argv)
{
	struct load_options opt = {.sni = "bench.test",
	                           .suite = "TLS_AES_128_GCM_SHA256",
	                           .connections = 1,
	                           .seconds = 3,
	                           .warmup_ms = 500};
	bool alone;
	int rc;

	if (read_options(&opt, argc, argv) < 0)
		return usage("an option is missing or not understood");
	signal(SIGPIPE, SIG_IGN);
	take_all_descriptors();
	alone = opt.mode == LOAD_HOLD || opt.mode == LOAD_VISIT;
	rc = alone ? run_alone(&opt) : load_threads_run(&opt);
	X509_free(opt.certificate);
	if (rc < 0) {
		ERR_print_errors_fp(stderr);
		fprintf(stderr, "load: cannot start\n");
		return 1;
	}
	return 0;
}
