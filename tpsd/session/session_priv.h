/* SPDX-License-Identifier: Apache-2.0 */
/* A session and its host, as the files of this folder see them. Worker's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/loop.h"
#include "lib/event/counter.h"
#include "lib/event/event.h"
#include "lib/wire/clienthello.h"
#include "tpsd/inspect/inspector.h"
#include "tpsd/session/farewell.h"
#include "tpsd/session/host.h"
#include "tpsd/session/learned.h"
#include "tpsd/session/leg.h"
#include "tpsd/session/outbound.h"
#include "tpsd/session/setup.h"
#include "tpsd/tls/fingerprint.h"
#include "tpsd/tls/resume.h"
#include "tpsd/tls/ticket.h"
#include "tpsd/tls/tls_leg.h"

enum step {
#define X(NAME, name, waits) STEP_##NAME,
#include "tpsd/session/step.def"
#undef X
	STEP_END
};

enum {
	SESSION_MAGIC = 0x53455353,
	SESSION_SNI_MAX = CLIENTHELLO_NAME_MAX + 1,
	SESSION_ALPN_OFFER_MAX = 256, /* bytes of the offer passed on; more are left out */
	SESSION_SUITES_KEPT = 32,     /* of the client's offer, for events */
	RELAY_READ_MAX = 64 * 1024,   /* read at once from a leg */
	RELAY_HELD_MAX = TSE_HOLD_MAX + RELAY_READ_MAX, /* a direction, unreleased or unwritten */
	RELAY_BUDGET = 256 * 1024, /* bytes of a direction before others have their turn */
	HOST_CLOSED_KEPT = 256,    /* closed sessions that explain knows */
	HOST_CLOSED_TEXT = 2048,
	HOST_REPEATS = 512, /* reasons aggregated at once (R98) */
};

/* What of the ClientHello outlives its bytes. */
struct hello_summary {
	char sni[SESSION_SNI_MAX]; /* as sent, to be forwarded so (R25); "" none */
	uint8_t alpn[SESSION_ALPN_OFFER_MAX];
	size_t alpn_len;
	unsigned versions; /* enum clienthello_version bits */
	uint16_t legacy_version;
	uint16_t suites[SESSION_SUITES_KEPT];
	unsigned suites_count;
	unsigned suites_offered;
	bool psk, ticket, ech;
};

/* One direction of the relay. */
struct direction {
	struct leg *from, *to;
	struct buf held; /* `unsent` released bytes for `to`, then the engine's view so far */
	size_t unsent;
	bool eof;                         /* `from` has ended */
	bool eof_fed;                     /* … and the engine knows */
	bool notified;                    /* … and `to` got the close_notify, if there was one */
	bool finished;                    /* … and the FIN */
	bool trusted;                     /* nothing is inspected any more */
	unsigned read_wants, write_wants; /* of from and to */
	uint64_t bytes;                   /* plaintext sent on */
};

struct session {
	uint32_t magic;
	enum step step;
	struct host *host;
	struct setup *setup;
	struct session *next;          /* of its bucket */
	struct session *newer, *older; /* of all */
	uint64_t flow;

	struct addr client, server;
	uint16_t client_port, server_port;
	uint16_t segment, vlan;
	uint8_t client_side, tunnel;
	uint32_t tunnel_key;

	const struct config_virtual_segment *virtual_segment; /* of the request */
	const struct config_virtual_segment *response_segment;
	const struct config_policy *policy;
	struct setup_proxy *proxy;
	struct outbound *out; /* client inspection; NULL: server inspection */

	struct hello_summary hello;
	struct fingerprint fingerprint; /* of the client's hello */
	bool hello_seen;
	enum reason plain;  /* it is no TLS (R154), and why that was thought; REASON_NONE: it is */
	struct leg legs[2]; /* enum leg_side */
	struct direction directions[2]; /* enum tse_direction */
	struct loop_timer timer;
	struct loop_timer again; /* enters the driver from the loop */
	uint64_t begun_ns, taken_ns, server_ns, client_begun_ns, client_ns; /* loop's time */
	uint64_t active_ns;                                                 /* last byte */
	uint8_t ready;     /* bits of the directions that an event concerns */
	uint8_t first_end; /* 1 + side of the leg that ended first; 0: none has */
	bool established;
	bool handshaking; /* counted in host.handshakes */
	bool ending;
	bool splicing;
	int pipes[2][2];
	size_t piped[2];

	uint8_t resume_key[RESUME_KEY_LEN];
	struct tls_verified verified;
	bool verified_known;
	bool resumed_server, resumed_client;
	const uint8_t *server_alpn;
	unsigned server_alpn_len;
	struct setup_identity *identity;
	bool named; /* the SNI has a certificate */

	void *flows[2]; /* inspector's, by direction; both the same when one inspects both */
	struct inspector *inspectors[2];
	bool http2; /* negotiated, or seen without negotiation */
	unsigned matches;
	enum reason block_reason;
	bool answered;   /* the client got a block page */
	bool block_told; /* … and the filter's event is written, which has its reference */
	uint8_t alert_to_client; /* TLS_NO_ALERT: none */
	/* Of a record only: what a policy that observes would have done (R114). */
	enum reason_outcome would; /* OUTCOME_NONE: it does not observe */
	enum reason would_reason;
	const struct clienthello *offer; /* of a record only: its fingerprint is still to be made */
};

/* Repeated outcomes of a minute, written as one event (R98). */
struct repeat {
	uint64_t hash; /* of policy, SNI, reason and what would have been; 0: free */
	uint64_t minute_ns;
	uint32_t count; /* not written yet */
	enum reason reason;
	enum reason_outcome would; /* as in struct session */
	enum reason would_reason;
	struct addr client, server;
	uint16_t client_port, server_port;
	char sni[SESSION_SNI_MAX];
	char policy[64];
};

struct closed {
	uint64_t flow;
	uint32_t len;
	char text[HOST_CLOSED_TEXT];
};

struct failure_row {
	uint64_t hash;
	enum reason reason;
	uint64_t count, last_us, last_flow;
	struct addr server;
	uint16_t server_port;
	char sni[SESSION_SNI_MAX];
};

/* What verification of a server's chain has found, by what it depends on. */
struct known_chain {
	uint8_t key[PKI_PRINT_LEN]; /* of chain, name and trust store */
	enum pki_fault fault;
	int64_t until; /* seconds since the epoch */
};

enum {
	HOST_BUCKETS = 16384,
	HOST_SOURCES = 4096,
	HOST_FAILURES = 256,
	HOST_KNOWN_CHAINS = 1024,
	HOST_KNOWN_CHAIN_S = 3600, /* a verdict is looked for anew after it */
};

/* Open sessions of sources (or destinations) that hash alike, with a seed of this process. */
struct source_count {
	uint32_t sessions;
};

struct host {
	struct loop *loop;
	const struct host_ops *ops;
	void *arg;
	struct ring *ring;
	struct counter_slab *counters;
	unsigned workers;
	struct key_backend *keys;
	struct keyprov *keyprov;
	struct flight *flight;    /* of all legs */
	struct leafcache *leaves; /* forged ones */
	struct farewells *farewells;
	struct known_chain known_chains[HOST_KNOWN_CHAINS];
	bool signing_lost; /* R153, said already */
	struct tls_capability capability;
	struct ticket_keys tickets;
	uint8_t own_keys[HOST_OWN_KEYS_MAX][KEY_ID_LEN];
	size_t own_keys_count;
	struct resume_cache *resume;
	struct setup *setup;
	struct session *buckets[HOST_BUCKETS];
	struct session *newest, *oldest;
	size_t sessions, handshakes;
	bool over_sessions, over_handshakes; /* hysteresis (R160) */
	bool paused;
	struct host_unlicensed unlicensed;
	struct host_exception exceptions[HOST_EXCEPTIONS_MAX];
	size_t exceptions_count;
	struct source_count sources[HOST_SOURCES];
	struct source_count destinations[HOST_SOURCES];
	struct learned *learned;     /* shared by all workers */
	struct learned *own_learned; /* … or this host's, when nobody gave it one */
	uint64_t seed;               /* of the hashes */
	struct repeat repeats[HOST_REPEATS];
	struct loop_timer minute;
	struct failure_row failures[HOST_FAILURES];
	struct closed *closed; /* ring of HOST_CLOSED_KEPT */
	size_t closed_at;
	struct event_line line; /* scratch */
	uint8_t hello_scratch[CLIENTHELLO_MAX];
	uint8_t peek_scratch[CLIENTHELLO_MAX];
	uint8_t read_scratch[RELAY_READ_MAX];
	struct tse_result result;
};

/* ---- session.c ---- */
struct session *session_create(struct host *h, const struct ipc_hello *hello);
struct session *session_find(struct host *h, uint64_t flow);
/* Walks the steps until one waits; the session may be gone afterwards. */
void session_drive(struct session *s);
/* Out of the host's lists and counts. */
void session_unlink(struct session *s);
void session_wake(void *arg);
void session_arm(struct session *s, uint64_t delay_ns);
const char *step_name(enum step step);

void session_handshake_over(struct session *s);
struct source_count *host_source(struct host *h, const struct addr *client);
struct source_count *host_destination(struct host *h, const struct addr *server, uint16_t port);

/* ---- ending.c ---- */
/* Ends it: both legs, the event, the counters, `wire`, its memory. */
void session_close(struct session *s, enum reason reason);
/* As session_close, but the ends get no RST unless they must: FIN, and alerts where TLS has them.
 */
void session_close_orderly(struct session *s, enum reason reason);
/* As session_close for a block: each end gets a FIN or a RST. The reason is s->block_reason. */
void session_close_blocked(struct session *s, bool client_orderly, bool server_orderly);
/* The destination with this name is left alone by `reason` for every client. */
void session_learn_shared(struct session *s, enum reason reason);

/* ---- steps: 0 done, SL_EAGAIN, or SL_EREFUSED when the session is closed (and freed) ---- */
int step_hello(struct session *s);
int step_server(struct session *s);
int step_verify(struct session *s);
int step_identity(struct session *s);
int step_client(struct session *s);
int step_relay(struct session *s);
/* How a relay ended that both ends let end. */
enum reason relay_reason(const struct session *s);
int splice_run(struct session *s);
void splice_fini(struct session *s);

/* ---- decide.c ---- */
struct decision {
	enum ipc_action action;
	enum ipc_reset reset;
	enum reason reason;
	uint8_t alert; /* TAKE all the same, to tell the client why; TLS_NO_ALERT: none */
	bool plain;    /* TAKE to relay it as it is, since it is no TLS: `reason` says why (R154) */
};
/* How a flow is judged: by host_hello(), and for those who ask beforehand. */
struct judgement {
	const struct ipc_hello *flow;
	const struct clienthello
	        *hello; /* given, or read from the flow's bytes; NULL: there is none */
	struct clienthello parsed;
	int parse; /* what reading it came to */
	struct policy_match match;
	struct setup_proxy *proxy;      /* of the policy */
	struct outbound outbound, *out; /* of a client policy; NULL: of none */
	enum reason learned;
	struct decision would;    /* by policy alone */
	struct decision decision; /* and by what stands above it */
};
/* Everything but flow and hello is 0 before it. */
void flow_judge(struct host *h, struct judgement *j);
/* As clienthello_parse, no longer than limits.hello_size. */
int hello_read(struct host *h, const uint8_t *data, size_t len, struct clienthello *ret);
void hello_summarise(const struct clienthello *h, struct hello_summary *ret);
/* What the proxy says of the offer: REASON_NONE, CLIENT_VERSION, CLIENT_SUITE or ECH. */
enum reason hello_judge(const struct setup_proxy *proxy, const struct clienthello *h);
enum config_action class_action(const struct config_proxy *proxy, enum reason reason);
/* What a client with such a ClientHello is told. */
uint8_t hello_alert(enum reason reason);
/* Whether the destination is left alone: for all, or for this client (R156). */
enum reason what_is_learned(struct host *h, const struct learned_key *of,
                            const struct outbound *out);

/* ---- settle.c ---- */
/* What one of its decisions comes to, if all goes well; an excepted name is taken as proved. */
enum reason_outcome judgement_outcome(const struct judgement *j, const struct decision *d,
                                      enum reason *ret_reason);
/* Counts what was found wrong with the beginning of a flow. */
void host_count_protocol(struct host *h, enum reason reason);

/* ---- decide_client.c, step_verify_client.c, step_forge.c: client inspection ---- */
/* From policy and ClientHello (NULL: none was read yet). */
void outbound_init(const struct host *h, struct outbound *out, const struct setup *setup,
                   const struct policy_match *match, const struct clienthello *hello);
/* The ClientHello, which came later. */
void outbound_read(const struct host *h, struct outbound *out, const struct setup *setup,
                   const struct clienthello *hello);
/* Whether it is not to be decrypted (or cannot be): *ret is set. */
bool outbound_decide(struct host *h, const struct setup_proxy *proxy, const struct outbound *out,
                     struct decision *ret);
enum reason outbound_reason(const struct outbound *out); /* of an excepted name */
int outbound_create(struct session *s, const struct outbound *from);
void outbound_destroy(struct session *s);
int step_verify_client(struct session *s);
int step_forge(struct session *s);
/* Keeps the server's session for resumption, once VERIFY is through. */
void session_keep_server(struct session *s);
/* The certificate that the server showed in this handshake, or in the one that is resumed; the
 * caller's to free. NULL: no memory, or server inspection that resumed. */
X509 *session_server_leaf(struct session *s);

/* ---- inspection.c ---- */
/* Whether anything reads what goes to the server, or the answers (NULL: as the requests). */
bool inspection_is_there(const struct setup *setup, const struct config_virtual_segment *request,
                         const struct config_virtual_segment *response);
int inspection_begin(struct session *s);
void inspection_end(struct session *s);
uint64_t inspection_bytes(const struct session *s);
/* Feeds and acts on what came: 0, or SL_EREFUSED when the session was blocked and is gone. */
int inspection_feed(struct session *s, enum tse_direction d, uint8_t *view, size_t len, bool eof,
                    struct tse_result *ret);

/* ---- line.c: fields of an event ---- */
void line_flow(struct event_line *l, const struct session *s);
void line_policy(struct event_line *l, const struct session *s);
void line_outcome(struct event_line *l, const struct session *s, enum reason reason,
                  enum reason_outcome outcome);
/* The rule of the decryption policy that decided; nothing for NULL. */
void line_domain(struct event_line *l, const struct outbound *out);
/* What a policy that observes would have done; nothing for OUTCOME_NONE. */
void line_would(struct event_line *l, enum reason_outcome outcome, enum reason reason);
/* Both legs, and the offer. */
void line_tls(struct event_line *l, const struct session *s);
/* All of one that ended. */
void line_session(struct event_line *l, const struct session *s, enum reason reason,
                  enum reason_outcome outcome);
/* A whole event of one that lives, without its end. */
void line_live(struct event_line *l, const struct session *s);

/* ---- recall.c: what can be asked later ---- */
uint64_t recall_hash(uint64_t hash, const char *text);
/* The event in h->line is that of a session that ended. */
void recall_keep(struct host *h, const struct session *s);
void recall_count_failure(struct host *h, const struct session *s, enum reason reason);

/* ---- record.c ---- */
void record_end(struct session *s, enum reason reason, enum reason_outcome outcome);
void record_match(struct session *s, const struct tse_match *m);
void record_mismatch(struct session *s, X509 *leaf);
/* R167: the Host of the last request is one that the certificate the client saw does not cover. */
void record_host_mismatch(struct session *s);
/* R168: the name in the SNI is excepted, and the server has no trusted certificate for it. */
void record_sni_forged(struct session *s);
/* A flow that never became a session (or never will): not decrypted, dropped. */
void record_decision(struct session *s, enum reason reason, enum reason_outcome outcome);
void record_minute(struct loop_timer *timer);
