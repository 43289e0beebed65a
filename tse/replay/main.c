/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tse-replay: runs the inspection engine over a capture, over a connection described as text, or
 * over no traffic at all to check rules. Matches are printed as EVE events, one a line.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tse/keyword/keyword.h"
#include "tse/replay/described.h"
#include "tse/replay/report.h"
#include "tse/replay/rules.h"
#include "tse/replay/streams.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_REFUSED = 3 };

struct options {
	struct rules rules;
	const char *stream, *capture;
	bool check, keywords, summary;
	size_t split;
	enum tse_service service;
};

static const char usage[] =
        "usage: tse-replay [--set NAME=VALUE] [--rules FILE]... CAPTURE.pcap\n"
        "       tse-replay [--set NAME=VALUE] [--rules FILE]... --stream DESCRIPTION\n"
        "       tse-replay [--set NAME=VALUE] --check FILE...\n"
        "       tse-replay --keywords\n"
        "\n"
        "  --rules FILE    rules in the Suricata language\n"
        "  --set NAME=V    a variable of the rules, as HOME_NET=10.0.0.0/8\n"
        "  --service S     http (default), imap, pop3 or other\n"
        "  --split N       feed at most N bytes at a time\n"
        "  --summary       a last line with the verdict and what was released\n"
        "  --check         load rules, tell what is refused or slow, and the totals\n"
        "  --keywords      list the keywords and the test of each\n";

static int list_keywords(void)
{
	for (const struct keyword_family *const *f = keyword_families; *f; f++) {
		for (size_t i = 0; i < (*f)->count; i++) {
			const struct keyword *k = &(*f)->keywords[i];

			if (k->name[0] != '\0')
				(void)printf("%s\t%s\t%s\t%s\n", k->name, (*f)->name, k->tests,
				             k->help);
		}
	}
	return EXIT_OK;
}

static int compile(struct options *o, struct tse_ruleset **ret_set)
{
	const char *file = "";
	int rc = rules_compile(&o->rules, &file, ret_set);

	if (rc == SL_ESYS)
		(void)fprintf(stderr, "tse-replay: %s: %s\n", file, strerror(errno));
	else if (rc != 0)
		(void)fprintf(stderr, "tse-replay: the rules do not compile: %s\n", err_text(rc));
	return rc;
}

static int check(struct options *o)
{
	struct tse_ruleset *set;
	struct tse_ruleset_info info;
	struct rusage usage_now;
	uint64_t start = clock_now_ns();

	o->rules.diag = stdout;
	o->rules.warnings = true;
	if (compile(o, &set) != 0)
		return EXIT_FAILED;
	tse_ruleset_info(set, &info);
	(void)getrusage(RUSAGE_SELF, &usage_now);
	(void)printf("%zu rules loaded, %zu refused, %zu disabled, %zu warnings, %zu patterns, "
	             "%.1f s, %ld MiB\n",
	             info.rules, info.refused, info.disabled, o->rules.warned, info.patterns,
	             (double)(clock_now_ns() - start) / CLOCK_NS_PER_S, usage_now.ru_maxrss / 1024);
	tse_ruleset_destroy(set);
	return info.refused > 0 ? EXIT_REFUSED : EXIT_OK;
}

static int run_stream(const struct options *o, struct tse_engine *engine, const char *text,
                      size_t len)
{
	static const char *const verdicts[] = {"go_on", "trust", "block"};
	struct described d = {
	        .engine = engine, .split = o->split, .sink = report_matches, .sink_arg = stdout};
	int rc = described_run(&d, text, len);

	if (rc != 0) {
		(void)fprintf(stderr, "tse-replay: %s:%u: %s\n", o->stream, d.line, err_text(rc));
		return EXIT_FAILED;
	}
	if (o->summary)
		(void)printf("{\"event_type\":\"summary\",\"verdict\":\"%s\",\"to_server\":%llu,"
		             "\"to_client\":%llu}\n",
		             verdicts[d.verdict], (unsigned long long)d.released[0],
		             (unsigned long long)d.released[1]);
	return EXIT_OK;
}

static int run_capture(const struct options *o, struct tse_engine *engine, const char *data,
                       size_t len)
{
	struct streams_setup setup = {.engine = engine,
	                              .service = o->service,
	                              .split = o->split,
	                              .sink = report_matches,
	                              .sink_arg = stdout};
	struct capture c;
	struct segment segment;
	struct streams *s;
	uint64_t connections;
	uint64_t bytes;
	int rc = capture_open(&c, data, len);

	if (rc != 0) {
		(void)fprintf(stderr, "tse-replay: %s: %s\n", o->capture,
		              rc == SL_EUNSUPPORTED
		                      ? "pcapng or an unknown link type; convert it with tcpdump -r"
		                      : "not a pcap file");
		return EXIT_FAILED;
	}
	s = streams_create(&setup);
	if (!s)
		return EXIT_FAILED;
	rc = 0;
	while (rc == 0 && capture_next(&c, &segment) == 0)
		rc = streams_take(s, &segment);
	streams_destroy(s, &connections, &bytes);
	if (rc != 0)
		(void)fprintf(stderr, "tse-replay: %s\n", err_text(rc));
	if (o->summary)
		(void)printf("{\"event_type\":\"summary\",\"packets\":%llu,\"skipped\":%llu,"
		             "\"connections\":%llu,\"bytes\":%llu}\n",
		             (unsigned long long)c.packets, (unsigned long long)c.skipped,
		             (unsigned long long)connections, (unsigned long long)bytes);
	return rc == 0 ? EXIT_OK : EXIT_FAILED;
}

static int run(struct options *o)
{
	struct tse_ruleset *set = NULL;
	struct tse_engine *engine = NULL;
	const char *name = o->stream ? o->stream : o->capture;
	size_t len = 0;
	char *data = NULL;
	int status = EXIT_FAILED;

	o->rules.diag = stderr;
	if (compile(o, &set) != 0)
		return EXIT_FAILED;
	if (tse_engine_create(set, NULL, &engine) != 0)
		goto out;
	data = rules_read_file(name, &len);
	if (!data)
		(void)fprintf(stderr, "tse-replay: %s: %s\n", name, strerror(errno));
	else
		status = o->stream ? run_stream(o, engine, data, len)
		                   : run_capture(o, engine, data, len);
out:
	free(data);
	tse_engine_destroy(engine);
	tse_ruleset_destroy(set);
	return status;
}

static bool set_service(struct options *o, const char *name)
{
	static const char *const names[] = {"http", "imap", "pop3", "other"};

	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
		if (strcmp(names[i], name) == 0) {
			o->service = (enum tse_service)i;
			return true;
		}
	}
	return false;
}

static bool add_rules(struct options *o, const char *file)
{
	if (o->rules.nfiles == RULES_FILES_MAX)
		return false;
	o->rules.files[o->rules.nfiles++] = file;
	return true;
}

static bool take_option(struct options *o, int c, char *arg)
{
	char *end;

	switch (c) {
	case 'r':
		return add_rules(o, arg);
	case 'v':
		return rules_set_variable(&o->rules, arg) == 0;
	case 's':
		return set_service(o, arg);
	case 'd':
		o->stream = arg;
		return true;
	case 'n':
		o->split = strtoul(arg, &end, 10);
		return *arg != '\0' && *end == '\0';
	case 'c':
		return o->check = true;
	case 'k':
		return o->keywords = true;
	case 'm':
		return o->summary = true;
	default:
		return false;
	}
}

static bool take_arguments(struct options *o, int argc, char **argv)
{
	static const struct option names[] = {
	        {"rules", required_argument, NULL, 'r'},
	        {"set", required_argument, NULL, 'v'},
	        {"service", required_argument, NULL, 's'},
	        {"stream", required_argument, NULL, 'd'},
	        {"split", required_argument, NULL, 'n'},
	        {"check", no_argument, NULL, 'c'},
	        {"keywords", no_argument, NULL, 'k'},
	        {"summary", no_argument, NULL, 'm'},
	        {0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "r:", names, NULL)) != -1) {
		if (!take_option(o, c, optarg))
			return false;
	}
	for (; optind < argc; optind++) {
		if (o->check ? !add_rules(o, argv[optind]) : o->capture != NULL)
			return false;
		if (!o->check)
			o->capture = argv[optind];
	}
	return o->keywords || (o->check && o->rules.nfiles > 0) ||
	       (!o->check && !o->stream != !o->capture);
}

int main(int argc, char **argv)
{
	struct options o = {0};

	rules_set_defaults(&o.rules);
	if (!take_arguments(&o, argc, argv)) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (o.keywords)
		return list_keywords();
	return o.check ? check(&o) : run(&o);
}
