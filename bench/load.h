/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: the client of `make bench`. A thread a core, each with an epoll loop, drives many
 * connections that all do the same: full handshakes, resumed ones, requests on connections that
 * stay open, connections that are held idle after one request, or handshakes with many different
 * sites. It checks what it was served (protocol, suite, group, certificate, resumption, status,
 * length) on every connection, since a run in which a peer did something else measures something
 * else.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <openssl/ssl.h>

enum load_mode {
	LOAD_FULL,     /* connect, full handshake, one request, the server closes; again */
	LOAD_RESUMED,  /* the same with the ticket of the connection before */
	LOAD_REQUESTS, /* requests one after the other on each connection */
	LOAD_HOLD,     /* one request, then idle until told; then another to see that it lives */
	LOAD_NEW,      /* as LOAD_FULL, each connection to a site that none before was to */
	LOAD_KNOWN,    /* as LOAD_FULL, each to the next of the sites, all of which were visited */
	LOAD_VISIT, /* each site once; waits to be told after the first ones and after the last */
};

struct load_options {
	struct sockaddr_in server;
	enum load_mode mode;
	const char *sni, *path;
	const char *suite;    /* the one suite offered and demanded */
	X509 *certificate;    /* the leaf that must be shown; NULL: any */
	const char *trust;    /* file of the CAs that must have signed it, for the name asked
	                         for; NULL: any */
	const char *tunnel;   /* "ADDRESS:PORT" that the server is asked for by CONNECT first;
	                         NULL: it is the site itself */
	unsigned sites;       /* there are: s0.crowd.test, s1.crowd.test, ... */
	unsigned first_sites; /* LOAD_VISIT: before it waits the first time */
	bool plain;           /* no TLS */
	unsigned connections; /* at once */
	unsigned seconds, warmup_ms; /* measured, and before that */
};

enum {
	LOAD_NAME_MAX = 64,
	LOAD_REQUEST_MAX = 512,
	LOAD_HEADER_MAX = 4096,     /* bytes of a response's header block */
	LOAD_FAULTS_MAX = 8,        /* kinds of fault kept apart by their text */
	LOAD_SAMPLES_MAX = 1 << 20, /* durations kept; further ones are counted only */
	LOAD_CONNECTIONS_MAX = 20000,
	LOAD_THREADS_MAX = 16, /* more cores than the smallest case has connections */
	LOAD_READ_SIZE = 64 * 1024,
};

/* What happened since the clock of the measurement began. */
struct load_stat {
	bool measuring;
	uint64_t begin_ns, end_ns;
	uint64_t ops;                /* responses complete */
	uint64_t bytes;              /* of response bodies */
	uint64_t all_ops, all_bytes; /* the same from the start of the program */
	uint64_t full, resumed;      /* handshakes from the start of the program */
	uint64_t unclean;            /* connections that ended without close_notify */
	uint64_t faults;
	struct {
		char text[160];
		uint64_t count;
	} fault[LOAD_FAULTS_MAX];
	uint32_t *us; /* durations of ops, microseconds */
	unsigned nus; /* in `us` */
};

enum conn_state {
	CONN_CLOSED,
	CONN_CONNECTING,
	CONN_TUNNEL, /* CONNECT is sent, its answer is awaited */
	CONN_HANDSHAKE,
	CONN_REQUEST,
	CONN_RESPONSE,
	CONN_CLOSING, /* response complete, the server is to close */
	CONN_IDLE,    /* response complete, nothing more to do until told */
};

struct load;

struct conn {
	struct load *load;
	enum conn_state state;
	int fd;
	bool wants_write; /* what epoll was last told */
	SSL *ssl;
	SSL_SESSION *session; /* newest ticket (LOAD_RESUMED) */
	bool offered;         /* it was offered in this handshake */
	unsigned responses;   /* complete on this connection */
	uint64_t start_ns;    /* of the op in progress; behind CONNECT it begins with the answer */
	char name[LOAD_NAME_MAX];       /* of the site */
	char request[LOAD_REQUEST_MAX]; /* what it is asked */
	unsigned request_len;
	unsigned header_len; /* bytes in `header`; 0 and body_left > 0: in the body */
	int64_t body_left;   /* -1: header block not complete yet */
	char header[LOAD_HEADER_MAX];
};

/* What one thread has; nothing of it is seen by another before the end. */
struct load {
	struct load_options opt; /* `connections`: its own share of them */
	struct load_stat stat;
	SSL_CTX *ctx;
	int epoll_fd;
	bool stopping;       /* no new connection, no new request */
	unsigned next_site;  /* that the next connection is to */
	unsigned stride;     /* from one of its sites to the next: how many threads there are */
	unsigned last_sites; /* no connection from this one on; LOAD_KNOWN: begins anew */
	struct conn *conns;
	char data[LOAD_READ_SIZE]; /* what was read last */
};

/* The share that thread `member` of `members` has; 0 or -errno. load_finish in either case. */
int load_start(struct load *load, const struct load_options *opt, unsigned member,
               unsigned members);
void load_finish(struct load *load);

/* The parts of a run that measures a time: what must be so before it, warm-up, measured time. */
void load_run_before(struct load *load);
void load_run_warm_up(struct load *load);
void load_run_measured(struct load *load);
/* The modes that wait to be told; one thread. */
void load_run_hold(struct load *load);
void load_run_visit(struct load *load);
/* Measures with a thread a core (no more than connections) and prints; 0 or -errno. */
int load_threads_run(const struct load_options *opt);
/* Writes {"event":EVENT}. */
void load_say(const char *event);

/* Starts a connection or, on one that is idle, a request. */
void conn_begin(struct conn *conn);
/* Whether connections of this mode end after one response. */
bool load_closes(const struct load *load);
/* No further connection is to be begun. */
bool load_sites_over(const struct load *load);
/* Which site the connection is to, and what it asks. */
void load_site_choose(struct conn *conn);
/* CONNECT. ask: 0 or -1 with errno. answer: 1 when the tunnel stands, 0 when there is more to come,
 * -1 with errno or what is wrong. */
int load_tunnel_ask(struct conn *conn);
int load_tunnel_answer(struct conn *conn, const char **ret_wrong);

/* Goes as far as the socket lets it. */
void conn_step(struct conn *conn);
/* Ends it without a word; its ticket is kept. */
void conn_close(struct conn *conn);
void conn_free(struct conn *conn);

uint64_t load_now_ns(void);
int stat_init(struct load_stat *stat);
void stat_fini(struct load_stat *stat);
/* Counts an op that took from `start_ns` to now. */
void stat_op(struct load_stat *stat, uint64_t start_ns);
/* Counts a fault under its text. */
void stat_fault(struct load_stat *stat, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* Adds what another thread counted in the same time. */
void stat_add(struct load_stat *sum, const struct load_stat *other);
/* One line of JSON; sorts the durations. */
void stat_print(struct load_stat *stat, FILE *out);
