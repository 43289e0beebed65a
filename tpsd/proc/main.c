/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tpsd: the device. Options, and the map of its processes: who runs as whom, with which
 * capabilities, where. docs/internals/processes.md has the same table in words.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tpsd/proc/parent.h"
#include "tpsd/proc/title.h"
#include "tpsd/report/check.h"

#define CAP(name) (1ULL << CAP_##name)

const struct proc_kind processes[] = {
        {.name = "control", .role = IPC_CONTROL, .ops = &control_ops, .user = "sluice"},
        {.name = "keys",
         .role = IPC_KEYS,
         .ops = &keys_ops,
         .user = "sluice-keys",
         .capabilities = CAP(IPC_LOCK),
         .no_network = true,
         .seccomp = true},
        {.name = "link", .role = IPC_LINK, .ops = &link_ops, .user = "sluice-link"},
        {.name = "wire",
         .role = IPC_WIRE,
         .ops = &wire_ops,
         .user = "sluice-wire",
         .capabilities = CAP(NET_ADMIN) | CAP(NET_RAW) | CAP(BPF) | CAP(PERFMON) | CAP(SYS_ADMIN),
         .own_network = true},
        {.name = "worker",
         .role = IPC_WORKER,
         .ops = &worker_ops,
         .user = "sluice-worker",
         .own_network = true,
         .seccomp = true},
};
const size_t processes_count = SL_ARRAY_LEN(processes);

enum { INSTANCE_MAX = 32 };

static const char usage[] =
        "usage: tpsd [--config FILE] [--instance NAME] [--workers N] [--debug]\n"
        "       tpsd --check FILE\n"
        "       tpsd --version | --help\n"
        "\n"
        "Sluice's device: forwards everything between the two ports of a segment, takes out of "
        "the\n"
        "stream what policy wants inspected, decrypts, inspects and encrypts it again.\n"
        "\n"
        "  -c, --config FILE    configuration (default /etc/sluice/tpsd.yaml)\n"
        "  -i, --instance NAME  several on one host: letters, digits, - and _ (default main)\n"
        "  -w, --workers N      inspection processes, 1 to 64 (default: the configuration's, else\n"
        "                       one a core)\n"
        "  -k, --check FILE     check a configuration, list everything wrong with it, change "
        "nothing\n"
        "  -d, --debug          log debug messages to standard error\n"
        "  -V, --version        print the version\n"
        "  -h, --help           print this\n"
        "\n"
        "Signals: TERM, INT end it (the wire goes on, uninspected); HUP reads the configuration "
        "again.\n"
        "Exit status: 0 ok, 1 failed, 2 usage, 3 configuration refused, 4 privilege or kernel "
        "feature\n"
        "missing, 5 already running.\n";

static const struct option long_options[] = {
        {"config", required_argument, NULL, 'c'},  {"instance", required_argument, NULL, 'i'},
        {"workers", required_argument, NULL, 'w'}, {"check", required_argument, NULL, 'k'},
        {"debug", no_argument, NULL, 'd'},         {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

static bool instance_valid(const char *name)
{
	size_t len =
	        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	return len > 0 && len <= INSTANCE_MAX && name[len] == '\0' && name[0] != '-';
}

static int usage_error(const char *text, const char *value)
{
	(void)fprintf(stderr, "tpsd: %s%s\nTry 'tpsd --help'.\n", text, value);
	return TPSD_USAGE;
}

static bool parse_workers(const char *text, unsigned *ret_n)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end || n < 1 || n > PROC_WORKERS_MAX)
		return false;
	*ret_n = (unsigned)n;
	return true;
}

static int check(const char *path)
{
	return check_file(path, stdout) == 0 ? TPSD_OK : TPSD_CONFIG;
}

/* Titles are written over argv, so what is kept of it is copied. */
static int run(const char *config_path, const char *instance, unsigned workers,
               enum log_level level)
{
	struct parent_options options = {.workers = workers, .log_level = level};
	char *path = realpath(config_path, NULL);
	char *name = strdup(instance);
	int status = TPSD_FAILED;

	if (!path) {
		(void)fprintf(stderr,
		              "tpsd: %s: %s\n  Name the configuration with --config FILE; "
		              "an example is in /usr/share/doc/sluice.\n",
		              config_path, strerror(errno));
		status = TPSD_CONFIG;
	} else if (name) {
		options.config_path = path;
		options.instance = name;
		status = parent_run(&options);
	}
	free(path);
	free(name);
	return status;
}

int main(int argc, char **argv)
{
	const char *config_path = "/etc/sluice/tpsd.yaml";
	enum log_level level = LOG_LEVEL_INFO;
	const char *instance = "main";
	unsigned workers = 0;
	int c;

	title_init(argc, argv);
	while ((c = getopt_long(argc, argv, "c:i:w:k:dVh", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			config_path = optarg;
			break;
		case 'i':
			if (!instance_valid(optarg))
				return usage_error("not an instance name: ", optarg);
			instance = optarg;
			break;
		case 'w':
			if (!parse_workers(optarg, &workers))
				return usage_error("workers are 1 to 64, not ", optarg);
			break;
		case 'k':
			return check(optarg);
		case 'd':
			level = LOG_LEVEL_DEBUG;
			break;
		case 'V':
			(void)printf("tpsd %s\n", SLUICE_VERSION);
			return TPSD_OK;
		case 'h':
			(void)fputs(usage, stdout);
			return TPSD_OK;
		default:
			return usage_error("see the usage", "");
		}
	}
	if (optind < argc)
		return usage_error("unexpected argument: ", argv[optind]);
	return run(config_path, instance, workers, level);
}
