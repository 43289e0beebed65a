/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a thread of the load program spends its time: what it needs to begin, its turns, and the
 * order of things in each mode.
 */
#include "bench/load.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	EVENTS_A_TURN = 64,
	TURN_MS = 20,
	HOLD_AT_ONCE = 32,     /* connections in their handshake */
	HOLD_SECONDS_MAX = 60, /* for all to be idle, or to be alive again */
	VISIT_SECONDS_MAX = 240,
	FAULTS_STOP = 2000,
	READ_BUFFER = 64 * 1024,
};

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

int load_start(struct load *load, const struct load_options *opt, unsigned member, unsigned members)
{
	load->opt = *opt;
	load->opt.connections = opt->connections / members + (member < opt->connections % members);
	load->next_site = member;
	load->stride = members;
	load->last_sites = opt->sites;
	load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	load->conns = calloc(load->opt.connections, sizeof(*load->conns));
	if (load->epoll_fd < 0 || !load->conns || stat_init(&load->stat) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < load->opt.connections; i++) {
		load->conns[i].load = load;
		load->conns[i].fd = -1;
	}
	return opt->plain ? 0 : make_ctx(load);
}

void load_finish(struct load *load)
{
	for (unsigned i = 0; load->conns && i < load->opt.connections; i++)
		conn_free(&load->conns[i]);
	free(load->conns);
	stat_fini(&load->stat);
	SSL_CTX_free(load->ctx);
	if (load->epoll_fd >= 0)
		close(load->epoll_fd);
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

void load_run_before(struct load *load)
{
	if (load->opt.mode == LOAD_KNOWN)
		visit_up_to(load, load->opt.sites);
}

void load_run_warm_up(struct load *load)
{
	run_until(load, load_now_ns() + load->opt.warmup_ms * 1000000ull);
}

void load_run_measured(struct load *load)
{
	struct load_stat *stat = &load->stat;

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

void load_run_hold(struct load *load)
{
	struct load_stat *stat = &load->stat;
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

	stat->measuring = true;
	stat->begin_ns = load_now_ns();
	if (!run_to_idle(load, 1))
		stat_fault(stat, "not all connections came to rest");
	stat->end_ns = load_now_ns();
	load_say("held");
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

void load_run_visit(struct load *load)
{
	struct load_stat *stat = &load->stat;

	visit_up_to(load, load->opt.first_sites);
	load_say("begin");
	wait_line(load);
	stat->measuring = true;
	stat->begin_ns = load_now_ns();
	visit_up_to(load, load->opt.sites);
	stat->end_ns = load_now_ns();
	stat->measuring = false;
	load_say("held");
	wait_line(load);
}
