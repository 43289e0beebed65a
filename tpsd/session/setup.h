/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration revision as sessions use it: everything that can be made before the first flow
 * is, so that a flow only looks up. Counted; a session keeps the one it began under (R144).
 * Worker's thread.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/conf/config.h"
#include "tpsd/tls/context.h"
#include "tpsd/tls/suite.h"

struct decryption;
struct inspector;
struct keyprov;
struct pki_chain;
struct pki_name_index;
struct tie_cache;

enum { SETUP_DIGEST_LEN = 32 };

/* The one or two certificates that a client gets for a name, and the context made of them. */
struct setup_identity {
	const struct tls_certificate *certs[2]; /* RSA, ECDSA; either may be NULL */
	SSL_CTX *ctx;                           /* made when first used */
	uint8_t digest[SETUP_DIGEST_LEN];       /* of proxy settings and certificates: tickets */
	uint64_t mismatch_said_ns;              /* last time R152's warning was said; 0: never */
};

/* A CA that signs forged leaves. */
struct setup_issuer {
	const struct tls_certificate *certificate; /* NULL: none */
	int64_t from;                              /* a successor's time to begin (R153) */
	STACK_OF(X509) * chain;                    /* sent behind its leaves */
};

/* A proxy of either kind. The members of the other kind are NULL. */
struct setup_proxy {
	const struct config_proxy *config;
	const struct config_server_proxy *server; /* one of these two is not NULL */
	const struct config_client_proxy *client;
	struct tls_selection client_side, server_side;
	uint8_t digest[SETUP_DIGEST_LEN]; /* of its TLS and trust settings */
	/* Of servers: */
	SSL_CTX *server_ctx;
	struct pki_name_index *names;      /* items are indices of config.certificates */
	struct setup_identity *identities; /* each pair of certificates once */
	size_t identities_count, identities_size;
	X509_STORE *trust; /* NULL: none; of the setup */
	/* Of clients: */
	SSL_CTX *client_ctx;            /* without a certificate: each session has its leaf */
	struct tie_cache *ties;         /* contexts of server legs */
	struct setup_issuer issuers[2]; /* the signing certificate, its successor */
};

struct setup {
	unsigned refs;
	uint32_t revision;
	struct config *config;
	struct tls_certificate *certificates; /* by index; leaf NULL: not to be had */
	struct setup_proxy *proxies;          /* of servers, by index */
	struct setup_proxy *client_proxies;   /* by index */
	X509_STORE **trust_stores;            /* by index */
	X509_STORE *default_trust;       /* of client policies without a trust store, or NULL */
	struct decryption **decryptions; /* by index of the decryption policy */
	struct inspector **inspectors;   /* by profile index; NULL: nothing to inspect with */
};

/* Where the parts come from that are in no configuration: the image, or a test. */
struct setup_source {
	/* Public part of a certificate; the callee keeps it for as long as this call lasts. */
	int (*certificate)(void *arg, uint32_t index, X509 **ret_leaf, STACK_OF(X509) * *ret_chain);
	/* A trust store's certificates into `store`. */
	int (*trust_store)(void *arg, uint32_t index, X509_STORE *store);
	/* The default CA certificates into `store`. */
	int (*default_trust)(void *arg, X509_STORE *store);
	/* A decryption policy's lists; freed with decryption_destroy. */
	int (*decryption)(void *arg, const struct config_decryption_policy *policy,
	                  struct decryption **ret_decryption);
	/* What inspects for a profile; NULL when it has no filters. */
	int (*inspector)(void *arg, const struct config_profile *profile,
	                 struct inspector **ret_inspector);
	/* One item refused or noticed (`status` 0: a notice). */
	void (*item)(void *arg, int status, const char *path, const char *text, const char *remedy);
	void *arg;
};

/*
 * Takes a reference of `config`. Items that fail are told to source->item, all of them, and the
 * call fails with the first one's code (R52). One reference for the caller.
 */
int setup_create(struct config *config, uint32_t revision, const struct tls_capability *cap,
                 struct keyprov *keyprov, const struct setup_source *source, struct setup **ret)
        SL_NONNULL(1, 3, 4, 5, 6) SL_MUST;
struct setup *setup_get(struct setup *s) SL_NONNULL(1);
void setup_put(struct setup *s);

/* The proxy of a policy of this setup's config; NULL for NULL. */
struct setup_proxy *setup_find_proxy(const struct setup *s, const struct config_proxy *proxy)
        SL_NONNULL(1);

/*
 * The identity for a name: its certificates (exact, then wildcard), else the one whose key the
 * server showed (`key_id`, may be NULL), else the default. `ret_named` tells whether the name had
 * one. NULL when there is none at all or no memory.
 */
struct setup_identity *setup_find_identity(struct setup *s, struct setup_proxy *proxy,
                                           const char *sni, const uint8_t *key_id, bool *ret_named)
        SL_NONNULL(1, 2, 3, 5);

/* The identity's context, made now if need be. */
int setup_identity_ctx(struct setup *s, struct setup_proxy *proxy, struct setup_identity *identity,
                       SSL_CTX **ret_ctx) SL_NONNULL(1, 2, 3, 4) SL_MUST;

/* The CA that signs at `now`, seconds since the epoch; NULL when it cannot be used (R153). */
const struct setup_issuer *setup_find_issuer(const struct setup_proxy *proxy, int64_t now)
        SL_NONNULL(1);

/* What a client policy's servers are verified by, and what it does not decrypt (NULL: nothing). */
X509_STORE *setup_policy_trust(const struct setup *s, const struct config_client_policy *policy)
        SL_NONNULL(1, 2);
const struct decryption *setup_policy_decryption(const struct setup *s,
                                                 const struct config_client_policy *policy)
        SL_NONNULL(1, 2);

/* Whether one of the proxy's certificates has this key. */
const struct tls_certificate *setup_find_key(const struct setup *s, const struct setup_proxy *proxy,
                                             const uint8_t key_id[KEY_ID_LEN]) SL_NONNULL(1, 2, 3);
