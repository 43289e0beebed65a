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
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

enum {
	EVENTS_A_TURN = 64,
	TURN_MS = 20,
	HOLD_AT_ONCE = 32,     /* connections in their handshake */
	HOLD_SECONDS_MAX = 60, /* for all to be idle, or to be alive again */
	VISIT_SECONDS_MAX = 240,
	FAULTS_STOP = 2000,
	READ_BUFFER = 64 * 1024,
};

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

static int keep_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct conn *conn = SSL_get_app_data(ssl);

	if (conn->load->opt.mode != LOAD_RESUMED)
		return 0;
	SSL_SESSION_free(conn->session);
	conn->session = session;
	return 1;
}

static int make_ctx(struct load *load)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	load->ctx = ctx;
	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(ctx, load->opt.suite) ||
	    !SSL_CTX_set1_groups_list(ctx, "P-256"))
		return -EINVAL;
	if (load->opt.trust) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		if (!SSL_CTX_load_verify_file(ctx, load->opt.trust))
			return -EINVAL;
	}
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER);
	/* Idle sessions are thousands; the client's own buffers are not what is measured. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_ticket);
	return 0;
}

static void turn(struct load *load)
{
	struct epoll_event events[EVENTS_A_TURN];
	int count = epoll_wait(load->epoll_fd, events, EVENTS_A_TURN, TURN_MS);

	for (int i = 0; i < count; i++)
		conn_step(events[i].data.ptr);
}

static unsigned count_state(const struct load *load, enum conn_state state, unsigned responses)
{
	unsigned count = 0;

	for (unsigned i = 0; i < load->opt.connections; i++)
		count += load->conns[i].state == state && load->conns[i].responses >= responses;
	return count;
}

static void begin_closed(struct load *load)
{
	for (unsigned i = 0; i < load->opt.connections && !load_sites_over(load); i++) {
		if (load->conns[i].state == CONN_CLOSED)
			conn_begin(&load->conns[i]);
	}
}

/* One connection at a time is opened anew for each that ended, until the time is over. */
static void run_until(struct load *load, uint64_t end_ns)
{
	while (load_now_ns() < end_ns && load->stat.faults < FAULTS_STOP &&
	       !load_sites_over(load)) {
		begin_closed(load);
		turn(load);
	}
}

/* Sites up to `count`, each once, and all of them answered. */
static void visit_up_to(struct load *load, unsigned count)
{
	uint64_t end_ns = load_now_ns() + VISIT_SECONDS_MAX * 1000000000ull;

	load->last_sites = count;
	while (!load->stat.faults && (load->next_site < count ||
	                              count_state(load, CONN_CLOSED, 0) < load->opt.connections)) {
		if (load->next_site < count)
			begin_closed(load);
		turn(load);
		if (load_now_ns() > end_ns)
			stat_fault(&load->stat, "not all sites answered in time");
	}
}

static void say(const char *event)
{
	printf("{\"event\":\"%s\"}\n", event);
	fflush(stdout);
}

static void run_timed(struct load *load)
{
	struct load_stat *stat = &load->stat;

	if (load->opt.mode == LOAD_KNOWN)
		visit_up_to(load, load->opt.sites);
	run_until(load, load_now_ns() + load->opt.warmup_ms * 1000000ull);
	say("begin");
	stat->measuring = true;
	stat->begin_ns = load_now_ns();
	run_until(load, stat->begin_ns + load->opt.seconds * 1000000000ull);
	stat->end_ns = load_now_ns();
	stat->measuring = false;
	load->stopping = true;
}

/* Until all have `responses` behind them, or too long. Few at once: an idle one is no load. */
static bool run_to_idle(struct load *load, unsigned responses)
{
	uint64_t end_ns = load_now_ns() + HOLD_SECONDS_MAX * 1000000000ull;
	unsigned idle, started = 0;

	do {
		idle = count_state(load, CONN_IDLE, responses);
		while (started < load->opt.connections && started < idle + HOLD_AT_ONCE)
			conn_begin(&load->conns[started++]);
		turn(load);
		if (load->stat.faults || load_now_ns() > end_ns)
			return false;
	} while (idle < load->opt.connections);
	return true;
}

static void run_hold(struct load *load)
{
	struct load_stat *stat = &load->stat;
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	stat->measuring = true;
	stat->begin_ns = load_now_ns();
	if (!run_to_idle(load, 1))
		stat_fault(stat, "not all connections came to rest");
	stat->end_ns = load_now_ns();
	say("held");
	while (poll(&input, 1, 0) == 0 && !stat->faults)
		turn(load);
	stat->measuring = false;
	if (!stat->faults && !run_to_idle(load, 2))
		stat_fault(stat, "not all connections were still alive");
}

static void wait_line(struct load *load)
{
	char line[16];

	if (!fgets(line, sizeof(line), stdin))
		stat_fault(&load->stat, "nobody said to go on");
}

static void run_visit(struct load *load)
{
	struct load_stat *stat = &load->stat;

	visit_up_to(load, load->opt.first_sites);
	say("begin");
	wait_line(load);
	stat->measuring = true;
	stat->begin_ns = load_now_ns();
	visit_up_to(load, load->opt.sites);
	stat->end_ns = load_now_ns();
	stat->measuring = false;
	say("held");
	wait_line(load);
}

static int start(struct load *load)
{
	struct rlimit files;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	load->conns = calloc(load->opt.connections, sizeof(*load->conns));
	if (load->epoll_fd < 0 || !load->conns || stat_init(&load->stat) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < load->opt.connections; i++) {
		load->conns[i].load = load;
		load->conns[i].fd = -1;
	}
	load->last_sites = load->opt.sites;
	return load->opt.plain ? 0 : make_ctx(load);
}

static void finish(struct load *load)
{
	for (unsigned i = 0; load->conns && i < load->opt.connections; i++)
		conn_free(&load->conns[i]);
	free(load->conns);
	stat_fini(&load->stat);
	SSL_CTX_free(load->ctx);
	X509_free(load->opt.certificate);
	if (load->epoll_fd >= 0)
		close(load->epoll_fd);
}

int main(int argc, char **argv)
{
	struct load load = {.opt = {.sni = "bench.test",
	                            .suite = "TLS_AES_128_GCM_SHA256",
	                            .connections = 1,
	                            .seconds = 3,
	                            .warmup_ms = 500},
	                    .epoll_fd = -1};

	if (read_options(&load.opt, argc, argv) < 0)
		return usage("an option is missing or not understood");
	if (start(&load) < 0) {
		ERR_print_errors_fp(stderr);
		fprintf(stderr, "load: cannot start\n");
		finish(&load);
		return 1;
	}
	if (load.opt.mode == LOAD_HOLD)
		run_hold(&load);
	else if (load.opt.mode == LOAD_VISIT)
		run_visit(&load);
	else
		run_timed(&load);
	stat_print(&load.stat, stdout);
	finish(&load);
	return 0;
}
