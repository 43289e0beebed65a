/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices: made by a person under a name, enrolled by a token once, known by a client certificate
 * from then on. The device CA's key is in the vault; its certificate is made at the first start.
 * Pool threads, but for device_ca_context. docs/internals/sms.md, "Devices".
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/conf/name.h"
#include "lib/pki/hpke.h"
#include "lib/remote/remote.h"
#include "lib/remote/token.h"

struct actor;
struct problem;
struct store;
struct store_tx;
struct vault;

enum {
	DEVICES_MAX = 1000,
	DEVICE_NAME_MAX = CONF_NAME_SHORT + 1,
	DEVICE_TOKEN_S = 24 * 3600,
	DEVICE_SILENT_S = 180,   /* not heard of for so long: offline */
	DEVICE_SEEN_STEP_S = 60, /* how exactly that is kept */
	DEVICE_COMMENT_MAX = 1024,
	DEVICE_KEYS_MAX = 1000, /* of one device; six a year are renewals */
	/* Wrong tokens: from one address a minute, and from all. Beyond it 429, whoever asks: a
	 * secret has 256 bits, so the limit is for our CPU and the audit log. */
	DEVICE_WRONG_SOURCE = 10,
	DEVICE_WRONG_ALL = 100,
};

/* X(NAME, "name", "help") */
#define DEVICE_STATES(X)                                                                           \
	X(NEW, "new", "waits for its token to be redeemed")                                        \
	X(ENROLLED, "enrolled", "has a certificate of ours")                                       \
	X(REVOKED, "revoked", "its certificate counts for nothing; it drops the keys it fetched")

enum device_state {
#define X(NAME, name, help) DEVICE_##NAME,
	DEVICE_STATES(X)
#undef X
	        DEVICE_STATE_END
};

const char *device_state_name(enum device_state state);

/* A row of the table. */
struct device {
	int64_t id;
	char name[DEVICE_NAME_MAX];
	int64_t revision; /* of what people change: name, comment, settings */
	enum device_state state;
	char *comment;
	json_t *settings;     /* its part of its document (document.h); NULL before it enrolled */
	json_t *capabilities; /* as it told; NULL before */
	json_t *health;       /* the same */
	/* Canonical document in force, as it told; NULL. Of device_get and device_get_id alone. */
	char *document;
	uint8_t document_sha256[32];
	uint8_t sealing_key[HPKE_PUBLIC];
	int64_t certificate_ends_ms;
	int64_t made_ms, enrolled_ms, seen_ms; /* 0: never */
	int64_t wanted;                        /* revision; 0: none yet */
	uint8_t wanted_sha256[32];             /* of its document; zeros: none */
};

void device_fini(struct device *device) SL_NONNULL(1);

/* ---- for people -------------------------------------------------------------------------- */

/* SL_ENOENT. */
int device_get(struct store *store, const char *name, struct device *ret_device,
               struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
int device_get_id(struct store *store, int64_t id, struct device *ret_device,
                  struct problem *problem) SL_NONNULL(1, 3, 4) SL_MUST;

typedef int device_fn(void *arg, const struct device *device);
int device_list(struct store *store, const char *after, unsigned limit, device_fn *fn, void *arg)
        SL_NONNULL(1, 2, 4) SL_MUST;

/* A new device and the token that enrols it, shown once. SL_EEXIST, SL_EINVAL, SL_ELIMIT. */
int device_create(struct store *store, const struct actor *actor, const char *name,
                  const char *comment, char ret_token[REMOTE_TOKEN_MAX], struct problem *problem)
        SL_NONNULL(1, 2, 3, 5, 6) SL_MUST;

/* Another token; the ones before count no more. An enrolled device keeps its certificate until the
 * new token is redeemed: then that one counts for nothing. */
int device_new_token(struct store *store, const struct actor *actor, const char *name,
                     char ret_token[REMOTE_TOKEN_MAX], struct problem *problem)
        SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* Settings or comment; NULL leaves it. SL_ECONFLICT; document_check_settings' codes. */
int device_change(struct store *store, const struct actor *actor, const char *name,
                  int64_t revision, const json_t *settings, const char *comment,
                  struct problem *problem) SL_NONNULL(1, 2, 3, 7) SL_MUST;

/* Its certificate and tokens count for nothing from now on, never again with the same key. */
int device_revoke(struct store *store, const struct actor *actor, const char *name,
                  struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* SL_EBUSY: enrolled; revoke it first. */
int device_delete(struct store *store, const struct actor *actor, const char *name,
                  struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* {name, state, online, comment, revision, wanted, in_step, made, enrolled, seen, certificate_ends,
 * model, version, capabilities, health, settings}; what there is not is left out. `in_step`: the
 * document in force is the one wanted. */
int device_show(const struct device *device, int64_t now_ms, json_t **ret_shown)
        SL_NONNULL(1, 3) SL_MUST;

/* ---- for devices ------------------------------------------------------------------------- */

/* The device as who does it. */
struct actor device_actor(const char *name, const char *from) SL_NONNULL(1, 2);

/* Redeems a token; failures are counted by who calls. SL_EREFUSED: wrong, used, ended, another's:
 * never says which; SL_EINVAL: the request or the sealing key, or a key that was revoked. The
 * answer is remote_shape_enrolled. */
int device_enrol(struct store *store, struct vault *vault, const char *from, const json_t *body,
                 json_t **ret_answer, struct problem *problem) SL_NONNULL(1, 2, 3, 4, 5, 6) SL_MUST;

/* Whose certificate this is, by its SHA-256; moves `seen` on (to the minute) and, when it is the
 * new one of a renewal, ends the old one. SL_EREVOKED: nobody's, or revoked. */
int device_identify(struct store *store, X509 *certificate, struct device *ret_device)
        SL_NONNULL(1, 2, 3) SL_MUST;

/* Of a key that no certificate was ever given for: SL_EINVAL. SL_ELIMIT: DEVICE_KEYS_MAX. */
int device_renew(struct store *store, struct vault *vault, const struct device *device,
                 const char *from, const json_t *body, json_t **ret_answer, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4, 5, 6, 7) SL_MUST;

/* What a status says of the device itself: capabilities, health, document. The revision's state is
 * push's. */
int device_told(struct store *store, const struct device *device, const json_t *status,
                struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* In a write: the revision that it should have from now on. */
int device_want_tx(struct store_tx *tx, int64_t id, int64_t revision) SL_NONNULL(1) SL_MUST;

/* ---- the device CA ----------------------------------------------------------------------- */

/* Makes it when there is none. */
int device_ca_open(struct store *store, struct vault *vault, struct problem *problem)
        SL_NONNULL(1, 2, 3) SL_MUST;

/*
 * The context of port 8444: a certificate of the device CA for a key of this start, which port
 * makes again before it ends; client certificates are asked for and verified by the device CA
 * alone, and may be left out (enrol). The event thread's once made.
 */
int device_ca_context(struct store *store, struct vault *vault, SSL_CTX **ret_ctx,
                      int64_t *ret_ends_ms, struct problem *problem)
        SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;

/* What the context shows: made in the pool, shown in the event thread. */
struct device_server {
	X509 *certificate, *ca;
	EVP_PKEY *key;
	int64_t ends_ms;
};
int device_server_make(struct store *store, struct vault *vault, struct device_server *ret_server,
                       struct problem *problem) SL_NONNULL(1, 2, 3, 4) SL_MUST;
int device_server_show(const struct device_server *server, SSL_CTX *ctx) SL_NONNULL(1, 2) SL_MUST;
void device_server_fini(struct device_server *server) SL_NONNULL(1);
