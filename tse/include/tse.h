/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TSE, the Threat Suppression Engine, as a library: bytes of a stream in, a verdict out. It knows
 * no sockets, no TLS and no configuration file; the relay, tse-replay (over a pcap) and the
 * fuzzers all drive it through this header.
 *
 * Glossary
 *   rule set     what was compiled from rule text: patterns, conditions, actions. Read-only, one
 *                copy serves all flows of all threads; may be serialised and mapped.
 *   engine       a rule set plus the scratch of one thread. Not shared.
 *   flow         one session's inspection state, both directions.
 *   release      how many of the bytes fed may leave for the other end. Bytes not released are the
 *                caller's to keep and to feed again, longer, at the same place ("view").
 *   verdict      go on, trust the rest, or block.
 *
 * Nothing leaves before it is released: an HTTP/1 header block is released whole or not at all,
 * bodies as they stream. See docs/internals/engine.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/attr.h"

struct buf;
struct tse_engine;
struct tse_flow;
struct tse_ruleset;

enum tse_direction { TSE_TO_SERVER = 0, TSE_TO_CLIENT = 1 };

/* R94: what the decrypted bytes are said to be. TSE_SERVICE_OTHER: generic rules only (R95).
 * TSE_SERVICE_DETECT: nobody said; HTTP when the client speaks first and as HTTP/1, else OTHER. */
enum tse_service {
	TSE_SERVICE_HTTP = 0,
	TSE_SERVICE_IMAP = 1,
	TSE_SERVICE_POP3 = 2,
	TSE_SERVICE_OTHER = 3,
	TSE_SERVICE_DETECT = 4,
};

enum tse_verdict {
	TSE_GO_ON = 0, /* feed further bytes */
	TSE_TRUST = 1, /* the rest of the flow needs no inspection: all of it may leave */
	TSE_BLOCK = 2, /* end the session on both legs; release is 0 */
};

/* Action sets: permit or block, told or not, with TCP resets. */
enum tse_reset {
	TSE_RESET_NONE = 0,
	TSE_RESET_SOURCE = 1,
	TSE_RESET_DESTINATION = 2,
	TSE_RESET_BOTH = 3
};

struct tse_action {
	bool block;           /* else permit */
	bool notify;          /* an alert event is wanted */
	enum tse_reset reset; /* which ends get a RST when it blocks; source = client */
};

enum {
	TSE_MSG_MAX = 256,        /* bytes of a rule's msg, NUL included */
	TSE_HOLD_MAX = 64 * 1024, /* most bytes ever left unreleased in one direction */
	TSE_ERROR_TEXT_MAX = 256,
};

/* ---- rule sets --------------------------------------------------------------------------- */

/* One diagnosis of the compiler. Errors leave that rule out; warnings (a slow rule) do not. */
struct tse_diag {
	const char *file;
	unsigned line;   /* from 1 */
	unsigned column; /* from 1; 0: the whole rule */
	uint32_t sid;    /* 0 when it was not read yet */
	bool warning;
	const char *text;   /* what is wrong */
	const char *remedy; /* what to do about it; may be "" */
};

typedef void tse_diag_fn(void *arg, const struct tse_diag *diag);

/* One source of rules: text in the Suricata language and what its rules do when they match. */
struct tse_source {
	const char *name; /* file name for diagnoses; kept as a copy */
	const char *text; /* need not be NUL-terminated */
	size_t len;
	bool override_action; /* true: `action` for all its rules; false: by each rule's own */
	struct tse_action
	        action; /* action word (alert: permit+notify, drop/reject: block+notify, pass) */
};

struct tse_variable {
	const char *name;  /* "HOME_NET", without the $ */
	const char *value; /* as in suricata.yaml: "[10.0.0.0/8,!10.1.0.0/16]", "any" */
};

struct tse_compile {
	const struct tse_source *sources;
	size_t nsources;
	const struct tse_variable *variables; /* unknown $NAMEs in rules are an error naming them */
	size_t nvariables;
	tse_diag_fn *diag; /* may be NULL */
	void *diag_arg;
	size_t max_rules; /* 0: no bound of the caller's */
};

struct tse_ruleset_info {
	size_t rules;    /* loaded */
	size_t refused;  /* left out with an error */
	size_t patterns; /* in the multi-pattern matcher */
	size_t disabled; /* commented out: not counted as refused */
};

/*
 * Compiles rule text. Rules that do not load are named by `diag` and left out; the call fails only
 * for want of memory (SL_ENOMEM) or when a bound is passed (SL_ELIMIT). Free with
 * tse_ruleset_destroy. May take seconds for tens of thousands of rules.
 */
int tse_ruleset_compile(const struct tse_compile *how, struct tse_ruleset **ret_set)
        SL_NONNULL(1, 2) SL_MUST;
void tse_ruleset_destroy(struct tse_ruleset *set);
void tse_ruleset_info(const struct tse_ruleset *set, struct tse_ruleset_info *ret_info)
        SL_NONNULL(1, 2);

/*
 * Serialised form, for the compiled image that all workers map: written once by `control`, opened
 * without compiling any pattern. Same host and library version only; tse_ruleset_open checks a
 * header and a digest and answers SL_EMALFORMED or SL_EMISMATCH. `data` may be unmapped afterwards.
 */
int tse_ruleset_serialise(const struct tse_ruleset *set, struct buf *out) SL_NONNULL(1, 2) SL_MUST;
int tse_ruleset_open(const void *data, size_t len, struct tse_ruleset **ret_set)
        SL_NONNULL(1, 3) SL_MUST;

/* ---- engine and flows -------------------------------------------------------------------- */

struct tse_limits {
	size_t hold_max;           /* bytes unreleased, at most TSE_HOLD_MAX; 0: that */
	bool hold_overflow_block;  /* on_hold_limit: block (true) or release and go on (false) */
	size_t header_max;         /* bytes of an HTTP header block; 0: 64 KiB */
	size_t body_decoded_max;   /* bytes of a decoded body inspected; 0: 1 MiB. More: raw rules
	                              only */
	unsigned decode_ratio_max; /* decoded / encoded before it is a bomb; 0: 100 */
};

/* Per thread. `set` must outlive the engine. `limits` NULL: all defaults, and hold_overflow_block.
 * SL_ENOMEM. */
int tse_engine_create(const struct tse_ruleset *set, const struct tse_limits *limits,
                      struct tse_engine **ret_engine) SL_NONNULL(1, 3) SL_MUST;
void tse_engine_destroy(struct tse_engine *engine);

/* The true ends of a flow, as rule headers see them. Copied. */
struct tse_tuple {
	struct addr client, server;
	uint16_t client_port, server_port; /* host order */
};

/*
 * A new flow of `service`. It lives until tse_flow_end, which must come before the engine ends.
 * Memory per flow is bounded and is small until bytes are fed. SL_ENOMEM.
 */
int tse_flow_begin(struct tse_engine *engine, const struct tse_tuple *tuple,
                   enum tse_service service, struct tse_flow **ret_flow)
        SL_NONNULL(1, 2, 4) SL_MUST;
void tse_flow_end(struct tse_flow *flow);

/*
 * For a session whose responses are read by another rule set than its requests (R129-R131):
 * `flow` is fed the responses only, `requests` the requests only, and the responses are paired with
 * them, as HEAD, CONNECT and upgrades need. Both engines are of one thread. Call before feeding;
 * nothing may be fed to `flow` after `requests` ended; they end in any order. `requests` NULL:
 * nobody reads the requests; then `flow` goes on as bytes where it cannot follow the responses.
 */
void tse_flow_join(struct tse_flow *flow, struct tse_flow *requests) SL_NONNULL(1);

/*
 * For client inspection: what a server says in Alt-Svc of QUIC is overwritten with blanks in the
 * view of tse_feed, once the rules have seen it and before it is released. For what it reads as
 * HTTP/1 responses only.
 */
void tse_flow_hide_quic(struct tse_flow *flow) SL_NONNULL(1);

/* One rule that matched, or one anomaly of the protocol layer (sid from TSE_SID_ANOMALY on). */
struct tse_match {
	uint32_t gid, sid, rev;
	unsigned priority;     /* 1 is the gravest */
	const char *msg;       /* valid as long as the rule set */
	const char *classtype; /* or "" */
	const char *metadata;  /* as written, or "" */
	struct tse_action action;
	enum tse_direction direction;
	uint64_t offset;      /* in the direction's stream: where the last feed began */
	unsigned transaction; /* HTTP: request number from 0 */
};

enum { TSE_MATCHES_MAX = 16 }; /* kept a feed; more are counted in matches_lost */

struct tse_result {
	enum tse_verdict verdict;
	size_t release; /* of the view, from its front */
	size_t need;    /* more bytes at least, before anything can be released; 0: unknown */
	size_t nmatches;
	struct tse_match matches[TSE_MATCHES_MAX];
	size_t matches_lost;
	/* Bytes to send in place of the first `replaced` bytes of the view, which are not released
	 * (a header taken out). NULL: none. Owned by the engine, until the next call. */
	const uint8_t *replacement;
	size_t replacement_len;
	size_t replaced;
	const char *anomaly; /* NULL, or the protocol anomaly's name when that blocked */
	/* With TSE_BLOCK: what a client of HTTP/1 is waiting for is the answer to what was blocked,
	 * and no byte of it was released. So the caller may answer in the server's place (a block
	 * page); without a body when that was a HEAD. */
	bool answerable, answers_head;
};

/*
 * Inspects `len` bytes at the current place of a direction's stream. Bytes that the last call did
 * not release stand at the front of this view again (the same bytes, then new ones); released ones
 * do not come back. `eof`: nothing follows (len may be 0); everything is then released or blocked.
 *
 * Only new bytes are scanned. Never fails: what cannot be inspected is a verdict by the limits.
 * After TSE_TRUST or TSE_BLOCK further calls answer the same. Ret: all fields set. The view's bytes
 * stay as they are but for tse_flow_hide_quic().
 */
void tse_feed(struct tse_flow *flow, enum tse_direction direction, uint8_t *view, size_t len,
              bool eof, struct tse_result *ret) SL_NONNULL(1, 6);

/* What is known of the flow's current HTTP transaction, for events; fields "" when unknown. */
struct tse_http_info {
	char method[16];
	char host[256];
	char uri[1024];
	char user_agent[256];
	unsigned status; /* 0: none yet */
	unsigned transactions;
};

/* false when the flow is not HTTP or has had no request line yet. */
bool tse_flow_http(const struct tse_flow *flow, struct tse_http_info *ret_info) SL_NONNULL(1, 2);

/* Bytes inspected (scanned by at least the raw matcher) in both directions since the start. */
uint64_t tse_flow_bytes(const struct tse_flow *flow) SL_NONNULL(1);

/* Numbers of the protocol anomalies begin here. */
#define TSE_SID_ANOMALY 4000000000u
