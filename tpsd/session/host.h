/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host of a worker's sessions: what they all share, and the way in for `wire`'s messages. It
 * knows neither processes nor channels: worker.c feeds it from messages, tests from sockets of
 * their own. One thread. docs/internals/session.md.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/attr.h"
#include "lib/event/reason.h"
#include "lib/ipc/message.h"
#include "tpsd/tls/keyhandle.h"

struct buf;
struct counter_slab;
struct host;
struct learned;
struct loop;
struct ring;
struct setup;
struct tls_capability;

/* What the host tells its owner; called from within its functions and from the loop. */
struct host_ops {
	/* As the message VERDICT. */
	void (*verdict)(void *arg, uint64_t flow, enum ipc_action action, enum ipc_reset reset,
	                enum reason reason);
	/* As the message ENDED: the sockets are closed. */
	void (*ended)(void *arg, uint64_t flow, enum reason reason);
};

struct host_parts {
	struct loop *loop;
	struct key_backend *keys;
	struct ring *ring;             /* events */
	struct counter_slab *counters; /* never NULL */
	struct learned *learned;       /* of all workers; NULL: one of its own */
	const struct host_ops *ops;
	void *arg;
	unsigned workers; /* that share the device's limits; at least 1 */
};

/* One a process: it loads the key provider. SL_ENOMEM, SL_ECRYPTO. */
int host_create(const struct host_parts *parts, struct host **ret_host) SL_NONNULL(1, 2) SL_MUST;

/* Resets all sessions, then frees. */
void host_destroy(struct host *h);

const struct tls_capability *host_capability(const struct host *h) SL_NONNULL(1);
struct keyprov *host_keyprov(struct host *h) SL_NONNULL(1);

/* New sessions begin under `setup` (a reference is taken); NULL: none are decrypted. */
void host_use_setup(struct host *h, struct setup *setup) SL_NONNULL(1);

/* A TICKET_KEY message. */
void host_add_ticket_key(struct host *h, uint32_t generation, const uint8_t *secret, size_t len)
        SL_NONNULL(1, 3);

enum { HOST_OWN_KEYS_MAX = 128 };

/* Key ids of this device's own CAs and leaf pool, as the message OWN_KEYS has them: no server
 * outside may show them. Replaces the list; more than HOST_OWN_KEYS_MAX are left out. `ids` may be
 * NULL for none. */
void host_set_own_keys(struct host *h, const uint8_t (*ids)[KEY_ID_LEN], size_t count)
        SL_NONNULL(1);

/* A HELLO message: answered by ops->verdict before this returns. */
void host_hello(struct host *h, const struct ipc_hello *hello) SL_NONNULL(1, 2);

/* A TAKEN message; the descriptors are the host's from here on, whatever comes of it. */
void host_taken(struct host *h, uint64_t flow, int client_fd, int server_fd) SL_NONNULL(1);
void host_gone(struct host *h, uint64_t flow, enum reason reason) SL_NONNULL(1);

/* Sessions open, and of those the ones that have not relayed yet. */
size_t host_sessions(const struct host *h) SL_NONNULL(1);
size_t host_handshakes(const struct host *h) SL_NONNULL(1);

/* What of the sessions is meant; a member that is 0 or NULL stands for any. */
struct host_filter {
	uint64_t flow;
	const struct addr *client, *server;
};

/* Ends sessions (R147) and returns how many. */
size_t host_clear(struct host *h, const struct host_filter *filter) SL_NONNULL(1, 2);

/* No flow is taken from now on: drain (R162) or panic's second step (R157). */
void host_pause(struct host *h, bool paused) SL_NONNULL(1);

/* What the device may not do (R36, R40): no new flow is taken, categories of names count for
 * nothing. Sessions that are open go on. */
struct host_unlicensed {
	bool inspection, categories;
};

void host_set_unlicensed(struct host *h, const struct host_unlicensed *unlicensed) SL_NONNULL(1, 2);

enum host_exception_kind { HOST_EXCEPT_CLIENT, HOST_EXCEPT_SERVER, HOST_EXCEPT_DOMAIN };
enum { HOST_EXCEPTIONS_MAX = 64 };

/* Flows that panic's first step leaves alone: by address, or by SNI ("*.a.test" any depth). */
struct host_exception {
	enum host_exception_kind kind;
	struct addr addr;
	char domain[256];
};

/* Replaces the list; `count` up to HOST_EXCEPTIONS_MAX, more are left out. */
void host_set_exceptions(struct host *h, const struct host_exception *list, size_t count)
        SL_NONNULL(1);

/* JSON for the CLI: up to `max` live sessions (R141, R146); the last closed one with `flow` (R163),
 * SL_ENOENT; failures by name, server and reason. Errors as buf_add. */
int host_list_json(const struct host *h, size_t max, struct buf *out) SL_NONNULL(1, 3) SL_MUST;
int host_explain_json(const struct host *h, uint64_t flow, struct buf *out)
        SL_NONNULL(1, 3) SL_MUST;
int host_failures_json(const struct host *h, struct buf *out) SL_NONNULL(1, 2) SL_MUST;

/* What would be done with a flow (R163). */
struct host_question {
	const char *name;                   /* a host name, an address or a URL */
	const struct addr *client, *server; /* NULL: any */
	uint16_t port;                      /* 0: the URL's, else 443 */
};

/* {"outcome", "reason", "reason_text", "steps": [{"step", "found"}]}. SL_EINVAL for a name that is
 * none, SL_ENOENT before there is a configuration. */
int host_decisions_json(struct host *h, const struct host_question *q, struct buf *out)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* {"learned": rows, "entries": how many there are}: of all workers (R156); rows that do not fit are
 * left off. Clears what is about a name (NULL: everything) and returns how many. */
int host_learned_json(struct host *h, struct buf *out) SL_NONNULL(1, 2) SL_MUST;
size_t host_learned_clear(struct host *h, const char *name) SL_NONNULL(1);
